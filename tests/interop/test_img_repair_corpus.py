# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img check -r all over the corpus of damages, beside qemu-img check -r all.

Each image is repaired in two runs: the first mends or says why not, the second finds
nothing else and changes nothing. What could be read before reads the same; nothing is
made worse (see repairtrial.py for what that means). The last test prints the table of
both programs.

Ordinary runs take all damages, and variants and pairs drawn by seed; long ones take all
variants and many pairs. SINTER_REPAIR_ONLY takes the damages whose names match.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'images'))

import damages                                                          # noqa: E402
from damages import outcome, pairs, variants                            # noqa: E402
from lib import tap                                                     # noqa: E402
from repairtrial import Outcome, Trial                                  # noqa: E402
from sparsebytes import SparseBytes                                     # noqa: E402

SINTER_IMG = os.environ.get('SINTER_IMG', 'sinter-img')
QEMU_IMG = '/usr/bin/qemu-img'
SEED = int(os.environ.get('SINTER_TEST_SEED', '230'))
LONG = 'SINTER_TEST_LONG' in os.environ
ONLY = os.environ.get('SINTER_REPAIR_ONLY')
N_VARIANTS, N_PAIRS = (None, 1500) if LONG else (50, 50)
MAX_BYTES = 1 << 30      # over larger files qemu-img sits for minutes
CLEAN, REFUSED, CORRUPT, LEAKS, UNSUPPORTED = 0, 1, 2, 3, 63
VERDICTS = (CLEAN, CORRUPT, LEAKS)


def run(program, *arguments, folder):
    return subprocess.run([program, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                          check=False, cwd=folder, timeout=120)


def where(path, key):
    """How QEMU is told of the image; without the key of an encrypted one it opens nothing."""
    if not key:
        return ['-f', 'qcow2', path]
    return ['--object', f'secret,id=key,data={key}', '--image-opts',
            f'driver=qcow2,encrypt.key-secret=key,file.filename={path}']


def outcome_of(done):
    try:
        report = json.loads(done.stdout) if done.stdout.strip() else {}
    except ValueError:
        report = {}
    return Outcome(done.returncode, report, done.stderr.decode(errors='replace').strip())


def ours(path, *more):
    return outcome_of(run(SINTER_IMG, 'check', '--output=json', *more, '-f', 'qcow2', path,
                          folder=os.path.dirname(path)))


def theirs(path, key, *more):
    return outcome_of(run(QEMU_IMG, 'check', '--output=json', *more, *where(path, key),
                          folder=os.path.dirname(path)))


def content(path):
    """(size, pages): a file may be a tebibyte of hole."""
    raw = SparseBytes.load(path)
    return raw.size, raw.pages


class Done:
    """One image after both programs have had it."""

    def __init__(self, damage, image, folder):
        self.name, self.damage = damage.name, damage
        trial = Trial(damage, image, folder)
        self.lost_before = trial.lost_before()
        path = trial.write('ours.qcow2')
        self.first = trial.judge(ours(path, '-r', 'all'), path)
        after = content(path)
        self.second = ours(path, '-r', 'all')
        self.changed_again = content(path) != after
        self.check = ours(path)
        self.qemu_check = theirs(path, damage.key)
        path = trial.write('theirs.qcow2')
        self.qemu = trial.judge(theirs(path, damage.key, '-r', 'all'), path)


def sampled(found, n):
    found = list(found)
    return found if n is None or n >= len(found) else random.Random(SEED).sample(found, n)


def chosen():
    """(damage, image) of all that this run repairs."""
    singles = damages.all_damages()
    for one in [*singles, *sampled(variants.all_variants(), N_VARIANTS)]:
        if not ONLY or re.search(ONLY, one.name):
            built = variants.buildable(one)
            if built and built[0].raw.size <= MAX_BYTES:
                yield one, built[0]
    for pair, image in pairs.pairs(SEED, N_PAIRS):
        if (not ONLY or re.search(ONLY, pair.name)) and image.raw.size <= MAX_BYTES:
            yield pair, image


class Corpus(unittest.TestCase):
    """All images, repaired once."""
    all_done = []

    @classmethod
    def setUpClass(cls):
        if Corpus.all_done:
            return
        tap.comment(f'seed {SEED}')
        found = []
        for one, image in chosen():
            with tempfile.TemporaryDirectory(prefix='sinter-repair-') as folder:
                found.append(Done(one, image, folder))
        Corpus.all_done = found

    def each(self, check):
        for done in self.all_done:
            with self.subTest(damage=done.name):
                check(done)


class Proof(Corpus):
    def test_no_run_crashes(self):
        def check(done):
            for one in (done.first, done.second, done.check):
                self.assertIn(one.status, (CLEAN, REFUSED, CORRUPT, LEAKS, UNSUPPORTED), one.said)
                self.assertNotRegex(one.said, 'Sanitizer|runtime error')
        self.each(check)

    def test_nothing_is_made_worse(self):
        self.each(lambda done: self.assertEqual(done.first.worse[:5], []))

    def test_the_second_run_changes_nothing(self):
        def check(done):
            self.assertFalse(done.changed_again, 'the second run wrote to the image')
            self.assertEqual(done.second.status, done.first.status, done.second.said)
        self.each(check)

    def test_the_exit_status_is_the_state(self):
        """What the repair ends with is what a check says afterwards."""
        def check(done):
            if done.check.status in VERDICTS:
                self.assertEqual(done.first.status, done.check.status, done.first.said)
        self.each(check)

    def test_qemu_agrees(self):
        """QEMU finds nothing in what we call mended, or nothing worse than in ours."""
        def check(done):
            if done.first.status == CLEAN and not getattr(done.damage, 'lacks', ''):
                self.assertEqual(done.qemu_check.status, CLEAN,
                                 f'{done.qemu_check.said} {done.qemu_check.report}')
        self.each(check)

    def test_what_is_left_is_told(self):
        """Each kind of finding that stays has a step that says why."""
        def check(done):
            if done.first.status not in (CORRUPT, LEAKS):
                if done.first.status != CLEAN:
                    self.assertTrue(done.first.said, 'not a word')
                return
            steps = done.first.report['sinter']['repair']['steps']
            reasons = {step['code'] for step in steps if step['state'] == 'left' and step['reason']}
            stays = {one['code'] for one in done.check.report['sinter']['findings']
                     if one['class'] != 'note'}
            self.assertLessEqual(stays, reasons)
        self.each(check)


    def test_a_loss_is_told(self):
        """Where a guest reads what nobody can vouch for, a step says so."""
        def check(done):
            if done.first.status == CLEAN and done.first.filled:
                steps = done.first.report['sinter']['repair']['steps']
                self.assertTrue([step for step in steps if step['may-lose'] == 'guest-data'], steps)
        self.each(check)


class Recoverable(Corpus):
    def test_what_can_come_back_comes_back(self):
        """Of the damages that the table calls recoverable."""
        def check(done):
            if outcome.is_recovered(done.damage):
                self.assertTrue(done.first.whole, f'{done.first.word}, exit {done.first.status}, '
                                f'{done.first.lost} bytes lost: {done.first.said}')
        self.each(check)


class Beside(Corpus):
    def test_table(self):
        rows = {'qemu-img': [done.qemu for done in self.all_done],
                'sinter-img': [done.first for done in self.all_done]}
        before = sum(done.lost_before for done in self.all_done)
        tap.comment(f'{len(self.all_done)} damaged images, check -r all; of the guests\' data '
                    f'{before // 1024} KiB could not be read before')
        words = ('mended', 'mended with loss', 'leaks kept', 'left', 'made worse')
        tap.comment(f'{"":<12}' + ''.join(f'{word:>18}' for word in words) +
                    f'{"KiB not readable":>18}')
        for name, outcomes in rows.items():
            counts = Counter(one.word for one in outcomes)
            lost = sum(one.lost for one in outcomes)
            tap.comment(f'{name:<12}' + ''.join(f'{counts[word]:>18}' for word in words) +
                        f'{lost // 1024:>18}')
        self.assertEqual([one.name for one in self.all_done if one.first.worse], [])
        if not ONLY:
            self.assertGreater(sum(one.qemu.word == 'made worse' for one in self.all_done), 0)


if __name__ == '__main__':
    unittest.main()
