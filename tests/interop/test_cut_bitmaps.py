# SPDX-License-Identifier: LGPL-2.1-or-later
"""Dirty bitmaps when a command that moves data is killed, or when one of its calls fails.

A bitmap is kept, with no change missing in it, or the command that is given again says by name that
it is lost. Each command is struck at every call with SINTER_TEST_LONG=1, else at some.
"""

import collections
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'images')]
import img  # noqa: E402
from interrupted import KIB, MIB, Disk  # noqa: E402
from test_cut import KILLED, LONG, spread, strike  # noqa: E402
from trial import Bitmaps, changed_granules, qemu  # noqa: E402
from lib import tap  # noqa: E402

SIZE = 2 * MIB
IMAGES = ('top.qcow2', 'mid.qcow2', 'base.qcow2')
# How the command can be struck, and at how many of its calls.
WAYS = {'kill': 3, 'eio': 2, 'enospc': 1}
# What is no longer valid afterwards, though it is there.
COMMANDS = {
    'commit': (['commit', 'top.qcow2'], ()),
    'commit into the base': (['commit', '-b', 'base.qcow2', 'top.qcow2'], ('mid.qcow2',)),
    'merge down': (['merge', '-q', '--down', '--delete', 'top.qcow2'], ()),
    'merge down, files kept': (['merge', '-q', '--down', '--top', 'mid.qcow2', 'top.qcow2'],
                               ('mid.qcow2',)),
    'merge up': (['merge', '-q', '--up', '--delete', 'top.qcow2'], ()),
    'remove': (['remove', '-q', '--delete', 'top.qcow2', 'mid.qcow2'], ()),
    'rebase': (['rebase', '-b', '', 'top.qcow2'], ()),
}
# What the second run may say where the first was as good as done: there is nothing left to do then.
DONE_ALREADY = 'No such file or directory|Nothing left to do'


def read_out(folder, name):
    raw = os.path.join(folder, 'read.raw')
    qemu('convert', '-f', 'qcow2', '-O', 'raw', name, raw, folder=folder)
    with open(raw, 'rb') as file:
        content = file.read()
    os.unlink(raw)
    return content


class CutBitmaps(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='sinter-cut-')
        self.addCleanup(shutil.rmtree, self.root)
        self.made = os.path.join(self.root, 'made')
        os.mkdir(self.made)
        self.make()
        self.contents = {name: read_out(self.made, name) for name in IMAGES}
        self.bitmaps = {name: Bitmaps(self.made, name).found for name in IMAGES}
        self.assertEqual([len(found) for found in self.bitmaps.values()], [1, 2, 3])

    def make(self):
        """Each image has enabled bitmaps, the base a disabled one too; all have bits."""
        step, below = SIZE // 16, None
        for number, name in enumerate(reversed(IMAGES)):
            disk = Disk(self.made, name, SIZE, below, ('', 'cluster_size=16k', '')[number])
            for bitmap in range(3 - number):
                qemu('bitmap', '--add', '-g', str(4 * KIB << bitmap), name,
                     f'{name[:-6]}-{bitmap}', folder=self.made)
            disk.write(number + 1, [(at + number * step // 4, step // 3)
                                    for at in range(0, SIZE - step, (number + 1) * step)])
            below = disk.layer()
        qemu('bitmap', '--disable', 'base.qcow2', 'base-2', folder=self.made)

    def copy(self, name):
        folder = os.path.join(self.root, name)
        subprocess.run(['cp', '-r', '--sparse=always', self.made, folder], check=True)
        return folder

    def lost(self, folder, invalid):
        """Names of the bitmaps that are gone, or not to be trusted."""
        for name, before in self.bitmaps.items():
            if name in invalid:
                continue
            found, needed = {}, None
            if os.path.exists(os.path.join(folder, name)):
                found = Bitmaps(folder, name).found
            for bitmap, (granularity, flags, bits) in before.items():
                if bitmap not in found or 'in-use' in found[bitmap][1]:
                    yield bitmap
                    continue
                needed = needed or read_out(folder, name)
                self.assertEqual(found[bitmap][:2], (granularity, flags))
                if 'auto' in flags:
                    bits = bits | changed_granules(self.contents[name], needed, granularity)
                    self.assertLessEqual(bits, found[bitmap][2], f'{bitmap} lacks changes')
                else:
                    self.assertEqual(bits, found[bitmap][2], bitmap)

    def one(self, command, mode, nth):
        args, invalid = COMMANDS[command]
        folder = self.copy(f'{mode}-{nth}')
        try:
            done, _ = strike(mode, nth, 'all', args, folder)
            failed, outcome = '', {0: 'done', KILLED: 'killed'}.get(done.status, 'failed')
            if outcome != 'done':
                failed = done.stderr.decode() if outcome == 'failed' else ''
                done = img.ours(*(word for word in args if word != '-q'), folder=folder)
                if re.search(DONE_ALREADY, str(done)):
                    outcome = 'done before it was killed'
                else:
                    self.assertEqual(done.status, 0, done)
            said = failed + done.stderr.decode()
            lost = set(self.lost(folder, invalid))
            unsaid = {bitmap for bitmap in lost if f"'{bitmap}'" not in said}
            # where nothing was left to do, nothing is left that could be asked
            if outcome != 'done before it was killed' or failed:
                self.assertEqual(unsaid, set(), f'{outcome} at call {nth}; {done}')
            for name in IMAGES:
                if name not in invalid and os.path.exists(os.path.join(folder, name)):
                    qemu('check', '-f', 'qcow2', name, folder=folder, good=(0, 3))
            return outcome, len(lost)
        finally:
            shutil.rmtree(folder)

    def test_each(self):
        for command, (args, _) in COMMANDS.items():
            _, n_calls = strike('count', 0, 'all', args, self.copy('undisturbed'))
            shutil.rmtree(os.path.join(self.root, 'undisturbed'))
            count = collections.Counter()
            for mode, n in WAYS.items():
                for nth in spread(n_calls, 10_000 if LONG else n) if n > 1 or LONG else \
                        [n_calls // 2]:
                    with self.subTest(command=command, mode=mode, call=nth, of=n_calls):
                        outcome, n_lost = self.one(command, mode, nth)
                        count[mode, outcome, n_lost] += 1
            tap.comment(f'{command}, {n_calls} calls: ' + ', '.join(
                f'{mode} {outcome}, {n_lost} bitmaps lost: {n}'
                for (mode, outcome, n_lost), n in sorted(count.items())))


if __name__ == '__main__':
    unittest.main()
