# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system without room, as the bus tells of it. (Runs where it may mount one: --mounts.)"""

import os
import subprocess
import unittest

from lib import filesystem, stage
from lib.stage import NAME

MIB = 1024 * 1024
DOMAIN, DISK, PLAN = NAME + '.Domain', NAME + '.Disk', NAME + '.Plan'


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
