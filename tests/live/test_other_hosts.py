# SPDX-License-Identifier: LGPL-2.1-or-later
"""Storage that other hosts see: what is shut off here may run there."""

import os
import unittest
import uuid

import libvirt

from lib.bench import Bench
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase


class OtherHost(Bench):
    """A libvirtd that takes itself for another host."""

    def _write_config(self):
        super()._write_config()
        path = os.path.join(self.folder('config/libvirt'), 'libvirtd.conf')
        with open(path, 'a', encoding='ascii') as file:
            file.write(f'host_uuid = "{uuid.uuid4()}"\n')


class Migrated(SinterCase):
    def migrated(self):
        """A guest that runs on the other host, and whose definition is still here."""
        other = OtherHost()
        self.addCleanup(other.stop)
        other.start()
        guest = self.grown(2)
        for name in guest.snapshot_names():     # libvirt migrates no domain that has one
            self.bench.virsh('snapshot-delete', guest.name, name, '--metadata')
        moved = guest.domain.migrate3(
            other.connection, {libvirt.VIR_MIGRATE_PARAM_URI: 'tcp:127.0.0.1'},
            libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_UNSAFE)
        self.assertTrue(moved.isActive())
        self.assertFalse(guest.is_active())
        return guest, moved

    def test_refused_until_a_user_says_otherwise(self):
        guest, moved = self.migrated()
        before = guest.path('vda', 's2')
        done = self.bench.sinter('plan', guest.name, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn('was migrated to another host', done.stdout + done.stderr)
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name)
        self.assertEqual(caught.exception.code, 'Busy')
        self.assertEqual(self.paths(guest)[0], before)
        moved.destroy()
        job, = self.sinter.consolidate(guest.name, ignore_migrated=True)
        self.assertEqual(job.wait()['Phase'], 'done')
        guest.start()
        guest.wait_rounds(5)
        guest.verify()


if __name__ == '__main__':
    unittest.main()
