# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base of live tests of offline merges: guests that grew a chain and were shut off."""

import os
import select
import subprocess

from . import namespace, workerprocess
from .sintercase import SinterCase

# So slow that a merge is met half-way, whatever else the machine does.
SLOW = 64 * 1024


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
        return workerprocess.pid_or_none(self.bench.sinterd.pid)

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
        """sinterd; the job as it then shows it."""
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
