# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host that does not play along: a slow disk, a disk that is unplugged, a definition that goes,
a full file system below the daemon's own records."""

import os
import unittest

import libvirt

from lib import images
from lib.bench import BUILD
from lib.guest import MIB
from lib.guestcode import GuestCode
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase

SLOW = 64 * 1024
SLOW_WRITES = os.path.join(BUILD, 'tests', 'live', 'libslow-writes.so')
CONTROLLER = "<controller type='scsi' model='virtio-scsi'/>"
LIMITS = {'read_bytes_sec': 100 * MIB, 'write_bytes_sec': 50 * MIB}


class SlowDisk(SinterCase):
    """The base lies on a disk so slow that the guest, which writes to the same place again and
    again, always is ahead of the copy. Only when it is held can the copy catch up."""

    config = '[jobs]\nconverge-after-sec=1\nmax-pause-msec=30000\n'
    slow_msec = 300

    def slow_guest(self):
        guest = self.grown(2, code=GuestCode(n_slots=16, pause_usec=0),
                           qemu_env={'LD_PRELOAD': SLOW_WRITES, 'SLOW_SUFFIX': '.base.qcow2',
                                     'SLOW_MSEC': str(self.slow_msec)})
        guest.domain.setBlockIoTune('vda', LIMITS, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        self.brake = guest.path('vda', 'base') + '.slow'
        with open(self.brake, 'w', encoding='ascii'):
            pass
        return guest

    def limits(self, guest):
        now = guest.domain.blockIoTune('vda')
        return {name: now[name] for name in LIMITS}

    def test_slowed_then_held_then_given_back(self):
        guest = self.slow_guest()
        before = self.paths(guest)
        with self.bench.events() as seen:
            job, = self.sinter.consolidate(guest.name)
            lowered = seen.wait_limits()
            self.assertTrue(0 < lowered.detail < LIMITS['write_bytes_sec'], lowered)
            seen.wait_lifecycle(libvirt.VIR_DOMAIN_EVENT_SUSPENDED)
            end = job.wait()
            seen.wait_lifecycle(libvirt.VIR_DOMAIN_EVENT_RESUMED)
        self.assertEqual(end['Phase'], 'done')
        for words in ('throttled', 'was suspended for up to 30000 ms'):
            self.assertIn(words, '\n'.join(end['Warnings']))
        self.assertEqual(end['Holds'], 1)
        self.assertTrue(0 < end['LongestHold'] == end['HeldTime'] < 30_000_000, end)
        self.assertEqual(self.limits(guest), LIMITS)
        os.unlink(self.brake)
        self.assert_fused(guest, before)
        self.assert_whole(guest)


class Bursts(SlowDisk):
    """Limits of all kinds, with bursts: lowered as libvirt and QEMU allow it, and put back bit for
    bit, by the next daemon if it must be."""

    config = '[jobs]\nconverge-after-sec=1\nmax-pause-msec=0\n'
    bursts = {'total_bytes_sec': 100 * MIB, 'total_bytes_sec_max': 200 * MIB,
              'total_bytes_sec_max_length': 3, 'read_iops_sec': 9000, 'write_iops_sec': 8000,
              'write_iops_sec_max': 9000, 'write_iops_sec_max_length': 2, 'size_iops_sec': 65536}

    def limited_guest(self):
        guest = self.slow_guest()
        guest.domain.setBlockIoTune('vda', {'write_bytes_sec': 0, 'read_bytes_sec': 0},
                                    libvirt.VIR_DOMAIN_AFFECT_LIVE)
        guest.domain.setBlockIoTune('vda', self.bursts, libvirt.VIR_DOMAIN_AFFECT_LIVE)
        return guest

    def all_limits(self, guest):
        xml = guest.domain.XMLDesc()
        return guest.domain.blockIoTune('vda'), xml[xml.index('<iotune>'):xml.index('</iotune>')]

    def lower(self, guest):
        """The job, once the guest's writes are limited."""
        with self.bench.events() as seen:
            job, = self.sinter.consolidate(guest.name)
            seen.wait_limits()
        now = guest.domain.blockIoTune('vda')
        self.assertTrue(0 < now['write_bytes_sec'] < 100 * MIB, now)
        self.assertEqual((now['write_bytes_sec_max'], now['total_bytes_sec']), (0, 0), now)
        self.assertEqual((now['read_bytes_sec'], now['read_bytes_sec_max']),
                         (100 * MIB, 200 * MIB), now)
        self.assertEqual(now['write_iops_sec_max'], 9000, now)
        return job

    def test_slowed_then_held_then_given_back(self):
        guest = self.limited_guest()
        before = self.all_limits(guest)
        job = self.lower(guest)
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')
        self.assertEqual(self.all_limits(guest), before)
        os.unlink(self.brake)
        self.assert_whole(guest)

    def test_put_back_after_a_crash(self):
        guest = self.limited_guest()
        before = self.all_limits(guest)
        job = self.lower(guest)
        self.bench.sinterd.kill()
        os.unlink(self.brake)
        self.bench.sinterd.start()
        end = self.sinter.job(os.path.basename(job.path)).wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assertEqual(self.all_limits(guest), before)
        self.assert_whole(guest)


class Group(SlowDisk):
    """The limits of a throttle group hold for other disks too: they are not touched."""

    def test_slowed_then_held_then_given_back(self):
        guest = self.slow_guest()
        guest.domain.setBlockIoTune('vda', {**LIMITS, 'group_name': 'shared'},
                                    libvirt.VIR_DOMAIN_AFFECT_LIVE)
        before = guest.domain.blockIoTune('vda')
        self.sinter.rescan()
        plan = self.sinter.plan(guest.name)
        self.assertIn("throttle group 'shared'", '\n'.join(plan['Warnings']))
        self.assertEqual(plan['LongestHold'], 30_000_000)
        self.assertGreater(plan['WorstCaseTime'], 5_000_000)
        self.assertGreater(plan['AssumedWriteRate'], MIB)
        said = self.bench.sinter('plan', guest.name).stdout
        self.assertRegex(said, r'Worst case: +the guest is suspended for up to 30 s at a time; ')
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual(end['Phase'], 'done')
        self.assertIn("throttle group 'shared'", '\n'.join(end['Warnings']))
        self.assertGreaterEqual(end['Holds'], 1)
        self.assertEqual(guest.domain.blockIoTune('vda'), before)
        os.unlink(self.brake)
        self.assert_whole(guest)


class SlowestDisk(SlowDisk):
    """So slow that the longest pause that is allowed is over before the copy has caught up. A guest
    that is let go is ahead again, also of a pivot that was asked for: it is held once more."""

    config = '[jobs]\nconverge-after-sec=1\nmax-pause-msec=100\n'
    slow_msec = 2000

    def test_slowed_then_held_then_given_back(self):
        guest = self.slow_guest()
        before = self.paths(guest)
        with self.bench.events() as seen:
            job, = self.sinter.consolidate(guest.name)
            seen.wait_lifecycle(libvirt.VIR_DOMAIN_EVENT_SUSPENDED)
            seen.wait_lifecycle(libvirt.VIR_DOMAIN_EVENT_RESUMED)
            end = job.wait()
        self.assertEqual(end['Phase'], 'done')
        self.assertIn('was suspended for up to 100 ms', '\n'.join(end['Warnings']))
        self.assertGreater(end['Holds'], 1)
        self.assertTrue(100_000 <= end['LongestHold'] < end['HeldTime'], end)
        self.assertEqual(self.limits(guest), LIMITS)
        os.unlink(self.brake)
        self.assert_fused(guest, before)
        self.assert_whole(guest)


class FullDisk(SinterCase):
    """The file system below a guest's disk has no room left."""

    def test_an_io_error_is_told_of_the_disk(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                               error_policy='stop').start()
            guest.snapshot()
            told = self.sinter.wait(lambda: [event for event in self.sinter.events
                                             if event[1] == 'io-error'], 240, 'the I/O error')
            _time, _kind, domain, disk, details = told[0]
            self.assertEqual((domain, disk, details['text']), (guest.name, 'vda', 'enospc'))
            self.assertEqual(details['path'], guest.path('vda', 's1'))
            self.assertNotEqual(details['device'], 'vda')
            small.resize(16 * MIB)
            guest.resume()
            self.assert_whole(guest)


class Unplugged(SinterCase):
    """A second disk of the guest, which is taken away."""

    config = '[jobs]\nmax-per-storage=1\n'

    def plug(self, guest):
        """A SCSI disk with a chain of two; such a one can be unplugged without the guest's help."""
        base, top = guest.path('sda', 'base'), guest.path('sda', 'top')
        images.qemu_img('create', '-f', 'qcow2', base, '16M')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', base, top)
        self.bench.command('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 8M', top)
        self.device = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                       f"<source file='{top}'/><target dev='sda' bus='scsi'/></disk>")
        guest.domain.attachDevice(self.device)
        self.sinter.rescan()
        return [top, base]

    def test_in_mid_job(self):
        """libvirt does not let it go, and the job is not disturbed."""
        guest = self.guest(devices=CONTROLLER).start()
        chain = self.plug(guest)
        job = self.sinter.commit(guest.name, 'sda', bandwidth=SLOW)
        job.wait_phase('copying')
        with self.assertRaisesRegex(libvirt.libvirtError, 'block job'):
            guest.domain.detachDevice(self.device)
        job.set_bandwidth(0)
        end = job.wait()
        self.assertEqual((end['Phase'], end['Warnings']), ('done', []))
        self.assert_chain(guest, chain[1:], 'sda')
        self.bench.command('qemu-io', '-r', '-U', '-f', 'qcow2', '-c', 'read -P 7 0 8M', chain[1])

    def test_while_the_job_waits(self):
        guest = self.grown(1, devices=CONTROLLER)
        before = self.paths(guest)
        chain = self.plug(guest)
        ahead, = self.sinter.consolidate(guest.name, disk='vda', bandwidth=SLOW)
        ahead.wait_phase('copying')
        job = self.sinter.commit(guest.name, 'sda')
        self.assertEqual(job.phase, 'queued')
        guest.domain.detachDevice(self.device)
        ahead.cancel()
        end = job.wait()
        self.assertEqual(end['Phase'], 'failed', end)
        self.assertIn('has changed', end['ErrorMessage'])
        self.assertEqual(ahead.wait()['Phase'], 'cancelled')
        self.assert_chain(guest, before)
        self.assertTrue(all(os.path.exists(path) for path in chain))
        images.check(chain[0])
        self.assert_whole(guest)


class Undefined(SinterCase):
    def test_in_mid_job(self):
        """The guest runs on without a definition: there is nothing that must follow."""
        guest = self.grown(3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        guest.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
        self.assertFalse(guest.domain.isPersistent())
        job.set_bandwidth(0)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        self.assertEqual(self.paths(guest), before[-1:])
        self.assertEqual([path for path in before if os.path.exists(path)], before[-1:])
        guest.wait_rounds(5)
        guest.verify()

    def test_gone_in_mid_job(self):
        """Undefined and then ended: the domain is no longer known at all."""
        guest = self.grown(2)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        guest.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
        guest.stop()
        end = job.wait()
        self.assertEqual(end['Phase'], 'failed', end)
        self.assertTrue(all(os.path.exists(path) for path in before))
        for path in before:
            images.check(path)


class NoRoomForRecords(SinterCase):
    """The file system of the daemon's own state is full: nothing begins that is not on record."""

    with_sinterd = False

    def setUp(self):
        small = self.bench.small_filesystem(256 * 1024)
        self.small = small.__enter__()
        self.addCleanup(small.__exit__, None, None, None)
        self.addCleanup(self.bench.sinterd.stop)
        self.argv = self.bench.sinterd.argv
        self.addCleanup(setattr, self.bench.sinterd, 'argv', self.argv)
        self.bench.sinterd.argv = self.argv + ['--state-dir', self.small.path + '/sinter']
        super().setUp()

    def fill(self):
        with open(self.small.path + '/ballast', 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
        self.assertEqual(self.small.free_bytes(), 0)

    def make_room(self):
        os.unlink(self.small.path + '/ballast')

    def test_before_a_job(self):
        guest = self.grown(2)
        before = self.paths(guest)
        self.fill()
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'NoSpace'))
        self.assertIn('record', end['ErrorMessage'])
        self.assert_chain(guest, before)
        self.make_room()
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_in_mid_job(self):
        """It does not pivot unrecorded: the block job is ended, the chain stays."""
        guest = self.grown(3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        self.sinter.wait(lambda: job.properties()['ProgressValid'], 60, 'progress is known')
        self.fill()
        job.set_bandwidth(0)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'NoSpace'))
        self.assertIn('record', end['ErrorMessage'])
        self.assert_chain(guest, before)
        self.assertEqual(guest.domain.blockJobInfo('vda'), {})
        self.make_room()
        # the next daemon does not begin anew what its caller was told is over
        self.bench.sinterd.restart()
        super().setUp()
        self.assertTrue(all(other.phase == 'failed' for other in self.sinter.jobs()))
        with self.assertRaises(SinterError):
            self.sinter.job('4711')
        self.assert_chain(guest, before)
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
