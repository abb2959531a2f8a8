# SPDX-License-Identifier: LGPL-2.1-or-later
"""File systems that run full under a command, for real: a tmpfs, ext4, XFS, btrfs. It fails with one
clear line, no image is lost, and once there is room again the same command does it."""

import collections
import errno
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'images')]
import img  # noqa: E402
from interrupted import OPERATIONS, KIB, MIB, Interrupted, make_chain  # noqa: E402
from trial import Failed  # noqa: E402
from lib import tap  # noqa: E402
from lib.filesystem import SmallFilesystem  # noqa: E402

ONLY = os.environ.get('SINTER_OPERATION')
# What is left free, in parts of what the command takes in all.
SHARES = (0, 0.4, 0.8)
TMPFS_BYTES = 48 * MIB


class OnFull:
    """A folder on a file system that is this test's alone, to be filled."""

    def fill(self, path, leave_bytes):
        """A file that takes all the room but so much."""
        with open(path, 'wb') as filler:
            step, size = 64 * MIB, 0
            while step >= 4 * KIB:
                figures = os.statvfs(os.path.dirname(path))
                free = figures.f_bavail * figures.f_frsize
                part = min(step, free - leave_bytes) // (4 * KIB) * (4 * KIB)
                try:
                    if part <= 0:
                        raise OSError(errno.ENOSPC, 'as full as it should be')
                    os.posix_fallocate(filler.fileno(), size, part)
                    size += part
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    step //= 2

    def used(self):
        figures = os.statvfs(self.place)
        return (figures.f_blocks - figures.f_bfree) * figures.f_frsize


class Full(OnFull):
    def setUp(self):
        self.place = self.mount()
        self.raws = tempfile.mkdtemp(prefix='sinter-full-')
        self.addCleanup(shutil.rmtree, self.raws)
        made = os.path.join(self.raws, 'made')
        os.mkdir(made)
        self.chain, self.made = make_chain(made), made

    def trial(self, row):
        folder = os.path.join(self.place, 'trial')
        subprocess.run(['cp', '-r', '--sparse=always', '--reflink=never', self.made, folder],
                       check=True)
        os.sync()
        return Interrupted(self.chain, row, folder, self.raws)

    def needed(self, row):
        """Bytes that the file system has less of, once the command is done."""
        trial = self.trial(row)
        before = self.used()
        done = img.ours(*trial.plan.args, folder=trial.folder)
        self.assertEqual(done.status, 0, done)
        os.sync()
        n_bytes = self.used() - before
        shutil.rmtree(trial.folder)
        os.sync()
        return max(0, n_bytes)

    def squeeze(self, row, leave_bytes):
        """'failed', or 'done' where there was room enough after all."""
        trial = self.trial(row)
        filler = os.path.join(self.place, 'filler')
        try:
            self.fill(filler, leave_bytes)
            done = img.ours(*trial.plan.args, folder=trial.folder)
            if done.status == 0:
                os.unlink(filler)
                trial.judge(trial.folder)
                return 'done'
            text = done.stderr.decode()
            if done.status != 1 or text.count('\n') != 1 or 'No space left on device' not in text:
                raise Failed(f'not one clear line: {done}')
            trial.holds()
            os.unlink(filler)
            trial.finishes()
            return 'failed'
        except Failed as error:
            raise AssertionError(f'{" ".join(trial.plan.args)} with {leave_bytes} bytes left:\n'
                                 f'{error}') from None
        finally:
            shutil.rmtree(trial.folder)
            if os.path.exists(filler):
                os.unlink(filler)
            os.sync()

    def test_each(self):
        for name, row in OPERATIONS.items():
            if ONLY not in (None, name):
                continue
            needed, count = self.needed(row), collections.Counter()
            for share in SHARES:
                with self.subTest(operation=name, share=share, of=needed):
                    count[self.squeeze(row, int(needed * share))] += 1
            tap.comment(f'{name}, which takes {needed // KIB} KiB: {count["failed"]} times without '
                        f'the room, {count["done"]} times with enough')
            if row.needs_space and needed > MIB:
                with self.subTest(operation=name):
                    self.assertGreater(count['failed'], 0)


class Tmpfs(Full, unittest.TestCase):
    def mount(self):
        path = tempfile.mkdtemp(prefix='sinter-tmpfs-')
        self.addCleanup(os.rmdir, path)
        place = SmallFilesystem(path, TMPFS_BYTES)
        self.addCleanup(place.unmount)
        return path


class Mounted:
    variable = None

    def mount(self):
        place = os.environ.get(self.variable)
        if not place:
            self.skipTest(f'{self.variable} names no file system of its own (./run test makes one)')
        # another test program may be filling it
        claim = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        self.addCleanup(os.close, claim)
        fcntl.flock(claim, fcntl.LOCK_EX)
        return place


class Ext4(Mounted, Full, unittest.TestCase):
    variable = 'SINTER_TEST_FULL_EXT4'


class Xfs(Mounted, Full, unittest.TestCase):
    variable = 'SINTER_TEST_FULL_XFS'


class Btrfs(Mounted, Full, unittest.TestCase):
    variable = 'SINTER_TEST_FULL_BTRFS'


if __name__ == '__main__':
    unittest.main()
