# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench proves itself with virsh alone, before anything of ours is judged on it."""

import os
import unittest

import libvirt

from lib import events, images, oracle
from lib.guest import MIB
from lib.guestcode import SECTOR_BYTES, GuestCode, sector_pattern
from lib.livecase import LiveCase

N_LAYERS = 6


class Chain(LiveCase):
    """A chain grown and fused under a guest that writes all the time."""

    def test_active_commit_loses_nothing(self):
        guest = self.guest().start()
        guest.grow(N_LAYERS)
        self.assertEqual(guest.depth(), N_LAYERS + 1)
        layers = [layer.path for layer in guest.chain()]
        self.bench.virsh('blockcommit', guest.name, 'vda', '--active', '--pivot', '--wait')
        self.assertEqual([layer.path for layer in guest.chain()], layers[-1:])
        guest.wait_rounds(20)
        self.assertGreater(guest.verify().n_acknowledged, N_LAYERS * 20)
        guest.wait_rounds(5)                        # it runs on after the look
        guest.stop()
        self.assertEqual(guest.verify().n_boots, 1)

    def test_two_disks(self):
        guest = self.guest(code=GuestCode(n_disks=2)).start()
        guest.grow(2)
        self.assertEqual([guest.depth('vda'), guest.depth('vdb')], [3, 3])
        guest.snapshot(targets=['vdb'])
        guest.wait_rounds(20)
        self.assertEqual([guest.depth('vda'), guest.depth('vdb')], [3, 4])
        self.bench.virsh('blockcommit', guest.name, 'vdb', '--active', '--pivot', '--wait')
        guest.stop()
        verdict = guest.verify()
        self.assertEqual(verdict.n_bytes_compared, 2 * guest.size_bytes)

    def test_events_of_a_job(self):
        guest = self.guest().start()
        guest.grow(2)
        with self.bench.events() as seen:
            guest.domain.blockCommit('vda', None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
            seen.wait_job(status=events.JOB_READY)
            guest.domain.blockJobAbort('vda', libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT |
                                       libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_ASYNC)
            seen.wait_job(status=events.JOB_COMPLETED)
        self.assertEqual(guest.depth(), 1)
        guest.verify()

    def test_a_second_boot_is_told_apart(self):
        guest = self.guest().start()
        guest.grow(1)
        guest.stop()
        guest.start(n_rounds=20)
        guest.stop()
        self.assertEqual(guest.verify().n_boots, 2)

    def test_libvirtd_comes_and_goes_and_the_guest_runs_on(self):
        guest = self.guest().start()
        self.bench.libvirtd.kill()
        guest.wait_rounds(20)
        self.bench.libvirtd.start()
        self.assertTrue(guest.is_running())
        guest.verify()


class Full(LiveCase):
    """A file system that is really full."""

    def test_the_guest_stops_on_enospc_and_goes_on_with_room(self):
        with self.bench.small_filesystem(2 * MIB) as small, self.bench.events() as seen:
            guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                               error_policy='stop').start()
            guest.snapshot()
            event = seen.wait_io_error()
            self.assertEqual((event.domain, event.reason), (guest.name, 'enospc'))
            self.assertEqual(guest.state(), libvirt.VIR_DOMAIN_PAUSED)
            self.assertLess(small.free_bytes(), 128 * 1024)
            small.resize(16 * MIB)
            guest.resume()
            guest.wait_rounds(20)
            guest.verify()
            guest.stop()
            guest.verify()


class Oracle(LiveCase):
    """The oracle on a real disk: what is spoilt in the image is caught."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.victim = cls.bench.guest('victim').start()
        cls.victim.grow(2)
        cls.victim.wait_rounds(cls.victim.code.n_slots)
        cls.victim.stop()
        cls.victim.verify()
        log = oracle.SerialLog.read(cls.victim.serial_path)
        cls.last = log.boots[-1][-1]
        cls.lba = cls.victim.code.lba_of(cls.last)

    def spoil(self, lba, data):
        """Put bytes into a fresh overlay's view of the disk, as a lost write would."""
        top = self.victim.chain(inactive=True)[0].path
        overlay = top + '.spoilt'
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', top, overlay)
        self.addCleanup(os.unlink, overlay)
        piece = os.path.join(self.bench.folder('dumps'), 'piece')
        with open(piece, 'wb') as file:
            file.write(data)
        self.bench.command('qemu-io', '-f', 'qcow2', '-c',
                           f'write -s {piece} {lba * SECTOR_BYTES} {len(data)}', overlay)
        after = self.victim.dump_path('vda', 'spoilt')
        images.convert(overlay, after, 'qcow2', 'raw')
        return after

    def judge(self, after):
        return oracle.judge(self.victim.code, oracle.SerialLog.read(self.victim.serial_path),
                            [self.victim.dump_path('vda', 'before')], [after])

    def test_a_lost_write(self):
        older = self.last - self.victim.code.n_slots
        after = self.spoil(self.lba, sector_pattern(older, self.lba))
        with self.assertRaisesRegex(oracle.Lost, f'must hold round {self.last:08X}'):
            self.judge(after)

    def test_a_torn_sector(self):
        whole = sector_pattern(self.last, self.lba)
        with self.assertRaisesRegex(oracle.Lost, 'no whole pattern'):
            self.judge(self.spoil(self.lba, whole[:100] + bytes(412)))

    def test_a_stray_write(self):
        with self.assertRaisesRegex(oracle.Lost, 'no acknowledged write touched it'):
            self.judge(self.spoil(7, b'\xff' * SECTOR_BYTES))

    def test_the_same_bytes_again_are_no_loss(self):
        after = self.spoil(self.lba, sector_pattern(self.last, self.lba))
        self.assertEqual(self.judge(after).n_boots, 1)


if __name__ == '__main__':
    unittest.main()
