# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img check -r beside qemu-img check -r: each kind of damage is repaired twice.

The first run repairs or says why not; the second finds nothing to repair and writes nothing. An
image is never worse afterwards, and where we call it sound, QEMU does.
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'images'))

import damages                                                          # noqa: E402
from damages import base, variants                                      # noqa: E402

SINTER_IMG = os.environ.get('SINTER_IMG', 'sinter-img')
CLEAN, NOT_CHECKED, CORRUPT, LEAKS, NO_CHECK = 0, 1, 2, 3, 63
# from bad to good
RANK = {NOT_CHECKED: 0, CORRUPT: 1, LEAKS: 2, CLEAN: 3}

# Damage that must be repaired completely.
MENDED = set("""
bitmap-count-too-low bitmap-data-is-free bitmap-directory-beyond-file bitmap-directory-cut-short
bitmap-directory-giant bitmap-directory-is-free bitmap-directory-of-noise bitmap-directory-unaligned
bitmap-extra-data bitmap-flags-unknown bitmap-granularity-absurd bitmap-granularity-large
bitmap-granularity-small bitmap-in-use-and-data-lost bitmap-name-too-long bitmap-name-twice
bitmap-table-beyond-file bitmap-table-entry-beyond-file bitmap-table-entry-ones-and-offset
bitmap-table-entry-reserved-bits bitmap-table-entry-unaligned bitmap-table-giant
bitmap-table-not-counted bitmap-table-of-noise bitmap-table-too-large bitmap-table-unaligned
bitmap-tail-bits bitmap-type-unknown bitmaps-bit-cleared bitmaps-bit-without-extension bitmaps-none
bitmaps-too-many byte-counts-all-too-high cluster-leaked clusters-leaked-many compressed-copied
compressed-copied-in-version-2 compressed-copied-zstd compressed-refcount-too-low
compressed-size-into-neighbour compression-bit-without-type compression-type-without-bit
data-file-copied-missing file-cut-at-bitmap-data file-cut-at-bitmap-directory
file-cut-at-bitmap-table header-refcount-order-larger header-refcount-order-smaller l1-copied-false
l1-copied-missing l1-entries-too-few l1-entry-copied-without-offset l1-entry-on-refcount-table
l1-entry-reserved-high-bit l1-entry-reserved-low-bit l1-offset-unaligned l2-copied-false
l2-copied-missing l2-copied-missing-with-luks l2-copied-missing-with-subclusters
l2-entry-copied-without-offset l2-entry-reserved-bits-with-subclusters l2-entry-reserved-high-bit
l2-entry-reserved-low-bit l2-zero-flag-in-version-2 leaks-among-data leaks-of-a-crash
luks-clusters-not-counted marked-corrupt-with-a-leak marked-dirty-with-stale-counts
narrow-count-is-free narrow-count-leaked narrow-refcount-block-of-zeros nibble-count-too-low
refcount-block-in-the-middle-lost refcount-block-in-two-entries refcount-block-is-the-table
refcount-block-not-counted refcount-block-of-noise refcount-block-of-ones refcount-block-of-zeros
refcount-block-of-zeros-in-version-2 refcount-block-of-zeros-with-bitmaps
refcount-block-of-zeros-with-data-file refcount-block-of-zeros-with-luks
refcount-block-of-zeros-with-subclusters refcount-block-torn refcount-table-beyond-file
refcount-table-clusters-too-few refcount-table-clusters-too-many refcount-table-empty
refcount-table-entry-beyond-file refcount-table-entry-on-data refcount-table-entry-reserved-bits
refcount-table-entry-unaligned refcount-table-giant refcount-table-none refcount-table-not-counted
refcount-table-of-noise refcount-table-of-ones refcount-table-offset-on-data
refcount-table-offset-overflows refcount-table-offset-unaligned refcount-table-runs-beyond-file
refcount-table-second-entry-beyond-file refcount-too-high refcount-too-high-on-table
shared-cluster-counted-once snapshot-compressed-copied snapshot-data-is-free
snapshot-data-is-free-in-version-2 snapshot-disk-size-beyond-l1 snapshot-disk-size-zero
snapshot-extra-too-short snapshot-id-twice snapshot-l1-entry-reserved-bits snapshot-l1-not-counted
snapshot-l2-entry-reserved-bits snapshot-table-not-counted subcluster-all-allocated-and-zero
subcluster-allocated-and-zero subcluster-allocated-and-zero-over-backing
subcluster-bitmap-on-compressed subcluster-entry-with-zero-flag two-bit-count-too-low
two-bitmaps-damaged two-l1-entries-one-table used-data-is-free used-data-is-free-over-backing
used-header-is-free virtual-size-beyond-l1 wide-count-absurd wide-refcount-block-of-zeros
word-count-too-low
""".split())

# Damage that must be repaired, where leaked clusters may hold what was lost: they are kept.
KEPT = set("""
compressed-on-data data-in-compressed-cluster data-on-bitmap-data data-on-bitmap-directory
data-on-bitmap-table data-on-luks-header data-on-refcount-block data-on-refcount-table
data-on-refcount-table-counted data-on-snapshot-table l1-entry-of-another-place
narrow-count-overflows run-entry-repeats-neighbour snapshot-shares-at-another-place
snapshots-forgotten three-guests-one-cluster two-guests-one-cluster two-guests-one-cluster-counted
two-guests-one-cluster-of-subclusters two-guests-one-cluster-over-backing
""".split())

# The same words, on both streams, as qemu-img.
ALIKE = {
    'leaks': ('cluster-leaked', 'clusters-leaked-many', 'narrow-count-leaked', 'refcount-too-high',
              'refcount-too-high-on-table', 'wide-count-absurd', 'l2-copied-false',
              'l1-copied-missing', 'legal-version-2', 'legal-bitmaps'),
    'all': ('cluster-leaked', 'clusters-leaked-many', 'compressed-refcount-too-low',
            'narrow-count-leaked', 'nibble-count-too-low', 'refcount-too-high',
            'refcount-too-high-on-table', 'wide-count-absurd', 'shared-cluster-counted-once',
            'l1-copied-false', 'l1-copied-missing', 'l2-copied-false', 'l2-copied-missing',
            'legal-version-2', 'legal-bitmaps'),
}


def run(program, *arguments, folder):
    """Both under the same name, so that what they say of themselves is the same."""
    return subprocess.run(['qemu-img', *map(str, arguments)], executable=program,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False, cwd=folder,
                          timeout=120)


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='sinter-repair-')
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def ours(self, *arguments):
        done = run(SINTER_IMG, *arguments, folder=self.folder)
        self.assertGreaterEqual(done.returncode, 0, done.stderr)
        self.assertNotIn(b'Sanitizer', done.stderr)
        self.assertNotIn(b'runtime error', done.stderr)
        return done

    def theirs(self, *arguments):
        return run('/usr/bin/qemu-img', *arguments, folder=self.folder)

    def content(self, path):
        """None: the file is too large; nothing is wrong with those that are."""
        if os.path.getsize(os.path.join(self.folder, path)) > 1 << 30:
            return None
        with open(os.path.join(self.folder, path), 'rb') as file:
            return file.read()

    def written(self, path):
        """What a write to the file changes."""
        found = os.stat(os.path.join(self.folder, path))
        return found.st_mtime_ns, found.st_ctime_ns, found.st_size


class Corpus(Case):
    def setUp(self):
        super().setUp()
        self.images = {one.name: os.path.basename(path)
                       for one, path, _ in damages.write_corpus(self.folder)}

    def assert_told(self, report):
        """Each step that was left has a reason, and no other has."""
        for step in report['sinter']['repair']['steps']:
            self.assertEqual(step['state'] == 'left', 'reason' in step, step)
            self.assertIn(step['state'], ('done', 'left'))

    def assert_undone(self, path, original, changed):
        """The undo file restores the image byte for byte; without a change there is none."""
        undo = os.path.join(self.folder, path + '.undo')
        self.assertEqual(os.path.exists(undo), changed)
        if not changed:
            return
        done = self.ours('undo', undo)
        self.assertEqual((done.returncode, done.stderr), (0, b''))
        self.assertTrue(self.content(path) == original, 'the image is not restored')
        os.unlink(undo)
        self.ours('check', '-q', '-r', 'all', '--undo-file=none', path)
        self.assertFalse(os.path.exists(undo))

    def repair(self, path):
        """Returns the exit status before and after."""
        before = self.ours('check', path)
        if before.returncode == NO_CHECK:
            return NO_CHECK, NO_CHECK
        untouched = self.written(path)
        original = self.content(path)
        plan = self.ours('check', '-r', 'all', '--dry-run', '--output=json', path)
        self.assertEqual(self.written(path), untouched)
        self.assertEqual(plan.returncode, before.returncode)
        once = self.ours('check', '-r', 'all', '--output=json', path)
        self.assert_told(json.loads(once.stdout))
        told = json.loads(once.stdout)['sinter']['repair']
        self.assertEqual(told.get('undo-file'), path + '.undo' if told['changed'] else None)
        self.assert_undone(path, original, told['changed'])
        self.assertGreaterEqual(RANK[once.returncode], RANK[before.returncode], once.stdout)
        settled = self.written(path)
        again = self.ours('check', '-r', 'all', '--output=json', path)
        self.assertEqual(again.returncode, once.returncode)
        self.assertFalse(json.loads(again.stdout)['sinter']['repair']['changed'])
        self.assertEqual(self.written(path), settled)
        if once.returncode == CLEAN:
            judged = self.theirs('check', path)
            # a data file without a name, a key that is not given
            if b'Could not open' not in judged.stderr:
                self.assertEqual(judged.returncode, CLEAN, judged.stderr)
        return before.returncode, once.returncode

    def test_twice(self):
        mended, kept = set(), set()
        for name, path in self.images.items():
            with self.subTest(damage=name):
                before, after = self.repair(path)
                if before not in (CLEAN, NO_CHECK) and after == CLEAN:
                    mended.add(name)
                elif after == LEAKS:
                    kept.add(name)
        self.assertEqual(MENDED - mended, set())
        self.assertEqual(KEPT - kept, set())


class Beside(Case):
    """The words and the numbers, where both do the same."""

    def test_alike(self):
        for level, names in ALIKE.items():
            for name in names:
                for output in ('human', 'json'):
                    with self.subTest(level=level, damage=name, output=output):
                        self.compare(level, name, output)

    def compare(self, level, name, output):
        done = []
        for side, words in ((self.ours, ['--undo-file=none']), (self.theirs, [])):
            damages.write_one(self.folder, name)
            done.append(side('check', *words, '-r', level, '--output', output, name + '.qcow2'))
        mine, other = done
        self.assertEqual(mine.returncode, other.returncode)
        self.assertEqual(mine.stderr, other.stderr)
        if output == 'human':
            self.assertEqual(mine.stdout, other.stdout)
            return
        members = json.loads(mine.stdout)
        self.assertIn('repair', members.pop('sinter'))
        self.assertEqual(list(members.items()), list(json.loads(other.stdout).items()))


class Choices(Case):
    """Entries whose place is lost."""

    def repaired(self, name, *choices):
        damages.write_one(self.folder, name)
        return self.ours('check', '-r', 'all', *(f'--also={choice}' for choice in choices),
                         name + '.qcow2')

    def content(self, name):
        done = self.ours('dd', '-f', 'qcow2', '-O', 'raw', f'if={name}.qcow2', 'of=content', 'bs=1M')
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(os.path.join(self.folder, 'content'), 'rb') as file:
            return file.read()

    def test_inferred(self):
        """The data that the entry had is back."""
        for name in ('run-entry-beyond-file', 'run-four-entries-beyond-file',
                     'run-entry-flag-without-place'):
            with self.subTest(damage=name):
                base.build('run').save(os.path.join(self.folder, 'sound.qcow2'))
                self.assertEqual(self.repaired(name).returncode, CORRUPT)
                self.assertEqual(self.repaired(name, 'infer-entries').returncode, CLEAN)
                self.assertEqual(self.content(name), self.content('sound'))

    def test_cleared(self):
        """What was given up and can still be found is kept until it is given up, too."""
        for name, status in (('l2-entry-unaligned', LEAKS), ('l1-entry-beyond-file', LEAKS),
                             ('compressed-beyond-file', CLEAN), ('file-cut-at-data', CLEAN)):
            with self.subTest(damage=name):
                self.assertEqual(self.repaired(name, 'infer-entries').returncode, CORRUPT)
                self.assertEqual(self.repaired(name, 'clear-entries').returncode, status)
                self.assertEqual(self.theirs('check', name + '.qcow2').returncode, status)
                self.assertEqual(self.repaired(name, 'clear-entries', 'free-leaks').returncode,
                                 CLEAN)

    def names(self, kind, path):
        """Of the snapshots or bitmaps."""
        report = json.loads(self.theirs('info', '--output=json', path).stdout)
        if kind == 'bitmaps':
            return [one['name'] for one in
                    report['format-specific']['data'].get('bitmaps', [])]
        return [one['name'] for one in report.get('snapshots', [])]

    def test_good_bitmaps_stay(self):
        for name in ('bitmap-type-unknown', 'bitmap-granularity-small', 'bitmap-table-unaligned',
                     'bitmap-table-entry-beyond-file'):
            with self.subTest(damage=name):
                self.assertEqual(self.repaired(name).returncode, CLEAN)
                self.assertEqual(self.names('bitmaps', name + '.qcow2'), ['full', 'empty'])

    def test_good_snapshots_stay(self):
        for name, kept in (('snapshot-l1-unaligned', ['two']), ('snapshot-l1-giant', ['two']),
                           ('snapshot-second-entry-zeroed', ['one'])):
            with self.subTest(damage=name):
                self.assertEqual(self.repaired(name).returncode, CORRUPT)
                self.assertEqual(self.repaired(name, 'delete-snapshots').returncode, LEAKS)
                self.assertEqual(self.repaired(name, 'delete-snapshots', 'free-leaks').returncode,
                                 CLEAN)
                self.assertEqual(self.names('snapshots', name + '.qcow2'), kept)

    def test_corrected_snapshots(self):
        """Nothing is deleted, and each can be applied."""
        for name in ('snapshot-extra-too-short', 'snapshot-disk-size-zero', 'snapshot-id-twice',
                     'snapshot-disk-size-beyond-l1'):
            with self.subTest(damage=name):
                self.assertEqual(self.repaired(name).returncode, CLEAN)
                kept = self.names('snapshots', name + '.qcow2')
                self.assertEqual(kept, ['one', 'two'])
                self.assertEqual(self.theirs('snapshot', '-a', 'one', name + '.qcow2').returncode, 0)
                self.assertEqual(self.theirs('check', name + '.qcow2').returncode, CLEAN)

    def test_a_wrong_cluster_size(self):
        """Everything looks wrong, and nothing is changed."""
        for name in ('header-cluster-bits-one-less', 'header-cluster-bits-one-more'):
            with self.subTest(damage=name):
                self.assertEqual(self.repaired(name).returncode, CORRUPT)
                self.assertFalse(os.path.exists(os.path.join(self.folder, name + '.qcow2.undo')))

    def test_a_table_on_the_header(self):
        """Its entries are not entries: the header must not be cleared with them."""
        self.repaired('l1-table-on-header', 'clear-entries')
        with open(os.path.join(self.folder, 'l1-table-on-header.qcow2'), 'rb') as file:
            self.assertEqual(file.read(4), b'QFI\xfb')

    def test_both_users_are_named(self):
        done = self.repaired('two-guests-one-cluster')
        self.assertEqual(done.returncode, LEAKS)
        self.assertRegex(done.stderr, rb'Repairing cluster-shared: .*guest offset 0x0.*guest offset '
                                      rb'0x1000.*each gets a copy')


class Leaks(Case):
    """Leaked clusters that may hold what lost tables referred to are kept."""
    KEPT = b"Not repaired: cluster-leaked: it may hold lost data: search it with 'sinter-img rescue'"

    def assert_kept(self, level, name):
        path = name + '.qcow2'
        original = self.content(path)
        done = self.ours('check', '-r', level, '--undo-file=none', path)
        self.assertEqual(done.returncode, LEAKS, done.stderr)
        self.assertIn(self.KEPT, done.stderr)
        self.assertIn(f"Leaked clusters may hold lost data. To search for it, run: qemu-img rescue "
                      f"'{path}'\n".encode(), done.stderr)
        return self.content(path) == original

    def assert_freed(self, level, name):
        path = name + '.qcow2'
        done = self.ours('check', '-r', level, '--also=free-leaks', '--undo-file=none', path)
        self.assertEqual(done.returncode, CLEAN, done.stderr)
        self.assertEqual(self.theirs('check', path).returncode, CLEAN)
        self.assertNotIn(b'leaks-kept', self.ours('check', path).stderr)

    def test_lost_tables(self):
        for name in ('l2-table-zeroed', 'l1-table-zeroed', 'l1-table-zeroed-beside-snapshots',
                     'snapshot-l1-table-zeroed', 'snapshots-forgotten', 'run-entry-zeroed',
                     'run-sector-of-table-zeroed'):
            for level in ('leaks', 'all'):
                with self.subTest(damage=name, level=level):
                    damages.write_one(self.folder, name)
                    self.assertTrue(self.assert_kept(level, name), 'the image was written')
                    self.assert_freed(level, name)

    def test_a_crash(self):
        """What a crash leaves behind is freed, as qemu-img does."""
        for name in ('leaks-of-a-crash', 'cluster-leaked', 'clusters-leaked-many',
                     'leaks-among-data'):
            with self.subTest(damage=name):
                damages.write_one(self.folder, name)
                self.assertEqual(self.ours('check', '-r', 'leaks', name + '.qcow2').returncode,
                                 CLEAN)

    def test_one_of_two_users_is_wrong(self):
        """Each gets a copy, and what leaked is kept, also by later repairs and by QEMU."""
        for name in ('two-guests-one-cluster', 'data-on-refcount-block', 'compressed-on-data'):
            with self.subTest(damage=name):
                damages.write_one(self.folder, name)
                path = name + '.qcow2'
                self.assertFalse(self.assert_kept('all', name))
                self.assertTrue(self.assert_kept('all', name), 'the second run wrote to the image')
                self.assertEqual(self.theirs('check', path).returncode, LEAKS)
                subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write 4M 4k', path], check=True,
                               cwd=self.folder, stdout=subprocess.DEVNULL)
                self.assertTrue(self.assert_kept('leaks', name), 'the image was written')
                self.assert_freed('leaks', name)


class Bitmaps(Case):
    """No dirty bitmap calls a range unchanged that a repair changed."""

    def repaired(self, name, *words):
        damages.write_damage(next(one for one in variants.all_variants() if one.name == name),
                             self.folder)
        done = self.ours('check', '-r', 'all', '--undo-file=none', *words, name + '.qcow2')
        self.assertEqual(done.returncode, CLEAN, done.stderr)
        report = json.loads(self.theirs('info', '--output=json', name + '.qcow2').stdout)
        flags = {one['name']: one['flags']
                 for one in report['format-specific']['data']['bitmaps']}
        return flags, done.stderr

    def test_changed_entries(self):
        for name, choice in (('l2-entry-beyond-file-with-bitmaps', '--also=infer-entries'),
                             ('compressed-beyond-file-with-bitmaps', '--also=clear-entries')):
            flags, told = self.repaired(name, choice)
            self.assertTrue(flags)
            for bitmap, words in flags.items():
                self.assertIn('in-use', words)
                self.assertIn(f"bitmap '{bitmap}' becomes inconsistent".encode(), told)

    def test_content_stays(self):
        flags, told = self.repaired('l2-copied-missing-with-bitmaps')
        self.assertNotIn(b'inconsistent', told)
        self.assertTrue(any('in-use' not in words for words in flags.values()))


class Arguments(Case):
    def setUp(self):
        super().setUp()
        self.theirs('create', '-q', '-f', 'qcow2', 'a', '4M')
        self.theirs('create', '-q', '-f', 'raw', 'r', '4M')

    def test_as_qemu_img(self):
        for words in ('-r all a', '--repair=leaks a', '-r all r', '-r all -f raw r',
                      '-U -r all a', '-r all nope', '-r', '-q -r all a', '-r all -f qcow2 r'):
            with self.subTest(words=words):
                mine, other = (side('check', *words.split()) for side in (self.ours, self.theirs))
                self.assertEqual((mine.returncode, mine.stdout, mine.stderr),
                                 (other.returncode, other.stdout, other.stderr))

    def test_own_options(self):
        for words, why in (('--dry-run a', b'--dry-run and --also need -r'),
                           ('--also=clear-entries a', b'--dry-run and --also need -r'),
                           ('-r leaks --also=clear-entries a', b"--also needs '-r all'"),
                           ('-r all --also=nothing a', b'Unknown option value for --also'),
                           ('--undo-file=x a', b'--undo-file needs -r'),
                           ('--from-snapshot=x a', b'--from-snapshot needs -r all'),
                           ('-r leaks --from-snapshot=x a', b'--from-snapshot needs -r all'),
                           ('-r all --undo-file=r a', b"the undo file 'r' already exists"),
                           ('-r all --backing-chain a', b'mutually exclusive')):
            with self.subTest(words=words):
                done = self.ours('check', *words.split())
                self.assertEqual((done.returncode, done.stdout), (1, b''))
                self.assertIn(why, done.stderr)

    def test_dry_run_shows_the_plan(self):
        damages.write_one(self.folder, 'cluster-leaked')
        done = self.ours('check', '-r', 'all', '--dry-run', 'cluster-leaked.qcow2')
        self.assertEqual(done.returncode, LEAKS)
        self.assertRegex(done.stdout, rb'leaks +cluster-leaked +1 +- +0xb000 +0x1 +0x0 +nothing')

    def test_the_undo_file_is_named(self):
        damages.write_one(self.folder, 'cluster-leaked')
        done = self.ours('check', '-r', 'all', 'cluster-leaked.qcow2')
        self.assertEqual(done.returncode, CLEAN)
        self.assertTrue(done.stderr.endswith(
            b"\nTo restore the image as it was, run: qemu-img undo 'cluster-leaked.qcow2.undo'\n"),
            done.stderr)

    def test_an_image_in_use(self):
        holder = subprocess.Popen(['qemu-io', '-f', 'qcow2', os.path.join(self.folder, 'a')],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdin.close)
        self.addCleanup(holder.stdout.close)
        holder.stdin.write(b'read 0 512\n')
        holder.stdin.flush()
        holder.stdout.readline()
        done = self.ours('check', '-r', 'all', 'a')
        self.assertEqual((done.returncode, done.stdout), (1, b''))
        self.assertIn(b'lock', done.stderr)


if __name__ == '__main__':
    unittest.main()
