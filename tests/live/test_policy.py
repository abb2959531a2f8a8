# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chains are merged by themselves as far as policies say, and nothing else is touched."""

import os
import time
import unittest
import xml.etree.ElementTree as ElementTree

from lib import images
from lib.sintercase import SinterCase

JOB = 'org.sinter.Sinter1.Job'
OBJECTS = 'org.freedesktop.DBus.ObjectManager'
LONG = bool(os.environ.get('SINTER_TEST_LONG'))


def closed_window():
    """One that ends an hour before now, or on the day before."""
    now = time.localtime()
    start = (now.tm_hour + 21) % 24
    return f'{start:02}:00-{(start + 1) % 24 or 24:02}:00'


class PolicyCase(SinterCase):
    def jobs(self, guest):
        objects = self.sinter.call('/org/sinter/Sinter1', OBJECTS, 'GetManagedObjects', '()')[0]
        jobs = [one[JOB] for one in objects.values() if JOB in one]
        return sorted((job for job in jobs if job['DomainName'] == guest.name),
                      key=lambda job: int(job['Id']))

    def wait_job(self, guest, n=1, limit_sec=120, **wanted):
        """The n-th job of the guest, once it has these properties."""
        def look():
            jobs = self.jobs(guest)
            job = jobs[n - 1] if len(jobs) >= n else {}
            return job if job and all(job[key] == value for key, value in wanted.items()) else None
        return self.sinter.wait(look, limit_sec, f'job {n} of {guest.name} with {wanted}')

    def deep(self, n_layers):
        guest = self.guest().start()
        guest.grow(n_layers, rounds_each=3)
        return guest

    def told(self, words):
        """How often the daemon's log has these words."""
        return self.bench.sinterd.log_text().count(words)

    def define_sibling(self, guest):
        """A domain that is shut off and stands on the guest's base."""
        overlay = os.path.join(guest.folder, 'sibling.qcow2')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', guest.path('vda', 'base'),
                        overlay)
        root = ElementTree.fromstring(guest.xml())
        root.find('name').text = f'{guest.name}-sibling'
        root.find('devices/disk/source').set('file', overlay)
        return self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode')), overlay


class MaxDepth(PolicyCase):
    config = '[policy]\nmax-depth=3\nkeep-base=no\noffline=yes\noffline-delay-sec=0\n'

    def test_merged_while_the_guest_writes(self):
        guest = self.deep(4)
        base = self.paths(guest)[-1]
        newest = self.paths(guest)[:2]
        self.sinter.rescan()
        job = self.wait_job(guest, Phase='done')
        self.assertEqual((job['Policy'], job['Operation']), ('policy-depth', 'commit'))
        self.assertEqual(job['Reason'], 'the chain has 5 images, max-depth is 3')
        self.assert_chain(guest, newest + [base])
        self.assertEqual(guest.snapshot_names(), ['s3', 's4'])
        text = self.bench.sinter('job', job['Id']).stdout
        self.assertRegex(text, r'Started by: +policy-depth\n')
        self.assertRegex(text, r'Reason: +the chain has 5 images')
        self.assertEqual(self.told(f'policy-depth, {guest.name} vda: '), 1)
        # once more: each time that the chain is too deep
        guest.snapshot()
        self.sinter.rescan()
        self.wait_job(guest, 2, Phase='done')
        self.assertEqual(guest.depth(), 3)
        self.assert_whole(guest)

    def test_shut_off(self):
        guest = self.guest().start()
        for _ in range(3):
            guest.snapshot()
        guest.stop()
        job = self.wait_job(guest, Phase='done')
        self.assertEqual(job['Policy'], 'policy-depth')
        self.assertEqual(len(guest.image_files('vda')), 3)
        guest.verify()

    def test_refused_and_told_once(self):
        """Another domain reads the base: nothing is merged, until that domain is gone."""
        guest = self.guest()
        sibling, overlay = self.define_sibling(guest)
        try:
            guest.start().grow(3, rounds_each=2)
            before = self.paths(guest)
            refused = f'policy-depth, {guest.name} vda: refused: '
            self.sinter.rescan()
            self.sinter.wait(lambda: self.told(refused), 30, 'the refusal is told')
            for _ in range(3):
                self.sinter.rescan()
            self.assert_chain(guest, before)
            self.assertEqual((self.jobs(guest), self.told(refused)), ([], 1))
            shown = self.bench.sinter('policy', 'preview').stdout
            self.assertRegex(shown, rf'{guest.name} +vda +policy-depth +not +the chain has 4 .*but ')
        finally:
            sibling.undefine()
            os.unlink(overlay)
        if not LONG:
            return                    # what follows takes a minute
        guest.snapshot()              # the domain has changed: once some minutes have passed
        self.sinter.rescan()
        self.wait_job(guest, limit_sec=600, Phase='done')
        self.assert_whole(guest)

    def test_cancelled_is_left_alone(self):
        guest = self.deep(1)
        job, = self.sinter.consolidate(guest.name, bandwidth=64 * 1024)
        for _ in range(3):
            guest.snapshot()
        self.sinter.rescan()          # a user's job is on the disk
        self.assertEqual(len(self.jobs(guest)), 1)
        job.cancel()
        job.wait()
        own = self.wait_job(guest, 2, Policy='policy-depth')
        self.wait_job(guest, 2, Phase='done')
        self.assertEqual(own['StartedByUID'], 0)
        self.assertEqual(guest.depth(), 3)
        self.assert_whole(guest)


class Matches(PolicyCase):
    """Values for some disks only; a window that is closed, because it has just been open."""
    config = ('[policy]\nmax-depth=3\nkeep-base=no\noffline=yes\n[policy-closed]\nmatch-domain=*later*\n'
              f'window={closed_window()}\n[policy-none]\nmatch-domain=*never*\nmax-depth=0\n'
              '[policy-off]\nmatch-domain=*busy*\noffline=no\n')

    def preview(self, guest):
        return self.bench.sinter('policy', 'preview', guest.name).stdout.splitlines()[-1]

    def test_later(self):
        guest = self.deep(3)
        before = self.paths(guest)
        self.sinter.rescan()
        self.assertEqual(self.jobs(guest), [])
        line = self.preview(guest)
        self.assertRegex(line, r'policy-depth +20\d\d-\d\d-\d\d \d\d:\d\d:00 \S+ +the chain has 4 '
                               'images, max-depth is 3; but no window is open$')
        disk, = self.bench.sinter_json('policy', 'preview', guest.name)
        self.assertEqual((disk['policy'], disk['keep'], disk['obstacle']),
                         ('policy-depth', 2, 'no window is open'))
        shown = self.bench.sinter('policy', 'show', guest.name).stdout
        self.assertRegex(shown, r'vda +max-depth +3 +policy\n')
        self.assertRegex(shown, r'vda +window +\S+ +policy-closed\n')
        self.assertRegex(shown, r'vda +offline +yes +policy\n')
        self.assertRegex(shown, r'vda +keep-snapshots +- +default\n')
        self.assert_chain(guest, before)

    def test_never(self):
        guest = self.deep(3)
        self.sinter.rescan()
        self.assertEqual(self.jobs(guest), [])
        self.assertRegex(self.preview(guest), r'vda +- +- +-$')
        self.assertEqual(self.bench.sinter('policy', 'preview', '--no-legend').stdout, '')

    def test_busy_only_while_it_runs(self):
        guest = self.guest().start()
        guest.snapshot()
        guest.snapshot()
        guest.stop()
        guest.snapshot()
        self.sinter.rescan()
        self.assertIn("not ", self.preview(guest))
        self.assertIn("but the domain is shut off, and offline is 'no'", self.preview(guest))
        self.assertEqual(self.jobs(guest), [])
        guest.start()
        self.wait_job(guest, Phase='done')
        self.assert_whole(guest)


class Off(PolicyCase):
    def test_nothing_is_touched(self):
        guest = self.deep(5)
        before = self.paths(guest)
        self.sinter.rescan()
        self.sinter.rescan()          # the first one's evaluation is over
        self.assertEqual(self.jobs(guest), [])
        self.assert_chain(guest, before)
        self.assert_whole(guest)


class Wrong(PolicyCase):
    config = '[policy]\nmax-depth=3\nkeep-snapshots=3\nkeep-base=no\nmax-deep=1\n'

    def test_told_and_off(self):
        guest = self.deep(4)
        before = self.paths(guest)
        for _ in range(3):
            self.sinter.rescan()
        self.assert_chain(guest, before)
        self.assertEqual(self.jobs(guest), [])
        self.assertEqual(self.told('keep-snapshots is 3, expected less than max-depth'), 1)
        self.assertEqual(self.told("unknown key 'max-deep' in group [policy]"), 1)


if __name__ == '__main__':
    unittest.main()
