# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img check beside qemu-img check: valid, leaky and damaged images, arguments, locks.

Where qemu-img gives a verdict, ours has the same words, counts and exit status; where we find
more, its counts stand below "sinter" and the damage's table says why. `counts`
there says why the two count in another way.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'images'))

import damages                                                          # noqa: E402
import qcow2image                                                       # noqa: E402
from random_image import random_chain                                   # noqa: E402

FINDINGS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..', 'engine', 'include',
                        'sinter', 'finding.h')
SINTER_IMG = os.environ.get('SINTER_IMG', 'sinter-img')
FIRST_SEED = int(os.environ.get('SINTER_TEST_SEED', '7000'))
N_SEEDS = int(os.environ.get('SINTER_TEST_SEEDS', '15'))
COUNTS = ('corruptions', 'leaks', 'check-errors')
VERDICTS = (0, 2, 3)


def run(program, *arguments, name=None, folder=None, environment=None):
    """`name`: what the program is called by, its argv[0]."""
    return subprocess.run([name or program, *map(str, arguments)], executable=program,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=folder,
                          env=environment, timeout=120)


def ours(*arguments, folder=None):
    """As qemu-img, so that what it says of itself is the same."""
    return run(SINTER_IMG, *arguments, name='qemu-img', folder=folder)


def theirs(*arguments, folder=None):
    return run('/usr/bin/qemu-img', *arguments, folder=folder)


def unseen_codes():
    """The findings that QEMU passes by, as the engine's table has them."""
    with open(FINDINGS, encoding='utf-8') as file:
        text = file.read().replace('\\\n', ' ')
    rows = re.findall(r'X\(\w+,\s*"([a-z0-9-]+)",\s*\w+,\s*\w+,\s*\w+,\s*(\w+),', text)
    return {name for name, qemu in rows if qemu != 'COUNTED'}


def counts(report):
    return {key: report.get(key, 0) for key in COUNTS}


def without_own(report):
    return {key: value for key, value in report.items() if key != 'sinter'}


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='sinter-check-')
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def file(self, name):
        return os.path.join(self.folder, name)

    def assert_sound(self, done):
        self.assertGreaterEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b'Sanitizer', done.stderr)
        self.assertNotIn(b'runtime error', done.stderr)

    def json_of(self, done):
        self.assert_sound(done)
        return json.loads(done.stdout)

    def assert_alike(self, path, *more, stderr=True):
        """Both say the same, byte for byte, but for our own key."""
        folder = os.path.dirname(path)
        mine, other = (side('check', *more, path, folder=folder) for side in (ours, theirs))
        self.assert_sound(mine)
        self.assertEqual(mine.stdout, other.stdout)
        self.assertEqual(mine.returncode, other.returncode)
        if stderr:
            self.assertEqual(mine.stderr, other.stderr)
        mine, other = (side('check', '--output=json', *more, path, folder=folder)
                       for side in (ours, theirs))
        report = self.json_of(mine)
        self.assertEqual(list(without_own(report).items()), list(json.loads(other.stdout).items()))
        self.assertEqual(mine.returncode, other.returncode)
        return report


class Corpus(Case):
    """Every kind of damage."""

    def setUp(self):
        super().setUp()
        self.written = damages.write_corpus(self.folder)

    def each(self, check):
        for one, path, expected in self.written:
            with self.subTest(damage=one.name):
                check(one, path, expected)

    def test_same_verdict(self):
        """What QEMU counts, we count alike; what it does not open, we do not call sound."""
        agreed, unseen = [], unseen_codes()

        def check(one, path, _expected):
            other = theirs('check', '--output=json', path, folder=self.folder)
            mine = ours('check', '--output=json', path, folder=self.folder)
            if other.returncode not in VERDICTS or mine.returncode not in VERDICTS:
                self.assert_sound(mine)
                return
            report, reference = self.json_of(mine), json.loads(other.stdout)
            alike = report['sinter']['seen-by-qemu-img'] == counts(reference)
            self.assertEqual(alike, not one.counts, f'{one.counts}: {report} {reference}')
            if alike and counts(report) == counts(reference):
                agreed.append(one.name)
                if one.name != 'file-cut-at-snapshot-table':
                    self.assert_alike(path, stderr=False)
            elif alike:
                self.assertTrue(one.why or unseen & set(report['sinter']['counts']),
                                f'more than QEMU, without a reason: {report}')
        self.each(check)
        self.assertGreater(len(agreed), 80)

    def test_refused_by_qemu(self):
        """What QEMU cannot open, we examine all the same or say that we cannot."""
        def check(_one, path, expected):
            other = theirs('check', path, folder=self.folder)
            if other.returncode in VERDICTS:
                return
            mine = ours('check', path, folder=self.folder)
            self.assert_sound(mine)
            if isinstance(expected, damages.Refused):
                self.assertIn(mine.returncode, (1, 2, 63))
            elif any(finding.klass in ('corruption', 'error') for finding in expected):
                self.assertIn(mine.returncode, (1, 2))
                self.assertTrue(mine.stderr)
        self.each(check)

    def test_findings_have_places(self):
        """Each corruption is named, with its class and place."""
        def check(one, path, expected):
            if isinstance(expected, damages.Refused):
                return
            more = ['--deep'] if one.deep else []
            mine = ours('check', '--output=json', '--keep-going', *more, path, folder=self.folder)
            report = self.json_of(mine)['sinter']
            for finding in expected:
                found = [one for one in report['findings'] if one['code'] == finding.code]
                if finding.klass not in ('corruption', 'error'):
                    continue
                self.assertTrue(found, f'{finding.code} is not in {report["counts"]}')
                self.assertTrue(all(one['class'] == finding.klass for one in found))
                for key, place in (('host-offset', finding.host), ('guest-offset', finding.guest)):
                    if place is not None:
                        self.assertIn(place, [one.get(key) for one in found], finding.code)
        self.each(check)


class RandomImages(Case):
    def layers(self):
        for seed in range(FIRST_SEED, FIRST_SEED + N_SEEDS):
            folder = self.file(str(seed))
            os.mkdir(folder)
            chain = random_chain(seed, folder)
            for layer in chain.layers:
                with self.subTest(chain=str(chain), layer=layer.story):
                    yield seed, layer

    def test_valid(self):
        for _seed, layer in self.layers():
            if layer.format == 'raw':
                mine, other = (side('check', '-f', 'raw', layer.path) for side in (ours, theirs))
                self.assertEqual((mine.returncode, mine.stdout, mine.stderr), (63, b'', other.stderr))
                continue
            report = self.assert_alike(layer.path, stderr=False)
            self.assertEqual(counts(report), dict.fromkeys(COUNTS, 0))
            self.assertTrue(report['sinter']['complete'])

    def test_wrong_refcounts(self):
        """Counts that are too high and too low, in any number: the same lines too."""
        n_broken = 0
        for seed, layer in self.layers():
            if layer.format == 'raw':
                continue
            rand = random.Random(seed)
            image = qcow2image.Qcow2Image.load(layer.path)
            limit = (1 << (1 << image.refcount_order)) - 1
            n_clusters = os.path.getsize(layer.path) >> image.cluster_bits
            for cluster in rand.sample(range(1, n_clusters), min(5, n_clusters - 1)):
                if image.refcount.has_block(cluster):
                    image.refcount[cluster] = min(limit, rand.choice((0, 1, 2, 3)))
            image.save(layer.path)
            report = self.assert_alike(layer.path)
            n_broken += any(counts(report).values())
        self.assertGreater(n_broken, N_SEEDS)

    def test_whole_chain(self):
        for _seed, layer in self.layers():
            if layer.format == 'raw':
                continue
            done = ours('check', '--backing-chain', '--output=json', layer.path)
            members = self.json_of(done)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(members[0]['filename'], layer.path)


class Chains(Case):
    def setUp(self):
        super().setUp()
        theirs('create', '-q', '-f', 'qcow2', self.file('base'), '4M')
        theirs('create', '-q', '-f', 'qcow2', '-b', 'base', '-F', 'qcow2', self.file('top'))

    def leak(self, name):
        image = qcow2image.Qcow2Image.load(self.file(name))
        with open(self.file(name), 'ab') as file:
            file.truncate(8 << 16)
        image = qcow2image.Qcow2Image.load(self.file(name))
        image.refcount[6] = 1
        image.save(self.file(name))

    def test_the_worst_counts(self):
        self.assertEqual(ours('check', '--backing-chain', self.file('top')).returncode, 0)
        self.leak('base')
        self.assertEqual(ours('check', self.file('top')).returncode, 0)
        done = ours('check', '--backing-chain', self.file('top'))
        self.assertEqual(done.returncode, 3)
        self.assertEqual(done.stderr, b'Leaked cluster 6 refcount=1 reference=0\n')
        text = done.stdout.decode()
        self.assertRegex(text, r'(?s)image: \S+top\nNo errors.*\n\nimage: \S+base\n\n1 leaked')

    def test_a_member_is_missing(self):
        os.unlink(self.file('base'))
        self.assertEqual(ours('check', self.file('top')).returncode, 0)
        done = ours('check', '--backing-chain', '--output=json', self.file('top'))
        self.assertEqual(done.returncode, 1)
        self.assertEqual(list(json.loads(done.stdout)[0]['sinter']['counts']),
                         ['chain-member-missing'])


class Arguments(Case):
    def setUp(self):
        super().setUp()
        theirs('create', '-q', '-f', 'qcow2', self.file('a'), '4M')
        theirs('create', '-q', '-f', 'raw', self.file('r'), '4M')

    def test_as_qemu_img(self):
        """The same exit status, output and error, right and wrong alike."""
        for words in ('a', '-f qcow2 a', 'a -f qcow2', '--format=qcow2 a', '--output=json -q a',
                      '--output json r', '-q a', '-U a', '--force-share a', '-T none a',
                      '-T writeback a', '--image-opts driver=qcow2,file.filename=a', '-f raw a',
                      'r', '', 'a r', 'nope', '--output=x a', '-T foo a', '-f foo a',
                      '-r foo a', '--repair=foo a', '--foo a', '-f', '--output', '/tmp',
                      '--image-opts -f qcow2 driver=qcow2,file.filename=a', '-f qcow2 r',
                      '--image-opts a', '--outp=human a'):
            with self.subTest(words=words):
                mine, other = (side('check', *words.split(), folder=self.folder)
                               for side in (ours, theirs))
                self.assertEqual((mine.returncode, mine.stdout, mine.stderr),
                                 (other.returncode, other.stdout, other.stderr))

    def test_percentages(self):
        done = ours('check', '-p', 'a', folder=self.folder)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout, rb'^(    \(\d+\.\d\d/100%\)\r)*    \(100\.00/100%\)\r\nNo errors')

    def test_findings_are_limited(self):
        image = qcow2image.Qcow2Image.load(self.file('a'))
        with open(self.file('a'), 'ab') as file:
            file.truncate(40 << 16)
        image = qcow2image.Qcow2Image.load(self.file('a'))
        for cluster in range(10, 30):
            image.refcount[cluster] = 1
        image.save(self.file('a'))
        done = ours('check', '--max-findings=3', '--no-owners', 'a', folder=self.folder)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b'\n20 leaked clusters', done.stdout)
        self.assertEqual(done.stderr.count(b'Leaked cluster '), 3)
        self.assertIn(b'cluster-leaked: 17 more', done.stderr)
        self.assertEqual(ours('check', '--max-findings=x', 'a', folder=self.folder).returncode, 1)


class Locks(Case):
    def test_an_image_in_use(self):
        path = self.file('used')
        theirs('create', '-q', '-f', 'qcow2', path, '4M')
        with subprocess.Popen(['qemu-io', '-f', 'qcow2', path], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as writer:
            writer.stdin.write(b'write 0 64k\n')
            writer.stdin.flush()
            writer.stdout.readline()
            done = ours('check', path)
            self.assertEqual((done.returncode, done.stdout), (1, b''))
            self.assertIn(b'lock', done.stderr)
            self.assertEqual(ours('check', '-U', path).returncode in VERDICTS, True)
            writer.communicate(b'quit\n')
        self.assertEqual(ours('check', path).returncode, 0)


class Output(Case):
    def test_a_full_disk_is_noticed(self):
        path = self.file('a')
        theirs('create', '-q', '-f', 'qcow2', path, '4M')
        with open('/dev/full', 'wb') as full:
            done = subprocess.run([SINTER_IMG, 'check', path], stdout=full, stderr=subprocess.PIPE,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b'No space left', done.stderr)


if __name__ == '__main__':
    unittest.main()
