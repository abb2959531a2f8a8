# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each operation of sinterd on a guest that writes all the time; the oracle judges its disk."""

import json
import os
import signal
import unittest

import libvirt

from lib import images
from lib.guestcode import GuestCode
from lib.sinterbus import SinterBus, SinterError
from lib.sintercase import SinterCase

# So slow that a job is met while it copies, whatever else the machine does.
SLOW = 64 * 1024


class Consolidate(SinterCase):
    def test_all_layers_become_one(self):
        guest = self.grown(6)
        before = self.paths(guest)
        self.assertEqual(len(before), 7)
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['Warnings'], end['ErrorMessage']), ('done', [], ''))
        self.assertEqual(end['Operation'], 'active-commit')
        disk = self.sinter.properties(self.sinter.disk(guest.name), 'Disk')
        self.assertEqual((disk['Depth'], disk['Job'], disk['BlockJob']), (1, '/', 'none'))
        self.assert_fused(guest, before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_whole(guest)

    def test_newest_snapshots_stay(self):
        guest = self.grown(5)
        before = self.paths(guest)                  # s5 s4 s3 s2 s1 base
        job, = self.sinter.consolidate(guest.name, keep=2)
        end = job.wait()
        self.assertEqual((end['Phase'], end['Warnings']), ('done', []))
        # s5 and s4 still can be gone back to: s4 freezes what is now in the base
        self.assert_chain(guest, [before[0], before[1], before[-1]])
        self.assertEqual(guest.snapshot_names(), ['s4', 's5'])
        self.assertEqual(self.frozen_path(guest, 's5'), before[1])
        self.assertEqual(self.frozen_path(guest, 's4'), before[-1])
        self.assertEqual([p for p in before if os.path.exists(p)],
                         [before[0], before[1], before[-1]])
        self.assert_whole(guest)

    def test_files_may_stay(self):
        guest = self.grown(2)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, keep_files=True)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.paths(guest), before[-1:])
        self.assertTrue(all(os.path.exists(path) for path in before))
        self.assert_whole(guest)

    def test_upward(self):
        guest = self.grown(3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, pull=True)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_chain(guest, before[:1])
        self.assertEqual(guest.snapshot_names(), [])
        self.assertEqual([path for path in before if os.path.exists(path)], before[:1])
        self.assert_whole(guest)

    def test_two_disks(self):
        guest = self.grown(3, code=GuestCode(n_disks=2))
        before = {target: self.paths(guest, target) for target in guest.targets}
        jobs = self.sinter.consolidate(guest.name)
        self.assertEqual(len(jobs), 2)
        self.assertEqual([job.wait()['Phase'] for job in jobs], ['done', 'done'])
        for target in guest.targets:
            self.assert_fused(guest, before[target], target)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_whole(guest)

    def test_two_domains_at_once(self):
        guests = [self.guest('left').start(), self.guest('right').start()]
        for guest in guests:
            guest.grow(3)
        before = [self.paths(guest) for guest in guests]
        jobs = [self.sinter.consolidate(guest.name)[0] for guest in guests]
        self.assertEqual([job.wait()['Phase'] for job in jobs], ['done', 'done'])
        for guest, layers in zip(guests, before):
            self.assert_fused(guest, layers)
            self.assert_whole(guest)

    def test_nothing_to_do_is_no_job(self):
        guest = self.guest().start()
        self.assertEqual(self.sinter.consolidate(guest.name), [])
        plan = self.sinter.plan(guest.name)
        self.assertEqual([refusal['code'] for refusal in plan['Refusals']], ['no-chain'])

    def test_a_storage_pool_is_refreshed(self):
        guest = self.grown(2)
        pool = self.bench.connection.storagePoolCreateXML(
            f"<pool type='dir'><name>images</name><target><path>{guest.folder}</path></target>"
            '</pool>')
        self.addCleanup(pool.destroy)
        names = [os.path.basename(path) for path in self.paths(guest)]
        self.assertTrue(set(names) <= set(pool.listVolumes()))
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual([name for name in names if name in pool.listVolumes()], names[-1:])

    def test_a_definition_that_a_merge_would_ruin_is_refused(self):
        guest = self.guest().start()
        definition = guest.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        guest.grow(2)
        before = self.paths(guest)
        middle = definition.replace(before[-1], before[1])
        self.assertNotEqual(middle, definition)
        self.bench.connection.defineXML(middle)
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name)
        self.assertEqual(caught.exception.code, 'SharedBase')
        self.assertIn('persistent definition', caught.exception.message)
        self.assert_chain(guest, before)
        guest.verify()


class Chains(SinterCase):
    def shown(self, guest):
        """data and shadowed bytes of each layer, as `sinter chain` has them."""
        disk, = self.bench.sinter_json('chain', guest.name, 'vda')['disks']
        return [(layer['data-bytes'], layer['shadowed-bytes']) for layer in disk['chain']]

    def judged(self, paths):
        """The same by qemu-img map, of the chain and of each layer alone."""
        def stored(path, depth):
            extents = json.loads(images.qemu_img('map', '-U', '--output=json', path))
            return sum(e['length'] for e in extents if e['data'] and e['depth'] == depth)
        seen = [stored(paths[0], n) for n in range(len(paths))]
        held = [stored(path, 0) for path in paths]
        return [(held[n], held[n] - seen[n]) for n in range(len(paths))]

    def test_shadowed_bytes(self):
        guest = self.grown(3)
        self.assertEqual(len(self.shown(guest)), 4)         # while it writes
        guest.pause()
        shown = self.shown(guest)
        self.assertEqual(shown, self.judged(self.paths(guest)))
        self.assertGreater(shown[-1][1], 0)
        guest.resume()
        self.assert_whole(guest)


class SingleJobs(SinterCase):
    def test_intermediate_commit(self):
        guest = self.grown(4)
        before = self.paths(guest)                  # s4 s3 s2 s1 base
        job = self.sinter.commit(guest.name, top=before[1], base=before[3])
        end = job.wait()
        self.assertEqual((end['Phase'], end['Operation']), ('done', 'commit'))
        self.assert_chain(guest, [before[0], before[3], before[4]])
        self.assertTrue(all(os.path.exists(path) for path in before))     # as virsh leaves them
        self.assert_whole(guest)

    def test_active_commit_into_the_middle(self):
        guest = self.grown(3)
        before = self.paths(guest)
        job = self.sinter.commit(guest.name, base=before[2], keep_files=False)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_chain(guest, before[2:])
        self.assertEqual([path for path in before if os.path.exists(path)], before[2:])
        self.assert_whole(guest)

    def test_pull_with_a_base(self):
        guest = self.grown(3)
        before = self.paths(guest)
        job = self.sinter.pull(guest.name, base=before[-1])
        end = job.wait()
        self.assertEqual((end['Phase'], end['Operation'], end['Warnings']), ('done', 'pull', []))
        self.assert_chain(guest, [before[0], before[-1]])
        self.assert_whole(guest)

    def test_copy_moves_over(self):
        guest = self.grown(2)
        destination = os.path.join(guest.folder, 'copied.qcow2')
        job = self.sinter.copy(guest.name, destination)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_chain(guest, [destination])
        self.assert_whole(guest)

    def test_copy_stays_behind(self):
        guest = self.grown(2)
        before = self.paths(guest)
        destination = os.path.join(guest.folder, 'left.raw')
        job = self.sinter.copy(guest.name, destination, finish=True, format='raw')
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_chain(guest, before)
        self.assertEqual(os.path.getsize(destination), guest.size_bytes)
        self.assert_whole(guest)


class RelativeNames(SinterCase):
    """Overlays that name their backing files relatively stay so: the folder can be moved."""

    def grow_relative(self, guest, n_layers):
        below = os.path.basename(guest.path('vda', 'base'))
        for n in range(n_layers):
            overlay = guest.path('vda', f'r{n}')
            images.qemu_img('create', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', below, overlay,
                            guest.size_bytes)
            guest.domain.snapshotCreateXML(
                f"<domainsnapshot><name>r{n}</name><disks><disk name='vda' snapshot='external'>"
                f"<driver type='qcow2'/><source file='{overlay}'/></disk></disks>"
                '</domainsnapshot>',
                libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
                libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_REUSE_EXT)
            guest.wait_rounds(20)
            below = os.path.basename(overlay)

    def backing_name(self, path):
        return images.info(path)['backing-filename']

    def test_commit_keeps_them(self):
        guest = self.guest().start()
        self.grow_relative(guest, 3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, keep=1)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_chain(guest, [before[0], before[-1]])
        self.assertEqual(self.backing_name(before[0]), os.path.basename(before[-1]))
        self.assert_whole(guest)

    def test_pull_keeps_them(self):
        guest = self.guest().start()
        self.grow_relative(guest, 3)
        before = self.paths(guest)
        job = self.sinter.pull(guest.name, base=before[-1])
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.backing_name(before[0]), os.path.basename(before[-1]))
        self.assert_whole(guest)


class OutrunByTheGuest(SinterCase):
    """A copy that is slower than the guest writes never gets ready by itself."""

    config = '[jobs]\nconverge-after-sec=2\n'

    def test_the_limit_is_lifted_and_told(self):
        guest = self.grown(3, code=GuestCode(pause_usec=0))
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        end = job.wait(120)
        self.assertEqual(end['Phase'], 'done')
        self.assertIn('the limit was lifted', '\n'.join(end['Warnings']))
        self.assert_fused(guest, before)
        self.assert_whole(guest)


class Budgets(SinterCase):
    """One job at a time on a file system: the second waits, then has its turn."""

    config = '[jobs]\nmax-per-storage=1\n'

    def test_the_second_waits_for_the_first(self):
        guests = [self.guest('first').start(), self.guest('second').start()]
        for guest in guests:
            guest.grow(2)
        before = [self.paths(guest) for guest in guests]
        first, = self.sinter.consolidate('first', bandwidth=SLOW)
        first.wait_phase('copying')
        second, = self.sinter.consolidate('second')
        self.assertEqual(second.phase, 'queued')
        first.set_bandwidth(0)
        ends = [job.wait() for job in (first, second)]
        self.assertEqual([end['Phase'] for end in ends], ['done', 'done'])
        self.assertGreaterEqual(ends[1]['StartTime'], ends[0]['EndTime'])
        for guest, layers in zip(guests, before):
            self.assert_fused(guest, layers)
            self.assert_whole(guest)

    def test_a_queued_job_can_be_cancelled(self):
        guests = [self.guest('works').start(), self.guest('waits').start()]
        for guest in guests:
            guest.grow(1)
        before = self.paths(guests[1])
        first, = self.sinter.consolidate('works', bandwidth=SLOW)
        first.wait_phase('copying')
        second, = self.sinter.consolidate('waits')
        second.cancel()
        end = second.wait()
        self.assertEqual((end['Phase'], end['Warnings']), ('cancelled', []))
        self.assert_chain(guests[1], before)
        first.cancel()
        self.assertEqual(first.wait()['Phase'], 'cancelled')


class WhileItRuns(SinterCase):
    def test_cancel_before_ready(self):
        guest = self.grown(3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        job.cancel()
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('cancelled', 'Cancelled'))
        for name, warning in zip(['s1', 's2', 's3'], end['Warnings'], strict=True):
            self.assertIn(f"the state of snapshot '{name}' may be inconsistent", warning)
        self.assert_chain(guest, before)
        self.assertEqual(guest.snapshot_names(), ['s1', 's2', 's3'])
        self.assert_whole(guest)

    def test_bandwidth_changes_and_progress_is_shown(self):
        guest = self.grown(3)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        seen = self.sinter.wait(lambda: (now := job.properties())['ProgressValid'] and now, 30,
                                'progress is known')
        self.assertLess(seen['Progress'], 1.0)
        self.assertEqual(seen['BandwidthLimit'], SLOW)
        self.assertGreater(seen['Bytes'], seen['ProcessedBytes'])
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_whole(guest)

    def test_a_second_job_on_the_disk_is_refused(self):
        guest = self.grown(2)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name)
        self.assertEqual(caught.exception.code, 'Busy')
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')

    def test_domain_destroyed(self):
        guest = self.grown(3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        guest.stop()
        end = job.wait()
        self.assertEqual(end['Phase'], 'failed')
        self.assertIn('stopped', end['ErrorMessage'])
        self.assertEqual(self.paths(guest, inactive=True)[0], before[0])
        self.assertTrue(all(os.path.exists(path) for path in before))
        guest.verify()

    def test_sinterd_ends_though_libvirtd_hangs(self):
        guest = self.grown(2)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        self.bench.libvirtd.signal(signal.SIGSTOP)
        try:
            job.set_bandwidth(SLOW)     # a call of the job's thread that does not return
            self.assertEqual(self.bench.sinterd.stop(timeout=25), 0)
        finally:
            self.bench.libvirtd.signal(signal.SIGCONT)
        self.bench.sinterd.start()
        sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(sinter.close)
        job = sinter.job(os.path.basename(job.path))
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_libvirtd_restarted(self):
        guest = self.grown(3)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        job.wait_phase('copying')
        self.bench.libvirtd.kill()
        self.bench.libvirtd.start()
        self.sinter.wait(lambda: self.sinter.properties('/org/sinter/Sinter1/Manager',
                                                        'Manager')['Connected'], 60, 'connected')
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
