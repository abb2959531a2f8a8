# SPDX-License-Identifier: LGPL-2.1-or-later
"""An image on a block device, which cannot grow, and which other hosts may see: what does not fit, or
is not known to be this host's alone, is refused before it begins."""

import os
import subprocess
import unittest

from lib import images
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase

MIB = 1024 * 1024
DEVICE = os.environ.get('SINTER_TEST_LOOP_1')


class DeviceCase(SinterCase):
    """A chain top > device > base. The device has 12 MiB, the disk 16 MiB."""

    def chain(self, n_mib):
        """A guest whose top layer has so many MiB for the image on the device."""
        guest = self.guest()
        self.top = guest.path('vda', 'top')
        base = guest.path('vda', 'base')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', DEVICE)
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', DEVICE, '-F', 'qcow2', self.top)
        self.io(f'write -P 9 2M {n_mib}M', self.top)
        xml = guest.domain.XMLDesc()
        self.bench.connection.defineXML(xml.replace(base, self.top))
        self.before = [self.top, DEVICE, base]
        return guest

    def io(self, command, path):
        return subprocess.run(['qemu-io', '-f', 'qcow2', '-c', command, path], check=True,
                              stdout=subprocess.PIPE, text=True).stdout


@unittest.skipUnless(DEVICE, 'no loop device: SINTER_TEST_LOOP_1')
class Room(DeviceCase):
    config = f'[storage]\nexclusive=/no/such; {DEVICE}\n'

    def check_refused(self, guest):
        """By the plan and by the job, with figures."""
        status = self.bench.sinter('plan', guest.name, '--base', DEVICE, check=False)
        self.assertEqual(status.returncode, 4)
        self.assertRegex(status.stdout + status.stderr,
                         r"may grow by 1\d(\.\d)? MiB, but its device has only \d+(\.\d)? MiB available")
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name, base=DEVICE)
        self.assertEqual(caught.exception.code, 'NoSpace')
        self.assertEqual(self.paths(guest), self.before[:1] if not guest.is_running() else self.before)

    def test_too_small(self):
        """The domain is shut off, then it runs."""
        guest = self.chain(13)
        self.check_refused(guest)
        guest.start()
        self.check_refused(guest)
        guest.wait_rounds(5)

    def check_merged(self, guest):
        job, = self.sinter.consolidate(guest.name, base=DEVICE)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assertEqual(self.paths(guest, inactive=True)[0], DEVICE)
        self.assertNotIn('failed', self.io('read -P 9 3M 4M', DEVICE) if not guest.is_running()
                         else '')

    def test_fits_offline(self):
        self.check_merged(self.chain(6))

    def test_fits_live(self):
        guest = self.chain(6).start()
        self.check_merged(guest)
        guest.stop()
        self.assertNotIn('failed', self.io('read -P 9 3M 4M', DEVICE))


@unittest.skipUnless(DEVICE, 'no loop device: SINTER_TEST_LOOP_1')
class Shared(DeviceCase):
    """Nobody says that only this host uses the device."""

    def test_refused_while_shut_off(self):
        guest = self.chain(6)
        done = self.bench.sinter('plan', guest.name, '--base', DEVICE, check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn('[storage] exclusive', done.stdout + done.stderr)
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name, base=DEVICE)
        self.assertEqual(caught.exception.code, 'Unsupported')
        self.assertIn(f"'{DEVICE}' is a block device", str(caught.exception))
        with self.assertRaises(SinterError) as caught:
            self.sinter.repair(guest.name)
        self.assertIn(f"'{DEVICE}' is a block device", str(caught.exception))
        guest.start()
        job, = self.sinter.consolidate(guest.name, base=DEVICE)
        self.assertEqual(job.wait()['Phase'], 'done')


if __name__ == '__main__':
    unittest.main()
