# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two properties of every verb that writes, over random chains, images without a backing file among
them:

    what is below changes   after one verb has changed what an image is backed by, the next one still
                            finds what every image shows
    what is freed           with one reference count that is too low, no verb takes anything from a
                            disk or a snapshot that still uses it

A case is a number: SINTER_SEED=N with SINTER_CASES=1 makes the case N once more. A few cases in the
ordinary run, 600 of each with SINTER_TEST_LONG=1; SINTER_OPERATION=NAME takes one verb only.
"""

import collections
import json
import os
import random
import shutil
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, '..', 'images')]
import img  # noqa: E402
from operations import OPERATIONS, name_of  # noqa: E402
from random_image import Chain, Layer, random_chain  # noqa: E402
from test_img_safety import Counts  # noqa: E402
from trial import Failed, Trial, digest, is_clean, qemu  # noqa: E402
from lib import tap  # noqa: E402

SEED = int(os.environ.get('SINTER_SEED', random.SystemRandom().randrange(1 << 31)))
N_CASES = int(os.environ.get('SINTER_CASES', '600' if os.environ.get('SINTER_TEST_LONG') else '10'))
ONLY = os.environ.get('SINTER_OPERATION')
# They change what an image is backed by, or what that shows.
BELOW = ('rebase', 'commit', 'merge', 'remove', 'rebase -u', 'create', 'convert -B',
         'merge --drop-shadowed')


class Unfit(Exception):
    """Nothing can be said of this case."""


def make(seed, folder, rand):
    """Every third chain is one image, which has no backing file."""
    chain = random_chain(seed, folder, max_layers=1 if rand.random() < 0.34 else 4,
                         snapshots=rand.random() < 0.3, one_size=rand.random() < 0.5)
    for layer in chain.layers:
        if layer.format == 'qcow2' and not is_clean(folder, name_of(layer))[0]:
            raise Unfit(layer.path)
    return chain


# Names of the files that a verb makes: it cannot do so a second time.
MAKES = {'convert': 'new.', 'convert -B': 'new.', 'create': 'new.', 'dd': 'new.',
         'rebase': 'layer-aside'}


def choose(chain, rand, names):
    """(name of a verb that fits the chain, its plan)"""
    there = [name_of(layer) for layer in chain.layers]
    names = [name for name in names if ONLY in (None, name) and not
             any(file.startswith(MAKES.get(name, '/')) for file in there)]
    rand.shuffle(names)
    for name in names:
        plan = OPERATIONS[name](chain, rand)
        if plan:
            return name, plan
    raise Unfit('no verb')


@unittest.skipUnless(img.QEMU_IMG and img.QEMU_IO, 'lacks qemu-img and qemu-io')
class Cases(unittest.TestCase):
    def each(self):
        """Runs so many cases that fit; counts what case() returns."""
        tap.comment(f'SINTER_SEED={SEED}')
        count, seed = collections.Counter(), SEED
        while sum(count.values()) < N_CASES and seed < SEED + 4 * N_CASES:
            folder = tempfile.mkdtemp(prefix='sinter-property-')
            with self.subTest(SINTER_SEED=seed):
                try:
                    count[self.case(seed, folder)] += 1
                except Unfit:
                    pass
                except Failed as error:
                    raise AssertionError(f'SINTER_SEED={seed} SINTER_CASES=1\n{error}') from None
                finally:
                    shutil.rmtree(folder)
                    shutil.rmtree(folder + '.twin', ignore_errors=True)
            seed += 1
        tap.comment(f'{sum(count.values())} cases: ' + ', '.join(
            f'{" ".join(what)} {n}' for what, n in sorted(count.items())))
        self.assertGreaterEqual(sum(count.values()), N_CASES)
        return count


class Below(Cases):
    """Two or three verbs, one after the other; the first changes what an image is backed by."""

    def test_sequences(self):
        count = self.each()
        if N_CASES >= 100 and not ONLY:
            self.assertGreater(sum(n for what, n in count.items() if what[-1] == 'done'),
                               N_CASES // 2)

    def case(self, seed, folder):
        rand = random.Random(seed)
        chain, story = make(seed, folder, rand), []
        for names in (BELOW, OPERATIONS, OPERATIONS):
            try:
                name, plan = choose(chain, rand, names)
                story.append(' '.join(plan.args))
                outcome = Trial(chain, plan, folder).run()
                shutil.rmtree(folder + '.twin', ignore_errors=True)
                if outcome == 'done':
                    chain = after(chain, plan, folder)
            except Unfit:
                if not story:
                    raise
                break
            except Failed as error:
                raise Failed(f'{chain}\n' + '\n'.join(story) + f'\n{error}') from None
        return (str(len(story)), outcome)


def after(chain, plan, folder):
    """The chain that a verb has left, with what each image shows."""
    known = {name_of(layer): layer for layer in chain.layers}
    shows = {**{name: known[name].content for name in plan.untouched if name in known},
             **plan.shows}
    left = [name for name in plan.one_of if os.path.exists(os.path.join(folder, name))]
    if left:
        shows[left[0]] = plan.one_of[left[0]]
    new = [name for name in plan.formats if name.startswith('new.')]
    top = next((name for name in [*new, *known, *left, *shows]
                if os.path.exists(os.path.join(folder, name))))
    infos = json.loads(qemu('info', '--backing-chain', '--output=json', top, folder=folder))
    layers = []
    for info in infos:
        name = os.path.basename(info['filename'])
        if name not in shows:
            raise Unfit(f'what {name} shows is not known')
        snapshots = {ident: content for (file, ident), content in plan.snapshots.items()
                     if file == name and ident != 'latest'}
        layers.append(Layer(os.path.join(folder, name), info['format'], shows[name], snapshots,
                            name))
    return Chain(chain.seed, layers)


class Freed(Cases):
    """One reference count of a random image is lowered; then any verb runs."""

    def test_counts_too_low(self):
        count = self.each()
        if N_CASES >= 100 and not ONLY:
            self.assertGreater(sum(n for what, n in count.items() if what[-1] == 'refused'), 0)

    def lower(self, chain, rand):
        layer = rand.choice([layer for layer in chain.layers if layer.format == 'qcow2' and
                             os.path.exists(layer.path)] or [None])
        if not layer:
            raise Unfit('all raw')
        counts = Counts(layer.path)
        cluster = rand.choice([at for at in range(counts.n_clusters()) if counts.get(at)])
        was = counts.get(cluster)
        counts.put(cluster, rand.randrange(was))
        return f'refcount of cluster {cluster} of {name_of(layer)}: {was}'

    def case(self, seed, folder):
        rand = random.Random(seed)
        chain = make(seed, folder, rand)
        name, plan = choose(chain, rand, OPERATIONS)
        story = self.lower(chain, rand)
        trial = Trial(chain, plan, folder)
        done = img.ours(*plan.args, folder=folder)
        if done.status not in (0, 1):
            raise Failed(f'{chain}\n{story}\n{" ".join(plan.args)}\n{done}')
        try:
            self.judge(chain, plan, trial, done)
        except Failed as error:
            raise Failed(f'{chain}\n{story}\n{" ".join(plan.args)}\n{done}\n{error}') from None
        return name, 'refused' if done.status else 'done'

    def judge(self, chain, plan, trial, done):
        folder, top = trial.folder, name_of(chain.layers[0])
        wanted = dict(plan.shows) if done.status == 0 else {}
        for name, content in trial.contents.items():
            if name in plan.untouched or (name == top and name not in wanted and
                                          name not in plan.one_of):
                wanted[name] = content
        for name, content in wanted.items():
            # what is to be removed in the end may be gone already
            if name in plan.gone and not os.path.exists(os.path.join(folder, name)):
                continue
            try:
                trial.judge_content(folder, name, content)
            except Failed:
                # interrupted by the refusal after it was done
                if done.status == 0 or plan.shows.get(name) in (None, content):
                    raise
                trial.judge_content(folder, name, plan.shows[name])
        self.judge_snapshots(chain, plan, trial, done)
        for name in plan.untouched:
            if digest(folder, name) != trial.before[name]:
                raise Failed(f'{name} changed')

    def judge_snapshots(self, chain, plan, trial, done):
        """Those that are to stay. What one shows is its own only where nothing is below."""
        if len(chain.layers) > 1 and done.status:
            return
        for (name, ident), content in plan.snapshots.items():
            if ident != 'latest':
                trial.judge_content(trial.folder, name, content, ident)


if __name__ == '__main__':
    unittest.main()
