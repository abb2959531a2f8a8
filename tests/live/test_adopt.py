# SPDX-License-Identifier: LGPL-2.1-or-later
"""A block job that nobody ends: virsh was killed while it waited for its own active commit."""

import os
import signal
import subprocess
import time
import unittest

from lib import events, images, namespace
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase


class Adopt(SinterCase):
    def forgotten(self, n_layers=2):
        """A guest with a commit that is ready, and nobody who waits for it; its chain."""
        guest = self.grown(n_layers)
        before = self.paths(guest)
        with self.bench.events() as seen:
            virsh = subprocess.Popen(
                namespace.plain(['virsh', 'blockcommit', guest.name, 'vda', '--active', '--wait']),
                env=self.bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            seen.wait_job(status=events.JOB_READY)
            virsh.send_signal(signal.SIGKILL)
            virsh.wait()
        return guest, before

    def assert_refused(self, code, guest, *arguments, **keys):
        with self.assertRaises(SinterError) as caught:
            self.sinter.adopt(guest.name, *arguments, **keys)
        self.assertEqual(caught.exception.code, code, caught.exception.message)
        return caught.exception.message

    def test_shown_with_age_and_cost(self):
        then_usec = time.time_ns() // 1000
        guest, before = self.forgotten()
        self.sinter.rescan()
        disk = self.sinter.properties(self.sinter.disk(guest.name), 'Disk')
        self.assertEqual(disk['BlockJob'], 'active-commit')
        self.assertTrue(then_usec < disk['BlockJobReadyTime'] < time.time_ns() // 1000)
        self.sinter.rescan()
        again = self.sinter.properties(self.sinter.disk(guest.name), 'Disk')
        self.assertEqual(again['BlockJobReadyTime'], disk['BlockJobReadyTime'])
        said = self.bench.sinter('list', guest.name).stdout
        self.assertRegex(said, r"active-commit of another program waits for its end since \S+.* or "
                               r"longer, and each write is made twice: see 'sinter adopt'")
        self.assert_chain(guest, before)

    def test_pivot(self):
        guest, before = self.forgotten()
        end = self.sinter.adopt(guest.name, 'pivot', keep_files=False).wait()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        self.assertEqual(end['Operation'], 'active-commit')
        self.assert_fused(guest, before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_whole(guest)

    def test_abort(self):
        guest, before = self.forgotten()
        end = self.sinter.adopt(guest.name, 'abort').wait()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        self.assert_chain(guest, before)
        self.assertEqual(guest.domain.blockJobInfo('vda'), {})
        self.assertEqual(guest.snapshot_names(), ['s1', 's2'])
        self.sinter.rescan()
        disk = self.sinter.properties(self.sinter.disk(guest.name), 'Disk')
        self.assertEqual((disk['BlockJob'], disk['BlockJobReadyTime']), ('none', 0))
        self.assert_whole(guest)

    def test_base_that_another_domain_uses(self):
        """A pivot has the checks of a commit; an abort only gives the base up."""
        guest, before = self.forgotten()
        other = self.bench.guest('other')
        self.addCleanup(other.remove)
        overlay = other.path('vda', 'base')
        os.unlink(overlay)
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', before[-1], overlay)
        self.sinter.rescan()
        self.assertIn("'other'", self.assert_refused('SharedBase', guest, 'pivot'))
        self.assert_chain(guest, before)
        self.assertEqual(self.sinter.adopt(guest.name, 'abort').wait()['Phase'], 'done')
        self.assert_chain(guest, before)

    def test_what_is_not_forgotten(self):
        guest = self.grown(2)
        self.assertIn('no block job', self.assert_refused('NotFound', guest, 'pivot'))
        self.assert_refused('InvalidArgument', guest, 'end')
        job, = self.sinter.consolidate(guest.name, bandwidth=64 * 1024)
        self.sinter.wait(lambda: job.properties()['ProgressValid'], 30, 'progress is known')
        self.assertIn('still copying', self.assert_refused('Busy', guest, 'abort'))
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')

    def test_taken_over_after_a_crash(self):
        """The record names the block job as the job's own before it is touched."""
        guest, before = self.forgotten()
        self.bench.sinterd.stop()
        # in the job's thread: queued and ready; each save syncs the file and then the folder
        self.start_sinterd_to_die('fsync', 4)
        self.setUp()
        try:
            self.sinter.adopt(guest.name, 'pivot')
        except SinterError:
            pass                                    # it dies before it answers, or after
        self.assertEqual(self.bench.sinterd.wait(60), -signal.SIGKILL)
        self.bench.sinterd.start()
        job, = [job for job in self.sinter.jobs() if job.properties()['DomainName'] == guest.name]
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assertEqual(self.paths(guest), before[-1:])
        self.assert_whole(guest)

    def test_command(self):
        guest, before = self.forgotten()
        done = self.bench.sinter('adopt', guest.name, 'vda', check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('either --pivot or --abort', done.stderr)
        self.bench.sinter('adopt', guest.name, 'vda', '--abort')
        self.assert_chain(guest, before)


if __name__ == '__main__':
    unittest.main()
