# SPDX-License-Identifier: LGPL-2.1-or-later
"""Offline merges that something cuts short or holds up: a kill, a cancel, a guest that starts.

A bandwidth limit holds a merge where it is met: no test waits for time to pass.
"""

import os
import signal
import unittest

import libvirt

from lib import workerprocess
from lib.offlinecase import SLOW, OfflineCase
from lib.sinterbus import SinterError

RENAMES = 'rename,renameat,renameat2'


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

    def test_the_worker_is_bound(self):
        """What the sandbox's own test shows to hold is what the worker at work is in."""
        guest = self.shut_off(2)
        # so much that the worker is still at work whenever this slow machine gets to look at it
        self.bench.command('qemu-io', '-f', 'qcow2', '-c', 'write -P 7 0 12M', self.files(guest)[0])
        job = self.half_merged(guest)
        pid = self.worker_pid()
        status = workerprocess.status(pid)
        self.assertEqual((status['Seccomp'], status['NoNewPrivs']), (['2'], ['1']))
        self.assertEqual(status['Uid'], [str(os.getuid())] * 4)     # it can be nobody else
        self.assertEqual(workerprocess.capabilities(pid), 0)
        with self.assertRaises(PermissionError):    # nobody of the same user reads its memory
            os.listdir(f'/proc/{pid}/fd')
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
        self.assertEqual(job.wait_phase('waiting')['WaitingFor'],
                         f"domain '{guest.name}', which must be shut off")
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
        self.assertEqual(ahead[0].wait()['Phase'], 'cancelled')
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
        wanted = f"image '{before[-1]}', in use by process {holder.pid} (qemu-io)"
        self.assertEqual(job.properties()['WaitingFor'], wanted)
        self.assertIn(wanted, self.bench.sinter('jobs').stdout)
        self.assertIn(f'Waiting for:      {wanted}\n',
                      self.bench.sinter('job', job.properties()['Id']).stdout)
        holder.stdin.close()
        holder.wait()
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
