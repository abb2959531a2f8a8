# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img dump over every kind of damage and over random images, in all depths."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'images'))

import damages                                                          # noqa: E402
import qcow2image                                                       # noqa: E402
from random_image import random_chain                                   # noqa: E402

SINTER_IMG = os.environ.get('SINTER_IMG', 'sinter-img')
FIRST_SEED = int(os.environ.get('SINTER_TEST_SEED', '9000'))
N_SEEDS = int(os.environ.get('SINTER_TEST_SEEDS', '10'))
VERDICTS = ('clean', 'leaks', 'corrupt', 'not-completed')


def dump(*arguments):
    return subprocess.run([SINTER_IMG, 'dump', *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, check=False, timeout=120)


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='sinter-dump-')
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def file(self, name):
        return os.path.join(self.folder, name)

    def ok(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr, b'')
        return done.stdout


class Corpus(Case):
    def setUp(self):
        super().setUp()
        self.written = damages.write_corpus(self.folder)

    def each(self, check):
        """Those that are qcow2 images at all: the others have no metadata."""
        for one, path, expected in self.written:
            with open(path, 'rb') as file:
                start = file.read(72)
            if start[:4] == b'QFI\xfb' and len(start) == 72:
                with self.subTest(damage=one.name):
                    check(one, path, expected)

    def test_for_people(self):
        def check(one, path, expected):
            verdict = self.ok(dump(path)).decode()
            self.assertIn(one.name, verdict.splitlines()[0])
            self.assertRegex(verdict, r'(is sound|is damaged|could not be checked|has leaked clusters)')
            errors = self.ok(dump('-v', path)).decode()
            self.assertTrue(errors.startswith(verdict))
            self.assertIn('\nHeader:\n', self.ok(dump('--all', path)).decode())
            if isinstance(expected, damages.Refused) or one.deep:
                return
            for finding in expected:
                if finding.klass in ('corruption', 'error'):
                    self.assertIn(f'\n{finding.klass} {finding.code}: ', errors)
        self.each(check)

    def test_for_programs(self):
        def check(one, path, expected):
            more = ['--deep'] if one.deep else []
            report = json.loads(self.ok(dump('--output=json', *more, path)))
            whole = json.loads(self.ok(dump('--all', '--output=json', *more, path)))
            self.assertEqual({key: whole[key] for key in report}, report)
            self.assertIn(report['verdict'], VERDICTS)
            self.assertEqual(whole['header'][1]['name'], 'version')
            if isinstance(expected, damages.Refused):
                self.assertEqual(report['verdict'], 'not-completed')
                return
            bad = {one.code for one in expected if one.klass in ('corruption', 'error')}
            self.assertLessEqual(bad, set(report['counts']))
            self.assertEqual(report['verdict'] in ('corrupt', 'not-completed'), bool(bad))
            self.assertEqual(bool(report['mend']), report['verdict'] != 'clean')
        self.each(check)


class RandomImages(Case):
    def layers(self):
        for seed in range(FIRST_SEED, FIRST_SEED + N_SEEDS):
            os.mkdir(self.file(str(seed)))
            chain = random_chain(seed, self.file(str(seed)))
            for layer in chain.layers:
                if layer.format == 'qcow2':
                    with self.subTest(chain=str(chain), layer=layer.story):
                        yield layer

    def entries(self, table, runs):
        """Runs follow one another from the first entry to the last."""
        at = 0
        for run in runs:
            self.assertEqual(run['first'], at)
            self.assertGreater(run['n'], 0)
            at += run['n']
        self.assertEqual(at, table['entries'])

    def test_all_is_what_is_stored(self):
        """Each table is there in full, and says what another reader of the same bytes says."""
        for layer in self.layers():
            whole = json.loads(self.ok(dump('--all', '--output=json', layer.path)))
            self.assertEqual((whole['verdict'], whole['not-shown']), ('clean', []))
            image = qcow2image.Qcow2Image.load(layer.path)
            fields = {field['name']: field['value'] for field in whole['header']}
            self.assertEqual(fields['size'], image.header['virtual_size'])
            self.assertEqual(fields['l1-table-offset'], image.header['l1_offset'])
            self.assertEqual(len(whole.get('snapshots', [])), image.header['n_snapshots'])
            for one in whole['tables']:
                self.entries(one['table'], one['runs'])
                self.compare(image, one['table'], one['runs'])
            kinds = [one['table']['kind'] for one in whole['tables']]
            self.assertEqual(kinds.count('l1-table'), 1 + image.header['n_snapshots'])
            self.assertEqual(kinds.count('refcount-table'), 1)
            self.assertEqual(kinds.count('l2-table'), whole['statistics']['l2-tables'])

    def compare(self, image, table, runs):
        for run in runs:
            self.assertNotEqual(run['kind'], 'bad', f'{table} {run}')
            if table['kind'] == 'refcount-block':
                first = (table['first'] >> image.cluster_bits) + run['first']
                self.assertEqual({image.refcount[first + i] for i in range(min(run['n'], 50))},
                                 {run.get('refcount', 0)})
            elif run['kind'] != 'empty':
                step = image.l2_entry_bytes if table['kind'] == 'l2-table' else 8
                stored = image.raw.get(table['offset'] + run['first'] * step, 8)
                self.assertEqual(run['entry'] % (1 << 64), stored)


class Arguments(Case):
    def test_wrong(self):
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'raw', self.file('r'), '1M'], check=True)
        for words, status in ((['r'], 63), (['nope'], 1), ([], 1), (['r', 'r'], 1),
                              (['--output=x', 'r'], 1), (['-f', 'qcow2', 'r'], 1),
                              (['--max-findings=0', 'r'], 1), (['--nope', 'r'], 1)):
            with self.subTest(words=words):
                done = subprocess.run([SINTER_IMG, 'dump', *words], cwd=self.folder, check=False,
                                      stdin=subprocess.DEVNULL, capture_output=True)
                self.assertEqual((done.returncode, done.stdout), (status, b''))
                self.assertTrue(done.stderr.startswith(b'sinter-img: '))

    def test_snapshots(self):
        """What a snapshot shares with the disk, and what was written since."""
        path = self.file('s')
        for command in (['qemu-img', 'create', '-q', '-f', 'qcow2', path, '4M'],
                        ['qemu-io', '-c', 'write 0 1M', path],
                        ['qemu-img', 'snapshot', '-c', 'before', path],
                        ['qemu-io', '-c', 'write 0 256k', '-c', 'write 2M 64k', path]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report = json.loads(self.ok(dump('--output=json', path)))['statistics']['snapshots']
        self.assertEqual(report, [{'id': '1', 'name': 'before', 'clusters': 16,
                                   'shared-clusters': 12, 'added-clusters': 5}])
        self.assertIn(b'before (1): 1 MiB, of these 768 KiB shared; 320 KiB written since\n',
                      self.ok(dump('-v', path)))


if __name__ == '__main__':
    unittest.main()
