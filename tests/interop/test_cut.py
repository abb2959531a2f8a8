# SPDX-License-Identifier: LGPL-2.1-or-later
"""The real command on real files, struck at one of the calls by which it changes them: killed, or
the call fails. No image is lost, nothing is said to be done that is not, and the same command given
again finishes the work.

Each command is struck at every call with SINTER_TEST_LONG=1, else at some, spread over the run.
"""

import collections
import concurrent.futures
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'images')]
import img  # noqa: E402
from interrupted import OPERATIONS, MIB, Disk, Interrupted, make_chain  # noqa: E402
from random_image import Chain  # noqa: E402
from trial import Failed  # noqa: E402
from lib import tap  # noqa: E402

CUT_TOOL = os.environ.get('SINTER_CUT_TOOL', 'cut-tool')
LONG = bool(os.environ.get('SINTER_TEST_LONG'))
N_STRIKES = 10_000 if LONG else 4
N_KILLS = 500 if os.environ.get('SINTER_TEST_LONG') else 200
UNSUPPORTED, KILLED = 77, 128 + 9
SEED = int(os.environ.get('SINTER_SEED', random.SystemRandom().randrange(1 << 31)))
ONLY = os.environ.get('SINTER_OPERATION')


def strike(mode, nth, calls, args, folder):
    """(what the command said, number of calls)"""
    report = folder + '.calls'
    done = img.run(CUT_TOOL, [report, mode, str(nth), calls, img.SINTER_IMG, *args], folder)
    with open(report, encoding='ascii') as file:
        said = file.read()
    os.unlink(report)
    if not said:
        raise unittest.SkipTest('the kernel has no seccomp notifications')
    return done, int(said)


def spread(n_calls, n_strikes):
    """Numbers from 1 to n_calls, the first and the last among them."""
    if n_calls <= n_strikes:
        return range(1, n_calls + 1)
    return sorted({1 + round(i * (n_calls - 1) / (n_strikes - 1)) for i in range(n_strikes)})


def rows():
    return {name: row for name, row in OPERATIONS.items()
            if ONLY in (None, name)}


class Cut(unittest.TestCase):
    def setUp(self):
        self.root = tempfile.mkdtemp(prefix='sinter-cut-')
        self.addCleanup(shutil.rmtree, self.root)
        self.raws = self.folder('raws')
        self.made = self.folder('made')
        self.chain = self.make(self.made)

    def make(self, folder):
        return make_chain(folder)

    def folder(self, name):
        path = os.path.join(self.root, name)
        os.mkdir(path)
        return path

    def trial(self, row, name):
        """On a copy of the chain."""
        folder = os.path.join(self.root, name)
        subprocess.run(['cp', '-r', '--sparse=always', self.made, folder], check=True)
        return Interrupted(self.chain, row, folder, self.raws)

    def n_calls(self, row, calls):
        """Of an undisturbed run, which has to be right."""
        trial = self.trial(row, 'undisturbed')
        done, n_calls = strike('count', 0, calls, trial.plan.args, trial.folder)
        self.assertEqual(done.status, 0, done)
        trial.judge(trial.folder)
        shutil.rmtree(trial.folder)
        return n_calls

    def one(self, row, mode, nth, calls='all'):
        """'killed', 'failed' or 'done'"""
        trial = self.trial(row, f'{mode}-{nth}')
        try:
            done, _ = strike(mode, nth, calls, trial.plan.args, trial.folder)
            if done.status == 0:
                # a call that did not have to succeed
                trial.judge(trial.folder)
                return 'done'
            if done.status != (KILLED if mode == 'kill' else 1):
                raise Failed(f'{done}')
            hints = done.stderr.count(b'\nThe existing file is kept until the copy is complete')
            if mode != 'kill' and done.stderr.count(b'\n') - hints != 1:
                raise Failed(f'not one line: {done}')
            trial.holds()
            trial.finishes()
        except Failed as error:
            raise AssertionError(f'{mode} at call {nth} of {" ".join(trial.plan.args)}:\n{error}'
                                 ) from None
        finally:
            shutil.rmtree(trial.folder)
        return 'killed' if done.status == KILLED else 'failed'

    def each(self, mode, calls='all'):
        for name, row in rows().items():
            count = collections.Counter()
            n_calls = self.n_calls(row, calls)
            for nth in spread(n_calls, N_STRIKES):
                with self.subTest(operation=name, call=nth, of=n_calls):
                    count[self.one(row, mode, nth, calls)] += 1
            tap.comment(f'{name}, {mode} at {sum(count.values())} of {n_calls} calls: ' +
                        ', '.join(f'{n} {outcome}' for outcome, n in sorted(count.items())))

    def test_kill(self):
        self.each('kill')

    def test_eio(self):
        self.each('eio')

    def test_enospc(self):
        self.each('enospc')

    def test_failing_sync(self):
        """Never is done said after one."""
        for name, row in rows().items():
            n_calls = self.n_calls(row, 'sync')
            self.assertGreater(n_calls, 0)
            for nth in range(1, n_calls + 1):
                with self.subTest(operation=name, sync=nth, of=n_calls):
                    self.assertEqual(self.one(row, 'eio', nth, 'sync'), 'failed')


class KilledConvert(Cut):
    """What is left of a conversion, new or over an older copy, whichever call it is killed at."""

    test_kill = test_eio = test_enospc = test_failing_sync = None

    def prepared(self, name, older):
        trial = self.trial(OPERATIONS['convert to raw'], name)
        if older:
            with open(os.path.join(trial.folder, 'new.raw'), 'wb') as file:
                file.write(b'older')
        return trial, sorted(os.listdir(trial.folder))

    def leftovers(self, older):
        """{number of the call that it was killed at: what was left}, number of calls"""
        trial, _ = self.prepared('count', older)
        _, n_calls = strike('count', 0, 'all', trial.plan.args, trial.folder)
        left = {}
        for nth in sorted({*spread(n_calls, 10), *range(max(1, n_calls - 5), n_calls + 1)}):
            trial, before = self.prepared(f'kill-{nth}', older)
            done, _ = strike('kill', nth, 'all', trial.plan.args, trial.folder)
            self.assertEqual(done.status, KILLED, done)
            names = sorted(set(os.listdir(trial.folder)) - {'new.raw'})
            drafts = trial.drafts()
            self.assertEqual([n for n in names if n not in drafts],
                             [n for n in before if n != 'new.raw'])
            if nth < n_calls:                   # all but the last sync of the folder
                with subprocess.Popen(['cat', 'new.raw'], cwd=trial.folder, stderr=-3,
                                      stdout=subprocess.PIPE) as cat:
                    self.assertEqual(cat.stdout.read(), b'older' if older else b'')
            left[nth] = drafts
            trial.finishes()
            shutil.rmtree(trial.folder)
        return left, n_calls

    def test_leftovers(self):
        for older in (False, True):
            with self.subTest(older=older):
                left, n_calls = self.leftovers(older)
                seen = [nth for nth, drafts in left.items() if drafts]
                tap.comment(f'{"over an older copy" if older else "new"}: killed at {len(left)} of '
                            f'{n_calls} calls, a hidden name was left at {seen}')
                if has_unnamed_files(self.root):
                    # from the link to the rename: a flush of what has been flushed
                    self.assertLessEqual(len(seen), 2)


def has_unnamed_files(folder):
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600))
    except OSError:
        return False
    return True


class KilledMerge(Cut):
    """One merge, killed at many moments: 500 in a long run."""

    test_kill = test_eio = test_enospc = test_failing_sync = None

    def make(self, folder):
        """Small clusters in many places: a merge with many steps."""
        base = Disk(folder, 'base.qcow2', 8 * MIB, options='cluster_size=4k').write(
            1, [(at, 4096) for at in range(0, 8 * MIB, 65536)]).layer()
        mid = Disk(folder, 'mid.qcow2', 8 * MIB, base, 'cluster_size=4k').write(
            2, [(at, 4096) for at in range(4096, 8 * MIB, 3 * 8192)]).layer()
        top = Disk(folder, 'top.qcow2', 8 * MIB, mid, 'cluster_size=4k').write(
            3, [(at, 4096) for at in range(0, 8 * MIB, 2 * 8192)]).layer()
        return Chain(0, [top, mid, base])

    def kill_some(self, name, n_kills, rand):
        """At so many different moments of the run."""
        row = OPERATIONS[name]
        n_calls = self.n_calls(row, 'all')
        moments = rand.sample(range(1, n_calls + 1), n_kills)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            outcomes = collections.Counter(pool.map(lambda nth: self.one(row, 'kill', nth), moments))
        tap.comment(f'{name}: killed {outcomes["killed"]} times in {n_calls} calls, nothing lost')
        self.assertEqual(outcomes['killed'], n_kills)

    def test_merge(self):
        tap.comment(f'SINTER_SEED={SEED}')
        rand = random.Random(SEED)
        for name, n_kills in (('merge', N_KILLS // 2), ('merge up', N_KILLS // 4),
                              ('merge of the middle', N_KILLS // 4)):
            with self.subTest(name):
                self.kill_some(name, n_kills, rand)


if __name__ == '__main__':
    unittest.main()
