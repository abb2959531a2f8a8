# SPDX-License-Identifier: LGPL-2.1-or-later
"""Domains whose images may be damaged: remedies repair them while the domain is shut off."""

import os
import unittest

from lib import images
from lib.damage import break_refcounts, spoil_first_entry
from lib.offlinecase import OfflineCase
from lib.remedycase import INCIDENT, JOB, RemedyCase


def spoil_top(guest):
    spoil_first_entry(guest.path('vda', 's1'))


class CrashCase(RemedyCase, OfflineCase):
    def crash(self, **options):
        """A guest whose QEMU is killed while it writes to an overlay."""
        guest = self.guest(cache='writethrough', **options).start()
        guest.snapshot()
        guest.wait_rounds(3)
        guest.wait_until_bootable()     # sinterd may boot it at once
        os.kill(guest.pid(), 9)
        return guest

    def assert_sound(self, path):
        found = images.check(path)
        self.assertEqual([found.get(name, 0) for name in ('corruptions', 'leaks')], [0, 0], path)


class CrashedAndStarted(CrashCase):
    config = '[remedies]\nuse=crashed\n[remedy-crashed]\nstart=yes\n'

    def test_repaired_and_started(self):
        guest = self.crash()
        job = self.wait_for(JOB, guest, Phase='done')
        self.assertEqual(job['Operation'], 'recover')
        self.assertEqual([image['path'] for image in job['Images']], self.paths(guest)[:1])
        self.assertEqual({image['state'] for image in job['Images']}, {'checked'})
        ended = self.wait_for(INCIDENT, guest, State='resolved', Attempts=1)
        self.assertIn('remedy-crashed proposes repair, start',
                      ' / '.join(entry[2] for entry in ended['Timeline']))
        self.assert_whole(guest)


class Crashed(CrashCase):
    config = '[remedies]\nuse=transient\n'

    def test_only_when_a_user_says_so(self):
        guest = self.crash()
        top = guest.path('vda', 's1')
        self.wait_timeline(guest, 'proposal', 'remedy-crashed proposes repair')
        incident = self.wait_for(INCIDENT, guest, State='open', Attempts=0, Cause='qemu-crashed')
        break_refcounts(top)
        done = self.bench.sinter('incidents', 'choose', incident['Id'], 'crashed')
        job = self.wait_for(JOB, guest, Phase='done')
        self.assertEqual(done.stdout, f'Job {job["Id"]}\n')
        self.assertGreater(job['Images'][0]['repaired'], 0)
        self.assertEqual(len(job['UndoFiles']), 1)
        self.assert_sound(top)
        ended = self.wait_for(INCIDENT, guest, State='resolved')
        self.assertEqual(ended['Outcome'], 'the images are sound')
        self.assertFalse(guest.is_active())
        guest.start()
        self.assert_whole(guest)

    def test_another_process_has_the_image(self):
        guest = self.crash()
        top = guest.path('vda', 's1')
        incident = self.wait_for(INCIDENT, guest, State='open', Cause='qemu-crashed')
        holder = self.hold(top)
        self.bench.sinter('incidents', 'choose', incident['Id'], 'crashed')
        job = self.wait_for(JOB, guest, Phase='failed')
        holder.communicate()
        self.assertIn(top, job['ErrorMessage'])
        self.assertEqual(self.wait_for(INCIDENT, guest, State='open', Attempts=1)['Id'],
                         incident['Id'])
        guest.start()
        self.assert_whole(guest)

    def test_damage_that_would_lose_data(self):
        """The domain stays off, and the incident says what is left."""
        guest = self.crash()
        incident = self.wait_for(INCIDENT, guest, State='open', Cause='qemu-crashed')
        top = guest.path('vda', 's1')
        with open(top, 'rb') as file:
            whole = file.read()
        spoil_first_entry(top)
        self.bench.sinter('incidents', 'choose', incident['Id'], 'crashed')
        job = self.wait_for(JOB, guest, Phase='failed')
        self.assertIn('the domain stays shut off', job['ErrorMessage'])
        self.wait_timeline(guest, 'remedy', 'corruptions and 0 errors that were not repaired')
        self.assertFalse(guest.is_active())
        with open(top, 'wb') as file:
            file.write(whole)
        guest.start()
        self.assert_whole(guest)


class CorruptCase(CrashCase):
    def spoil(self, harm):
        """A guest that runs on an image that somebody damaged while it was shut off."""
        guest = self.guest(cache='writethrough', error_policy='stop').start()
        guest.snapshot()
        guest.wait_rounds(3)
        guest.stop()
        harm(guest)
        guest.start(n_rounds=0)
        return guest

    def assert_mended(self, guest, layer):
        job = self.wait_for(JOB, guest, Phase='done')
        self.assertIn(guest.path('vda', layer), [image['path'] for image in job['Images']])
        self.assertGreater(sum(image['repaired'] for image in job['Images']), 0)
        ended = self.wait_for(INCIDENT, guest, State='resolved', Attempts=1)
        told = [entry[2] for entry in ended['Timeline']]
        self.assertFalse([text for text in told if 'resumed' in text], told)
        self.assert_whole(guest)
        self.assert_sound(guest.path('vda', layer))


class Corrupt(CorruptCase):
    config = '[remedies]\nuse=transient;corrupt\n'

    def test_refcounts(self):
        self.assert_mended(self.spoil(lambda guest: break_refcounts(guest.path('vda', 's1'))), 's1')

    def test_damage_that_would_lose_data(self):
        """Stopped, not started, and never tried twice."""
        guest = self.spoil(spoil_top)
        job = self.wait_for(JOB, guest, Phase='failed')
        self.assertIn('the domain stays shut off', job['ErrorMessage'])
        self.wait_timeline(guest, 'proposal', 'could not be repaired')
        self.wait_for(INCIDENT, guest, State='open', Attempts=1,
                      RemedyAttempts={'remedy-corrupt': 1})
        self.assertFalse(guest.is_active())


if __name__ == '__main__':
    unittest.main()
