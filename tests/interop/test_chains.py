# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random chains of every kind, one operation of ours on each, judged by QEMU's tools.

A case is a number: SINTER_SEED=N with SINTER_CASES=1 makes the case N once more. 100
cases in the ordinary run, 1,000 with SINTER_TEST_LONG=1; SINTER_OPERATION=NAME takes one
kind of operation only.
"""

import collections
import os
import random
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'images')]
import img  # noqa: E402
from operations import OPERATIONS  # noqa: E402
from random_image import random_chain  # noqa: E402
from trial import Failed, Trial, is_clean  # noqa: E402
from lib import tap  # noqa: E402

SEED = int(os.environ.get('SINTER_SEED', random.SystemRandom().randrange(1 << 31)))
N_CASES = int(os.environ.get('SINTER_CASES', '1000' if os.environ.get('SINTER_TEST_LONG') else '100'))
CHAIN_VERBS = ('commit', 'merge', 'rebase', 'remove')
ONLY = os.environ.get('SINTER_OPERATION')


class Spoiled(Exception):
    """QEMU itself left something amiss in the chain: no ground to stand on."""


@unittest.skipUnless(img.QEMU_IMG and img.QEMU_IO, 'lacks qemu-img and qemu-io')
class Chains(unittest.TestCase):
    def make(self, seed, folder):
        rand = random.Random(seed)
        chain = random_chain(seed, folder, max_layers=4, snapshots=rand.random() < 0.3,
                             one_size=rand.random() < 0.5)
        for layer in chain.layers:
            if layer.format == 'qcow2' and not is_clean(folder, os.path.basename(layer.path))[0]:
                raise Spoiled(layer.path)
        return chain

    def choose(self, seed, chain):
        """An operation that fits the chain: the first of a shuffled list, in which for every
        second chain those stand in front that change how it hangs together."""
        rand = random.Random(seed)
        names = [name for name in OPERATIONS if ONLY in (None, name)]
        rand.shuffle(names)
        if rand.random() < 0.5:
            names.sort(key=lambda name: name.split()[0] not in CHAIN_VERBS)
        for name in names:
            plan = OPERATIONS[name](chain, rand)
            if plan:
                return name, plan
        return None, None

    def case(self, seed):
        """(operation, outcome)"""
        folder = tempfile.mkdtemp(prefix='sinter-chain-')
        try:
            chain = self.make(seed, folder)
            name, plan = self.choose(seed, chain)
            if not plan:
                return None, 'none fits'
            try:
                return name, Trial(chain, plan, folder).run()
            except Failed as error:
                raise AssertionError(f'SINTER_SEED={seed} SINTER_CASES=1\n{chain}\n'
                                     f'{" ".join(plan.args)}\n{error}') from None
        except Spoiled:
            return None, 'spoiled'
        finally:
            shutil.rmtree(folder)
            shutil.rmtree(folder + '.twin', ignore_errors=True)

    def test_one_operation(self):
        tap.comment(f'SINTER_SEED={SEED}')
        count, seed = collections.Counter(), SEED
        while sum(count.values()) < N_CASES and seed < SEED + 3 * N_CASES:
            with self.subTest(SINTER_SEED=seed):
                name, outcome = self.case(seed)
                if name:
                    count[name, outcome] += 1
            seed += 1
        done = sum(n for (_, outcome), n in count.items() if outcome == 'done')
        tap.comment(f'{sum(count.values())} cases, {done} done, the others refused as by qemu-img: ' +
                    ', '.join(f'{name} {outcome} {n}' for (name, outcome), n in sorted(count.items())))
        if N_CASES >= 100:
            self.assertGreater(done, N_CASES // 2)


if __name__ == '__main__':
    unittest.main()
