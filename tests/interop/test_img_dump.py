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

    def test_scope(self):
        """Chosen tables only: what is left of a dump of all of them."""
        path = self.file('s')
        for command in (['qemu-img', 'create', '-q', '-f', 'qcow2', path, '4M'],
                        ['qemu-io', '-c', 'write 0 1M', path],
                        ['qemu-img', 'bitmap', '--add', path, 'b'],
                        ['qemu-img', 'snapshot', '-c', 'before', path],
                        ['qemu-img', 'snapshot', '-c', '1', path],
                        ['qemu-io', '-c', 'write 0 256k', path],
                        ['qemu-img', 'snapshot', '-c', 'after', path]):
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        everything = json.loads(self.ok(dump('-a', '--output=json', path)))['tables']

        def tables(*words):
            return json.loads(self.ok(dump('-a', '--output=json', *words, path))).get('tables', [])

        def those(rule):
            return [table for table in everything
                    if rule(table['table']['kind'], table['table'].get('owner'))]

        mapping = ('l1-table', 'l2-table')
        cases = [
            (['--tables=refcounts'], lambda kind, owner: kind.startswith('refcount')),
            (['--tables=l1,l2'], lambda kind, owner: kind in mapping),
            (['--tables=bitmaps'], lambda kind, owner: kind == 'bitmap-table'),
            (['--active'], lambda kind, owner: kind in mapping and owner is None),
            (['-l', 'before'], lambda kind, owner: kind in mapping and owner == 'before (1)'),
            (['-l', '3', '--tables=l1'],
             lambda kind, owner: kind == 'l1-table' and owner == 'after (3)'),
            # the id of one is the name of another: both are shown
            (['-l', '1'], lambda kind, owner: kind in mapping and owner in ('before (1)', '1 (2)')),
        ]
        for words, rule in cases:
            with self.subTest(words=words):
                self.assertTrue(those(rule))
                self.assertEqual(tables(*words), those(rule))
        for words in (['--active'], ['--tables=l1'], ['-a', '--active', '-l', 'x'],
                      ['-a', '--tables=l3'], ['-a', '--tables=']):
            self.assertEqual(dump(*words, path).returncode, 1, words)

    def test_environment(self):
        """The file system, the backing file, and whether defragmenting is worth it."""
        path, base = self.file('s'), self.file('base')
        for command in (['qemu-img', 'create', '-q', '-f', 'qcow2', base, '80M'],
                        ['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2',
                         path]):
            subprocess.run(command, check=True)
        kind = subprocess.run(['findmnt', '-n', '-o', 'FSTYPE', '-T', path], check=True,
                              capture_output=True, text=True).stdout.strip()
        report = json.loads(self.ok(dump('--output=json', path)))
        self.assertEqual(report['file-system']['type'], kind)
        self.assertTrue(path.startswith(report['file-system']['mount-point']))
        self.assertIs(report['backing-file-present'], True)
        self.assertIs(report['statistics']['defragment-suggested'], False)
        text = self.ok(dump(path)).decode()
        self.assertIn(f'It is on a file system of type {kind}, mounted at ', text)
        self.assertNotIn('Defragmenting', text)
        os.unlink(base)
        self.assertIn(b'(qcow2), which does not exist.\n', self.ok(dump(path)))
        order = [i * 17 % 64 for i in range(64)]
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', path, '80M'], check=True)
        subprocess.run(['qemu-io', *(word for row in range(20) for i in order for word in
                                     ('-c', f'write {(row * 64 + i) * 64}k 64k')), path],
                       check=True, stdout=subprocess.DEVNULL)
        self.assertIn(b"Defragmenting is worth it ('sinter-img defragment').\n",
                      self.ok(dump(path)))

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
                                   'shared-clusters': 12, 'added-clusters': 5,
                                   'added-bytes': 5 * 65536}])
        checked = subprocess.run([SINTER_IMG, 'check', '--output=json', path], check=True,
                                 capture_output=True).stdout
        self.assertEqual(json.loads(checked)['sinter']['statistics']['snapshots'], report)
        self.assertIn(b'before (1): 1 MiB, of these 768 KiB shared; 320 KiB written since\n',
                      self.ok(dump('-v', path)))


if __name__ == '__main__':
    unittest.main()
