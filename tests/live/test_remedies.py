# SPDX-License-Identifier: LGPL-2.1-or-later
"""Guests that an I/O error paused are resumed by remedies, as far as the configuration allows."""

import os
import time
import unittest

from lib.guest import MIB
from lib.remedycase import INCIDENT, JOB, RemedyCase

SETTINGS = '[remedy-enospc-wait]\nmin-free-mib=8\nmax-attempts=1\n'


class FullCase(RemedyCase):
    def fill(self, small):
        """A guest that is paused because its file system is full."""
        guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                           error_policy='stop').start()
        guest.snapshot()
        self.wait_for(INCIDENT, guest, Cause='file-system-full', Paused=True)
        return guest


class Allowed(FullCase):
    config = '[remedies]\nuse=transient;enospc-wait\n' + SETTINGS

    def test_resumed_when_there_is_room(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            job = self.wait_for(JOB, guest, Phase='waiting')
            self.assertEqual((job['Operation'], job['Disk']), ('recover', 'vda'))
            small.resize(7 * MIB)            # room, but less than is asked for
            time.sleep(6)                    # what is measured is that nothing happens
            self.assertFalse(guest.is_running())
            room = time.monotonic()
            small.resize(256 * MIB)
            self.wait_for(INCIDENT, guest, State='resolved')
            self.assertLess(time.monotonic() - room, 5)
            self.wait_for(JOB, guest, Phase='done')
            ended = self.wait_for(INCIDENT, guest, State='resolved', Attempts=1)
            kinds = [entry[1] for entry in ended['Timeline']]
            self.assertEqual(kinds, ['event', 'diagnosis', 'proposal', 'remedy', 'outcome', 'remedy'])
            self.assert_whole(guest)

    def test_killed_while_it_waits(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            job = self.wait_for(JOB, guest, Phase='waiting')
            self.bench.sinterd.kill()
            small.resize(256 * MIB)
            self.bench.sinterd.start()
            self.assertEqual(self.wait_for(JOB, guest, Phase='done')['Id'], job['Id'])
            self.assert_whole(guest)

    def test_the_user_resumes_the_guest(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            self.wait_for(JOB, guest, Phase='waiting')
            small.resize(7 * MIB)            # too little for the remedy, enough for the guest
            guest.resume()
            self.wait_for(JOB, guest, Phase='done')
            self.assert_whole(guest)

    def test_not_more_often_than_allowed(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            small.resize(32 * MIB)
            self.wait_for(JOB, guest, Phase='done')
            ballast = os.path.join(small.path, 'ballast')
            with open(ballast, 'wb') as file:
                os.posix_fallocate(file.fileno(), 0, os.statvfs(small.path).f_bavail * 4096 - MIB)
            guest.snapshot()                 # every write needs new space again
            self.wait_for(INCIDENT, guest, Cause='file-system-full', Paused=True, State='open')
            self.wait_timeline(guest, 'proposal', 'ran out of space each time')
            os.unlink(ballast)
            time.sleep(3)                    # what is measured is that nothing happens
            self.assertFalse(guest.is_running())
            guest.resume()
            self.assert_whole(guest)

    def test_shut_off_while_it_waits(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            self.wait_for(JOB, guest, Phase='waiting')
            guest.domain.destroy()
            job = self.wait_for(JOB, guest, Phase='failed')
            self.assertIn('was shut off', job['ErrorMessage'])
            self.assertEqual(self.wait_for(INCIDENT, guest, State='resolved')['Attempts'], 1)


class Patient(FullCase):
    config = '[remedies]\nuse=enospc-wait\n[remedy-enospc-wait]\nmin-free-mib=8\n'

    def test_cancelled_is_not_begun_again(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            job = self.wait_for(JOB, guest, Phase='waiting')
            self.bench.sinter('cancel', job['Id'])
            self.wait_for(JOB, guest, Phase='cancelled')
            self.sinter.rescan()
            self.bench.sinterd.kill()        # the next daemon respects it as well
            self.bench.sinterd.start()
            small.resize(256 * MIB)
            time.sleep(3)                    # what is measured is that nothing happens
            self.assertFalse(guest.is_running())
            self.assertEqual(self.wait_for(JOB, guest, Phase='cancelled')['Id'], job['Id'])
            guest.resume()
            self.assert_whole(guest)


class Consolidating(FullCase):
    config = '[remedies]\nuse=enospc-consolidate;enospc-wait\n[remedy-enospc-wait]\nmin-free-mib=8\n'

    def test_the_merge_makes_room(self):
        """The layers below have room: the guest goes on without anybody's help."""
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                               error_policy='stop').start()
            base = self.paths(guest)[0]
            guest.snapshot()
            self.wait_for(INCIDENT, guest, State='resolved')
            self.wait_for(JOB, guest, Operation='recover', Phase='done')
            self.assertEqual(self.wait_for(INCIDENT, guest)['RemedyAttempts'],
                             {'remedy-enospc-consolidate': 1})
            merge, resume = [one for one in self.objects(JOB) if one['DomainName'] == guest.name]
            self.assertEqual((merge['Operation'], merge['Phase']), ('active-commit', 'done'))
            self.assertEqual(self.paths(guest), [base])
            self.assertEqual(os.listdir(small.path), [])
            ended = self.wait_for(INCIDENT, guest, State='resolved', Attempts=1)
            told = ' / '.join(entry[2] for entry in ended['Timeline'])
            for job in merge, resume:
                self.assertIn(f'job {job["Id"]}: done', told)
            self.assert_whole(guest)

    def test_a_merge_that_is_refused(self):
        """Somebody else reads the base: the next remedy is tried."""
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                               error_policy='stop').start()
            clone = os.path.join(self.bench.folder('images'), 'clone.qcow2')
            self.bench.command('qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b',
                               self.paths(guest)[0], clone)
            self.addCleanup(os.unlink, clone)
            guest.snapshot()
            self.wait_for(JOB, guest, Phase='waiting', Operation='recover')
            self.wait_timeline(guest, 'remedy', 'is also used by image')
            self.assertEqual(len(self.paths(guest)), 2)
            small.resize(256 * MIB)
            self.wait_for(JOB, guest, Phase='done')
            self.assert_whole(guest)


class Chosen(FullCase):
    config = SETTINGS

    def test_only_when_a_user_says_so(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            self.wait_timeline(guest, 'proposal', 'not allowed')
            incident = self.wait_for(INCIDENT, guest, State='open', Attempts=0)
            small.resize(256 * MIB)
            time.sleep(3)                    # what is measured is that nothing happens
            self.assertFalse(guest.is_running())
            wrong = self.bench.sinter('incidents', 'choose', incident['Id'], 'transient', check=False)
            self.assertNotEqual(wrong.returncode, 0)
            self.assertIn('remedy-transient does not apply to incident', wrong.stderr)
            wrong = self.bench.sinter('incidents', 'choose', incident['Id'], 'magic', check=False)
            self.assertIn("no remedy 'magic'", wrong.stderr)
            started = self.bench.sinter('incidents', 'choose', incident['Id'], 'enospc-wait')
            job = self.wait_for(JOB, guest, Phase='done')
            self.assertEqual(started.stdout, f'Job {job["Id"]}\n')
            self.assert_whole(guest)

    def test_a_chosen_merge(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            incident = self.wait_for(INCIDENT, guest, State='open')
            self.bench.sinter('incidents', 'choose', incident['Id'], 'enospc-consolidate')
            self.wait_for(JOB, guest, Operation='recover', Phase='done')
            self.assertEqual(len(self.paths(guest)), 1)
            self.assert_whole(guest)

    def test_cancelled(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.fill(small)
            incident = self.wait_for(INCIDENT, guest, State='open')
            self.bench.sinter('incidents', 'choose', incident['Id'], 'enospc-wait')
            job = self.wait_for(JOB, guest, Phase='waiting')
            busy = self.bench.sinter('incidents', 'choose', incident['Id'], 'enospc-wait', check=False)
            self.assertNotEqual(busy.returncode, 0)
            self.bench.sinter('cancel', job['Id'])
            self.wait_for(JOB, guest, Phase='cancelled')
            small.resize(256 * MIB)
            time.sleep(3)                    # what is measured is that nothing happens
            self.assertFalse(guest.is_running())
            guest.resume()
            self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
