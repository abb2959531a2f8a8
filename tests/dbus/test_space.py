# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system without room, as the bus tells of it. (Runs where it may mount one: --mounts.)"""

import os
import subprocess
import time
import unittest

from lib import filesystem, stage
from lib.stage import NAME

MIB = 1024 * 1024
DOMAIN, DISK, PLAN = NAME + '.Domain', NAME + '.Disk', NAME + '.Plan'


class Filling(stage.BusCase):
    """A file system that holds an image is filled and emptied."""

    @classmethod
    def stage_up(cls):
        place = cls.stage
        folder = place.path('small')
        os.mkdir(folder)
        cls.small = filesystem.SmallFilesystem(folder, 8 * MIB)
        cls.addClassCleanup(cls.small.unmount)
        place.add_domain('grows', ('vda', place.chain('small/base')))
        place.write_host()
        place.start_polkit()
        place.allow_all()
        place.sinterd.start()

    def fill(self, percent):
        """In one step: a look meanwhile sees the usage before or after."""
        size = os.statvfs(self.small.path)
        with open(os.path.join(self.small.path, 'ballast'), 'ab') as file:
            ballast = os.fstat(file.fileno()).st_blocks * 512
            rest = (size.f_blocks - size.f_bfree) * size.f_frsize - ballast
            wanted = size.f_blocks * size.f_frsize * percent // 100 - rest
            if wanted > ballast:
                os.posix_fallocate(file.fileno(), 0, wanted)
            else:
                os.ftruncate(file.fileno(), wanted)

    def warnings(self):
        objects = self.client.call(stage.ROOT, 'org.freedesktop.DBus.ObjectManager',
                                   'GetManagedObjects', '()')
        found = [one[NAME + '.Incident'] for one in objects.values() if NAME + '.Incident' in one]
        return sorted((one for one in found if one['Image'] == self.small.path),
                      key=lambda one: int(one['Id']))

    def wait_states(self, *states):
        """A scan looks once, in a thread: it is repeated until the warnings are so."""
        end = time.monotonic() + 60
        while [one['State'] for one in self.warnings()] != list(states):
            self.assertLess(time.monotonic(), end, self.warnings())
            self.client.manager('Rescan')

    def look_again(self):
        """Two further looks, the second of which began after the first had its say."""
        for _ in range(20):
            self.client.manager('Rescan')

    def cross_again(self):
        """Down and up: nothing shows when the look below the limit was."""
        end = time.monotonic() + 60
        while len(self.warnings()) < 2:
            self.assertLess(time.monotonic(), end)
            self.fill(50)
            self.look_again()
            self.fill(81)
            self.look_again()
        self.wait_states('resolved', 'open')

    def test_once_per_crossing(self):
        self.fill(78)
        self.look_again()
        self.assertEqual(self.warnings(), [])
        self.fill(83)
        self.wait_states('open')
        one, = self.warnings()
        self.assertEqual((one['Cause'], one['DomainName'], one['Disk'], one['Paused']),
                         ('space-low', '', '', False))
        self.assertIn('is 83% full', one['Summary'])
        self.assertTrue(any("small/base' of grows vda" in line for line in one['Evidence']),
                        one['Evidence'])
        self.fill(90)
        self.look_again()
        self.fill(77)                       # within the distance
        self.look_again()
        self.assertEqual(len(self.warnings()), 1)
        self.assertEqual(self.warnings()[0]['State'], 'open')
        self.stage.sinterd.restart()
        self.fill(85)
        self.look_again()
        self.assertEqual([one['State'] for one in self.warnings()], ['open'])
        self.client.call(self.client.manager('LookupIncident', one['Id']), NAME + '.Incident',
                         'Resolve')
        self.look_again()
        self.assertEqual([one['State'] for one in self.warnings()], ['resolved'])
        self.cross_again()
        self.fill(60)
        self.wait_states('resolved', 'resolved')
        self.assertIn('in use', self.warnings()[1]['Outcome'])


class NoRoom(stage.BusCase):
    @classmethod
    def stage_up(cls):
        place = cls.stage
        folder = place.path('small')
        os.mkdir(folder)
        cls.small = filesystem.SmallFilesystem(folder, 3 * MIB)
        cls.addClassCleanup(cls.small.unmount)
        place.add_domain('full', ('vda', place.chain('small/base', 'top')))
        place.write_host()
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write 0 8M', place.path('top')], check=True,
                       stdout=subprocess.DEVNULL)
        place.start_polkit()
        place.allow_all()
        place.sinterd.start()

    def test_refused(self):
        """By each way to begin, with the file system's file in the message, and nothing is done."""
        domain, disk = self.client.domain('full'), self.client.disk('full')
        base = self.stage.path('small/base')
        for path, interface, method in ((domain, DOMAIN, 'Consolidate'), (disk, DISK, 'Commit')):
            with self.subTest(method):
                self.assert_error('NoSpace', self.client.call, path, interface, method, text=base)
        plan = self.client.call(domain, DOMAIN, 'Plan')
        refusals = self.client.get(plan, 'Plan', 'Refusals')
        self.assertEqual([(r['code'], r['error']) for r in refusals], [('no-space', 'NoSpace')])
        self.assert_error('NoSpace', self.client.call, plan, PLAN, 'Execute', text=base)
        self.assertFalse(any('/jobs/' in path for path in self.client.objects()))


class Quota(stage.BusCase):
    """The owner of the base may store less than its file system has."""

    @classmethod
    def stage_up(cls):
        place = cls.stage
        place.add_domain('limited', ('vda', place.chain('base', 'top')))
        place.write_host()
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write 0 8M', place.path('top')], check=True,
                       stdout=subprocess.DEVNULL)
        place.start_polkit()
        place.allow_all()
        env = place.sinterd.env
        env['LD_PRELOAD'] = ' '.join(filter(None, (
            env.get('LD_PRELOAD'),
            os.path.join(stage.BUILD, 'tests', 'dbus', 'libsmall-quota.so'))))
        env.update(QUOTA_LIMIT_KIB=str(20 << 10), QUOTA_USED_KIB=str(15 << 10))
        place.sinterd.start()

    def test_refused(self):
        plan = self.client.call(self.client.domain('limited'), DOMAIN, 'Plan')
        refusals = self.client.get(plan, 'Plan', 'Refusals')
        self.assertEqual([r['code'] for r in refusals], ['no-space'])
        self.assertIn('has only 5 MiB available', refusals[0]['text'])
        self.assert_error('NoSpace', self.client.call, plan, PLAN, 'Execute',
                          text=self.stage.path('base'))


if __name__ == '__main__':
    unittest.main()
