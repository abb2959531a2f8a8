# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random valid chains: our content is what was put in; our map and check are qemu-img's.

Here nobody's reading is the measure of the content: it was computed beside the
image. Half of the layers come from a builder that knows more of the format than
qemu-img writes.
"""

import json
import os
import tempfile
import unittest

import judge
import ours
from random_image import random_chain

FIRST_SEED = int(os.environ.get('SINTER_TEST_SEED', '5000'))
N_SEEDS = int(os.environ.get('SINTER_TEST_SEEDS', '20'))
# Ours, and what qemu-img check calls them (left out where 0).
STATS = {'allocated': 'allocated-clusters', 'total': 'total-clusters',
         'compressed': 'compressed-clusters', 'fragmented': 'fragmented-clusters',
         'end': 'image-end-offset'}
KEYS = ('start', 'length', 'depth', 'present', 'zero', 'data', 'offset')


class RandomChains(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix='sinter-random-')
        cls.addClassCleanup(holder.cleanup)
        cls.chains = []
        for seed in range(FIRST_SEED, FIRST_SEED + N_SEEDS):
            folder = os.path.join(holder.name, str(seed))
            os.mkdir(folder)
            cls.chains.append(random_chain(seed, folder))

    def each(self, check):
        """Calls check() with each layer of each chain as the top of what stands below it."""
        for chain in self.chains:
            for layer in chain.layers:
                with self.subTest(chain=str(chain), layer=layer.story):
                    check(layer)

    def run_ours(self, verb, layer, *more):
        run = ours.measured([*ours.command_of(verb, layer.path, layer.format), *more], limit=-1)
        self.assertEqual(run.status, 0, str(run))
        return run.out

    def test_content(self):
        def check(layer):
            self.assertTrue(self.run_ours('cat', layer) == layer.content, 'other content')
        self.each(check)

    def test_snapshots(self):
        def check(layer):
            for ident, content in layer.snapshots.items():
                read = self.run_ours('cat', layer, ident)
                self.assertTrue(read == content, f'other content in snapshot {ident}')
        self.each(check)

    def test_map(self):
        def check(layer):
            theirs = judge.qemu_img('map', '--output=json', '-f', layer.format, layer.path,
                                    folder=os.path.dirname(layer.path))
            expected = [{key: extent[key] for key in KEYS if key in extent}
                        for extent in json.loads(theirs.stdout)]
            self.assertEqual(json.loads(self.run_ours('map', layer)), expected)
        self.each(check)

    def test_check(self):
        """Nothing is wrong with any of them, and what is counted on the way is the same."""
        def check(layer):
            if layer.format != 'qcow2':
                return
            report = ours.check(layer.path, deep=True)
            self.assertEqual((report.run.status, report.findings), (0, []), str(report.run))
            theirs = judge.check(layer.path)
            self.assertEqual({name: report.stats[name] for name in STATS},
                             {name: theirs.get(key, 0) for name, key in STATS.items()})
        self.each(check)
