# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chains of domains that are shut off, merged by sinter-worker; the guest then boots and judges.

The guest grew its chain while it ran, so its disk has an oracle; QEMU's tools read it before and
after. A bandwidth limit holds a merge where it is met: no test waits for time to pass.
"""

import contextlib
import os
import select
import signal
import subprocess
import unittest
import xml.etree.ElementTree as ElementTree

import libvirt

from lib import images, namespace
from lib.guestcode import GuestCode
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase

# So slow that a merge is met half-way, whatever else the machine does.
SLOW = 64 * 1024
MIB = 1024 * 1024
REFUSED = 4
RENAMES = 'rename,renameat,renameat2'


class OfflineCase(SinterCase):
    def shut_off(self, n_layers=3, **options):
        """A guest with a chain of n_layers overlays over its base, shut off."""
        guest = self.grown(n_layers, **options)
        guest.stop()
        return guest

    def files(self, guest, target='vda'):
        """The chain as the images themselves tell it, top first."""
        return guest.image_files(target)

    def content(self, guest, target='vda'):
        """The disk's bytes, as qemu-img reads them through the chain."""
        path = guest.dump(target, 'content')
        with open(path, 'rb') as file:
            content = file.read()
        os.unlink(path)
        return content

    def half_merged(self, guest, **keys):
        """A job that is held in the midst of its merge."""
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW, **keys)
        self.await_progress(job)
        return job

    def await_progress(self, job):
        self.sinter.wait(lambda: (now := job.properties())['Phase'] == 'copying' and
                         now['ProgressValid'] and now['ProcessedBytes'] > 0, 60,
                         'a part is merged')

    def worker_pid_or_none(self):
        """The one child of sinterd; None while there is none."""
        tasks = f'/proc/{self.bench.sinterd.pid}/task'
        children = set()
        for task in os.listdir(tasks):
            with contextlib.suppress(OSError):      # a thread that has just ended
                with open(f'{tasks}/{task}/children', encoding='ascii') as file:
                    children.update(map(int, file.read().split()))
        if not children:
            return None
        pid, = children
        with contextlib.suppress(OSError):
            with open(f'/proc/{pid}/comm', encoding='ascii') as file:
                return pid if file.read().strip() == 'sinter-worker' else None
        return None

    def worker_pid(self):
        return self.sinter.wait(self.worker_pid_or_none, 60, 'a worker')

    def await_end(self, pidfd):
        """Until the process is gone; closes the descriptor."""
        self.assertTrue(select.select([pidfd], [], [], 30)[0], 'the process goes on')
        os.close(pidfd)

    def hold(self, path):
        """A qemu-io that has the image open for writing until its input ends."""
        holder = subprocess.Popen(namespace.plain(['qemu-io', '-f', 'qcow2', path]),
                                  env=self.bench.env, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.stdout.close)
        holder.stdin.write('read 0 512\n')
        holder.stdin.flush()
        while '512 bytes' not in holder.stdout.readline():
            self.assertIsNone(holder.poll())
        return holder

    def start_again(self, job):
        """sinterd; the job as it shows it."""
        self.bench.sinterd.start()
        return self.sinter.job(os.path.basename(job.path))

    def assert_boots(self, guest):
        """It starts on what the merge left, and has lost nothing."""
        guest.start()
        self.assert_whole(guest)

    def assert_merged(self, guest, content, expected, before, target='vda'):
        """The chain is the expected one, everywhere; the content the same; the rest is gone."""
        self.assertEqual(self.files(guest, target), expected)
        self.assertEqual(self.paths(guest, target, inactive=True)[0], expected[0])
        self.assertEqual([path for path in before if os.path.exists(path)], expected)
        self.assertTrue(self.content(guest, target) == content, 'the content has changed')
        guest.verify()


class Consolidate(OfflineCase):
    def test_all_layers_become_one(self):
        guest = self.shut_off(4)
        before, content = self.files(guest), self.content(guest)
        self.assertEqual(len(before), 5)
        done = self.bench.sinter('consolidate', guest.name)
        self.assertEqual(done.returncode, 0)
        self.assert_merged(guest, content, before[-1:], before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)

    def test_newest_snapshots_stay(self):
        guest = self.shut_off(5)
        before, content = self.files(guest), self.content(guest)   # s5 s4 s3 s2 s1 base
        job, = self.sinter.consolidate(guest.name, keep=2)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, [before[0], before[1], before[-1]], before)
        self.assertEqual(guest.snapshot_names(), ['s4', 's5'])
        self.assertEqual(self.frozen_path(guest, 's5'), before[1])
        self.assertEqual(self.frozen_path(guest, 's4'), before[-1])
        self.assert_boots(guest)

    def test_upward(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job, = self.sinter.consolidate(guest.name, pull=True)
        end = job.wait()
        self.assertEqual((end['Phase'], end['Operation'], end['Warnings']), ('done', 'pull', []))
        self.assert_merged(guest, content, before[:1], before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)

    def test_the_way_with_fewer_bytes(self):
        """All of the disk lies in the active layer: the others go up into it, by themselves."""
        guest = self.shut_off(2)
        before = self.files(guest)
        empty = os.path.join(guest.folder, 'empty.qcow2')
        images.qemu_img('create', '-f', 'qcow2', empty, guest.size_bytes)
        images.qemu_img('rebase', '-f', 'qcow2', '-F', 'qcow2', '-b', empty, before[0])
        images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', before[1], before[0])
        content = self.content(guest)
        plan = self.sinter.plan(guest.name)
        self.assertIn('pull', [step['kind'] for step in plan['Steps']])
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, before[:1], before)
        self.assert_boots(guest)

    def test_two_disks(self):
        guest = self.shut_off(3, code=GuestCode(n_disks=2))
        before = {target: self.files(guest, target) for target in guest.targets}
        content = {target: self.content(guest, target) for target in guest.targets}
        jobs = self.sinter.consolidate(guest.name)
        self.assertEqual([job.wait()['Phase'] for job in jobs], ['done', 'done'])
        for target in guest.targets:
            self.assert_merged(guest, content[target], before[target][-1:], before[target], target)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)

    def test_a_raw_base(self):
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        raw = os.path.join(guest.folder, 'base.raw')
        images.convert(before[-1], raw, 'qcow2', 'raw')
        images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'raw', '-b', raw, before[-2])
        self.redefine_chain(guest, '')          # libvirt had noted the old one
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        layer, = guest.chain(inactive=True)
        self.assertEqual((layer.path, layer.format), (raw, 'raw'))
        with open(raw, 'rb') as file:
            self.assertTrue(file.read() == content, 'the content has changed')
        guest.start()
        guest.wait_rounds(5)
        guest.stop()

    def redefine_chain(self, guest, chain):
        """Lets vda's definition hold this in place of its <backingStore>."""
        root = ElementTree.fromstring(guest.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        disk = root.find("devices/disk/target[@dev='vda']/..")
        for old in disk.findall('backingStore'):
            disk.remove(old)
        if chain:
            disk.insert(2, ElementTree.fromstring(chain))
        self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))

    @staticmethod
    def chain_xml(paths):
        chain = '<backingStore/>'
        for path in reversed(paths):
            chain = (f"<backingStore type='file'><format type='qcow2'/><source file='{path}'/>"
                     f'{chain}</backingStore>')
        return chain

    def test_a_definition_that_contradicts_the_headers(self):
        """Which of the two is right nobody can tell: neither is touched."""
        guest = self.shut_off(3)
        before = self.files(guest)
        for snapshot in guest.domain.listAllSnapshots():
            snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.redefine_chain(guest, self.chain_xml([before[1], before[3]]))
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'ChainChanged'))
        self.assertIn(before[2], end['ErrorMessage'])
        self.assertEqual(self.paths(guest, inactive=True), [before[0], before[1], before[3]])
        self.assertEqual(self.files(guest), before)

    def test_a_chain_that_stands_in_the_definition(self):
        """libvirt believes a <backingStore> more than the headers: it has to go."""
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        self.redefine_chain(guest, self.chain_xml(before[1:]))
        self.assertEqual(self.paths(guest, inactive=True), before)
        job, = self.sinter.consolidate(guest.name, keep=1)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assert_merged(guest, content, [before[0], before[-1]], before)
        self.assert_boots(guest)

    def test_a_storage_pool_is_refreshed(self):
        guest = self.shut_off(2)
        pool = self.bench.connection.storagePoolCreateXML(
            f"<pool type='dir'><name>images</name><target><path>{guest.folder}</path></target>"
            '</pool>')
        self.addCleanup(pool.destroy)
        names = [os.path.basename(path) for path in self.files(guest)]
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual([name for name in names if name in pool.listVolumes()], names[-1:])

    def test_files_may_stay(self):
        guest = self.shut_off(2)
        before = self.files(guest)
        job, = self.sinter.consolidate(guest.name, keep_files=True)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), before[-1:])
        self.assertTrue(all(os.path.exists(path) for path in before))
        self.assert_boots(guest)


class SingleJobs(OfflineCase):
    def test_intermediate_commit(self):
        guest = self.shut_off(4)
        before, content = self.files(guest), self.content(guest)   # s4 s3 s2 s1 base
        done = self.bench.sinter('commit', guest.name, 'vda', '--top', before[1], '--base',
                                 before[3])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.files(guest), [before[0], before[3], before[4]])
        self.assertTrue(all(os.path.exists(path) for path in before))     # as virsh leaves them
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)

    def test_pull_with_a_base(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.sinter.pull(guest.name, base=before[-1])
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), [before[0], before[-1]])
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)

    def test_relative_names_stay_relative(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        for above, below in zip(before, before[1:]):
            images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b',
                            os.path.basename(below), above)
        job, = self.sinter.consolidate(guest.name, keep=1)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, [before[0], before[-1]], before)
        self.assertEqual(images.info(before[0])['backing-filename'], os.path.basename(before[-1]))
        self.assert_boots(guest)

    def test_a_copy_needs_a_guest_that_runs(self):
        guest = self.shut_off(1)
        with self.assertRaises(SinterError) as caught:
            self.sinter.copy(guest.name, os.path.join(guest.folder, 'copy.qcow2'))
        self.assertEqual(caught.exception.code, 'Unsupported')
        self.assertIn('must run', caught.exception.message)


class MidMerge(OfflineCase):
    """What happens while a part is merged; a bandwidth limit holds it there."""

    def test_bandwidth_and_progress(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        seen = job.properties()
        self.assertEqual(seen['BandwidthLimit'], SLOW)
        self.assertTrue(seen['Cancelable'])
        self.assertGreater(seen['Bytes'], seen['ProcessedBytes'])
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, before[-1:], before)

    def test_cancel(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        job.cancel()
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('cancelled', 'Cancelled'))
        self.assertEqual(len(end['Warnings']), 3)       # the states of s1, s2, s3 are mixtures
        self.assertEqual(self.files(guest), before)
        self.assertEqual(guest.snapshot_names(), ['s1', 's2', 's3'])
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)

    def test_the_domain_is_not_started_on_half_a_merge(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        with self.assertRaises(libvirt.libvirtError) as caught:
            guest.domain.create()
        self.assertIn('lock', str(caught.exception))
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, before[-1:], before)
        self.assert_boots(guest)

    def test_nobody_else_writes_meanwhile(self):
        guest = self.shut_off(3)
        before = self.files(guest)
        job = self.half_merged(guest)
        for path in before:
            done = self.bench.command('qemu-io', '-f', 'qcow2', '-c', 'write 0 4k', path,
                                      check=False)
            self.assertIn('lock', done.stdout + done.stderr)
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')

    def test_worker_killed(self):
        """Another one begins anew; the locks were never let go."""
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        first = self.worker_pid()
        os.kill(first, signal.SIGKILL)
        self.sinter.wait(lambda: self.worker_pid_or_none() not in (None, first), 60,
                         'another worker')
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertIn('signal 9', self.bench.sinterd.log_text())
        self.assert_merged(guest, content, before[-1:], before)
        self.assert_boots(guest)

    def test_worker_killed_again_and_again(self):
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        pid = None
        for _ in range(3):
            pid = self.sinter.wait(lambda pid=pid: (now := self.worker_pid_or_none()) != pid and now,
                                   60, 'a worker')
            os.kill(pid, signal.SIGKILL)
        end = job.wait()
        self.assertEqual(end['Phase'], 'failed')
        self.assertIn('signal 9', end['ErrorMessage'])
        self.assertEqual(self.files(guest), before)
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)

    def test_worker_stopped(self):
        """One that does not answer is killed when it is to give up."""
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        os.kill(self.worker_pid(), signal.SIGSTOP)
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')
        self.assertEqual(self.files(guest), before)
        self.assertTrue(self.content(guest) == content, 'the content has changed')

    def test_sinterd_ends_and_goes_on(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        worker = os.pidfd_open(self.worker_pid())
        self.assertEqual(self.bench.sinterd.stop(), 0)
        self.await_end(worker)
        self.assertEqual(self.files(guest), before)
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        job = self.start_again(job)
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, before[-1:], before)

    def test_libvirtd_restarted(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        self.bench.libvirtd.kill()
        job.set_bandwidth(0)
        self.bench.libvirtd.start()
        self.assertEqual(job.wait(120)['Phase'], 'done')
        self.assert_merged(guest, content, before[-1:], before)
        self.assert_boots(guest)

    def test_snapshot_tree_and_domain_gone(self):
        """Undefined meanwhile: its files stay, and hold what they held."""
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        guest.domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA)
        job.set_bandwidth(0)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'NotFound'))
        self.assertTrue(all(os.path.exists(path) for path in before))
        self.bench.connection.defineXML(guest.xml().replace(before[-1], before[0]))
        self.assertTrue(self.content(guest) == content, 'the content has changed')


class Yields(OfflineCase):
    """Somebody has the images: the job waits, says so, and goes on when they are free."""

    def test_started_while_sinterd_was_dead(self):
        guest = self.shut_off(3)
        before = self.files(guest)
        job = self.half_merged(guest)
        worker = os.pidfd_open(self.worker_pid())
        self.bench.sinterd.kill()
        self.await_end(worker)                  # it does not outlive its daemon
        guest.start(n_rounds=40)                # the half-merged chain is whole
        job = self.start_again(job)
        job.wait_phase('waiting')
        guest.wait_rounds(20)
        guest.verify()
        job.set_bandwidth(0)
        self.assertEqual(job.phase, 'waiting')
        guest.stop()                            # what it wrote meanwhile is merged as well
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), before[-1:])
        guest.verify()
        self.assert_boots(guest)

    def test_started_while_it_was_queued(self):
        guest = self.shut_off(2)
        before = self.files(guest)
        holders = [self.shut_off(1, name=f'ahead-{n}') for n in range(2)]
        ahead = [self.half_merged(holder) for holder in holders]
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.phase, 'queued')
        guest.start()
        for other in ahead:
            other.cancel()
        job.wait_phase('waiting')
        # who waits takes no room: another one may begin
        other, = self.sinter.consolidate(holders[0].name)
        self.assertEqual(other.wait()['Phase'], 'done')
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name)
        self.assertEqual(caught.exception.code, 'Busy')
        guest.stop()
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), before[-1:])
        self.assert_boots(guest)

    def test_cancel_while_it_waits(self):
        guest = self.shut_off(2)
        before = self.files(guest)
        job = self.half_merged(guest)
        self.bench.sinterd.kill()
        guest.start()
        job = self.start_again(job)
        job.wait_phase('waiting')
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')
        self.assert_chain(guest, before)
        self.assert_whole(guest)

    def test_a_snapshot_was_taken_meanwhile(self):
        guest = self.shut_off(2)
        job = self.half_merged(guest)
        self.bench.sinterd.kill()
        guest.start().grow(1)
        job = self.start_again(job)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'ChainChanged'))
        self.assert_whole(guest)

    def test_another_program_has_the_base(self):
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        holder = self.hold(before[-1])
        job, = self.sinter.consolidate(guest.name)
        job.wait_phase('waiting')
        self.assertIn('qemu-io', self.bench.sinterd.log_text())
        holder.stdin.close()
        holder.wait()
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, before[-1:], before)


class Refusals(OfflineCase):
    def assert_refused(self, guest, *texts):
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ''), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_base_shared_with_another_domain(self):
        guest = self.shut_off(2)
        before = self.files(guest)
        overlay = os.path.join(guest.folder, 'sibling.qcow2')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', before[-1], overlay)
        sibling = self.bench.connection.defineXML(
            guest.xml().replace(f'<name>{guest.name}<', '<name>sibling<')
            .replace(before[-1], overlay))
        self.addCleanup(sibling.undefine)
        kept = images.qemu_img('map', '--output=json', overlay)
        self.assert_refused(guest, 'sibling', before[-1])
        self.assertEqual(self.files(guest), before)
        self.assertEqual(images.qemu_img('map', '--output=json', overlay), kept)
        # what lies above the shared one can be merged
        job, = self.sinter.consolidate(guest.name, base=before[-2])
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), before[-2:])
        self.assertEqual(images.qemu_img('map', '--output=json', overlay), kept)

    def test_a_sibling_that_comes_while_sinterd_is_dead(self):
        """A merge that was cut off is not begun anew under somebody who came meanwhile."""
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        self.bench.sinterd.kill()
        overlay = os.path.join(guest.folder, 'newcomer.qcow2')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', before[-2], overlay)
        sibling = self.bench.connection.defineXML(
            guest.xml().replace(f'<name>{guest.name}<', '<name>newcomer<')
            .replace(before[-1], overlay))
        self.addCleanup(sibling.undefine)
        end = self.start_again(job).wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'SharedBase'))
        self.assertTrue(self.content(guest) == content, 'the content has changed')

    def test_managed_save(self):
        guest = self.grown(1)
        guest.domain.managedSave()
        self.assert_refused(guest, 'managed save')
        guest.domain.managedSaveRemove()

    def test_internal_snapshot(self):
        guest = self.shut_off(1)
        images.qemu_img('snapshot', '-c', 'inside', self.files(guest)[-1])
        self.assert_refused(guest, 'internal snapshot')


class NoSpace(OfflineCase):
    def test_base_runs_full_in_mid_merge(self):
        with self.bench.small_filesystem(24 * MIB) as small:
            guest = self.guest(base_folder=small.path).start()
            guest.grow(2)
            guest.stop()
            before, content = self.files(guest), self.content(guest)
            job = self.half_merged(guest)
            small.resize(24 * MIB - small.free_bytes())
            job.set_bandwidth(0)
            end = job.wait()
            self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'NoSpace'),
                             end['ErrorMessage'])
            self.assertIn(before[-1], end['ErrorMessage'])
            self.assertEqual(self.files(guest), before)
            self.assertTrue(self.content(guest) == content, 'the content has changed')
            guest.check_images()
            small.resize(48 * MIB)
            job, = self.sinter.consolidate(guest.name)
            self.assertEqual(job.wait()['Phase'], 'done')
            self.assert_merged(guest, content, before[-1:], before)


# The saves of one consolidation, in order; after the last there is nothing to take over.
SAVES = ['queued', 'starting', 'copying', 'pivoting', 'cleaning', 'done']


class Crashes(OfflineCase):
    """sinterd dies by SIGKILL at each write of the job's record, and is started again."""

    def check_taken_over(self, calls, n, may_be_unknown=False):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        self.bench.sinterd.stop()
        self.start_sinterd_to_die(calls, n)
        try:
            self.sinter.consolidate(guest.name)
        except SinterError as error:
            self.assertIn(error.code, ('org.freedesktop.DBus.Error.NoReply',
                                       'org.freedesktop.DBus.Error.ServiceUnknown'))
        self.assertEqual(self.bench.sinterd.wait(60), -signal.SIGKILL)
        self.bench.sinterd.start()
        jobs = [job for job in self.sinter.jobs()
                if job.properties()['DomainName'] == guest.name]
        if not jobs:
            self.assertTrue(may_be_unknown)
            self.assertEqual(self.files(guest), before)
            self.assertTrue(self.content(guest) == content, 'the content has changed')
            return
        end = jobs[0].wait()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        self.assert_merged(guest, content, before[-1:], before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)


def add_death(n, when, calls, place):
    def test(self):
        self.check_taken_over(calls, place, may_be_unknown=n == 0)
    test.__doc__ = f'SIGKILL {when} the save of "{SAVES[n]}".'
    setattr(Crashes, f'test_{when}_save_of_{SAVES[n]}', test)


for number in range(len(SAVES)):
    add_death(number, 'before', RENAMES, number + 1)
for number in range(len(SAVES) - 1):
    add_death(number, 'after', 'fsync', 2 * number + 2)

del number


if __name__ == '__main__':
    unittest.main()
