# SPDX-License-Identifier: LGPL-2.1-or-later
"""The corpus of broken images: the table itself, and what QEMU's check says of each image."""

import functools
import os
import re
import tempfile
import unittest

import damages
import hostile
import judge
import ours
from damages import base

HERE = os.path.dirname(os.path.abspath(__file__))
FINDINGS = os.path.join(HERE, '..', '..', 'engine', 'include', 'sinter', 'finding.h')
CLEAN, LEAKS, BAD = 'clean', 'leaks', 'bad'
RANK = {CLEAN: 0, LEAKS: 1, BAD: 2}


def table_of_codes():
    """{name: class} as the header of the engine has them."""
    with open(FINDINGS, encoding='utf-8') as file:
        text = file.read()
    rows = re.findall(r'X\(\w+,\s*"([a-z0-9-]+)",\s*(\w+),', text.replace('\\\n', ' '))
    return {name: klass.lower() for name, klass in rows}


def severity(expected):
    if isinstance(expected, damages.Refused):
        return BAD
    classes = {finding.klass for finding in expected}
    return BAD if classes & {'corruption', 'error'} else LEAKS if 'leak' in classes else CLEAN


def severity_of_qemu(report):
    return {'clean': CLEAN, 'leaks': LEAKS}.get(report['verdict'], BAD)


def n_bad(expected):
    return sum(finding.klass in ('corruption', 'error') for finding in expected)


# Where QEMU 7.2's tools and qcow2-dump fail, and the images that hold us to doing better.
WHERE_TOOLS_FAIL = {
    'frees what a broken entry led to as leaks': (
        'l1-entry-unaligned', 'l1-entry-beyond-file', 'l1-entry-reserved-high-bit',
        'l2-entry-beyond-file', 'l2-entry-unaligned', 'refcount-table-entry-beyond-file'),
    'leaves entries beyond the file or unaligned': (
        'l1-entry-beyond-file', 'l2-entry-beyond-file', 'l2-entry-just-beyond-file',
        'l2-entry-unaligned', 'snapshot-l1-entry-beyond-file'),
    'leaves reserved bits': (
        'l1-entry-reserved-low-bit', 'l2-entry-reserved-high-bit', 'l2-entry-reserved-low-bit',
        'refcount-table-entry-reserved-bits'),
    'leaves COPIED on compressed entries': ('compressed-copied',),
    'leaves subclusters that are allocated and zero': ('subcluster-allocated-and-zero',),
    'leaves truncated files': (
        'file-cut-at-l1-table', 'file-cut-in-l2-table', 'file-cut-at-data', 'file-cut-by-half'),
    'leaves unaligned refcount table entries': ('refcount-table-entry-unaligned',),
    'leaves a wrong refcount_table_clusters': (
        'refcount-table-clusters-too-few', 'refcount-table-clusters-too-many'),
    'raises the refcount of metadata that data points at': (
        'data-on-refcount-table', 'data-on-refcount-table-counted'),
    'passes two guest clusters on one host cluster': (
        'two-guests-one-cluster', 'two-guests-one-cluster-counted'),
    'drops a zeroed snapshot table': ('snapshot-table-zeroed',),
    'passes a snapshot of a disk of 0 bytes': ('snapshot-disk-size-zero',),
    'calls sound images corrupt': (
        'legal-zlib', 'legal-zstd', 'legal-subclusters-of-each-kind', 'legal-data-file',
        'legal-refcounts-of-one-bit', 'legal-refcounts-of-64-bits'),
    'frees LUKS headers and bitmap directories': ('legal-luks', 'legal-bitmaps'),
    'stops at the first reference beyond the file': (
        'counts-beyond-file', 'refcount-table-second-entry-beyond-file'),
}


class Corpus(unittest.TestCase):
    """All images, written once, and what QEMU says of them, asked once."""
    written = []

    @classmethod
    def setUpClass(cls):
        if not Corpus.written:
            holder = tempfile.TemporaryDirectory(prefix='sinter-corpus-')
            unittest.addModuleCleanup(holder.cleanup)
            Corpus.written = damages.write_corpus(holder.name)

    @staticmethod
    @functools.lru_cache(maxsize=None)
    def judged(path, key):
        return judge.check(path, key)

    def each(self, check):
        for one, path, expected in self.written:
            with self.subTest(damage=one.name):
                check(one, path, expected)


class Table(Corpus):
    def test_there_are_enough_kinds(self):
        broken = [one for one, _, expected in self.written if expected]
        self.assertGreaterEqual(len(broken), 300)

    def test_where_tools_fail(self):
        paths = {one.name: path for one, path, _ in self.written}
        for failure, names in WHERE_TOOLS_FAIL.items():
            with self.subTest(failure=failure):
                self.assertLessEqual(set(names), set(paths))
        for name in WHERE_TOOLS_FAIL['frees what a broken entry led to as leaks']:
            with self.subTest(damage=name):
                self.assertIn(b'leaks-are-safe=0', ours.check(paths[name]).run.out)

    def test_each_damage_is_in_the_bytes(self):
        sound = {}
        for name in base.BASES:
            image = base.build(name)
            sound[name] = image.raw.read(0, image.raw.size)

        def check(one, path, expected):
            if severity(expected) != CLEAN:
                with open(path, 'rb') as file:
                    self.assertNotEqual(file.read(), sound[one.base])
        self.each(check)

    def test_classes_are_those_of_the_findings(self):
        codes = table_of_codes()

        def check(_one, _path, expected):
            for finding in expected if isinstance(expected, list) else ():
                self.assertEqual(codes.get(finding.code), finding.klass, finding.code)
        self.each(check)

    def test_each_finding_has_a_damage(self):
        """But those that no single image shows: a failing disk, and what ails a whole chain."""
        covered = {finding.code for _, _, expected in self.written
                   if isinstance(expected, list) for finding in expected}
        elsewhere = {'read-error', 'chain-member-missing', 'chain-loop', 'chain-too-deep',
                     'backing-format-doubtful'}
        self.assertEqual(set(table_of_codes()) - covered, elsewhere)


class Judge(Corpus):
    """QEMU's check as the judge: we find at least what it finds, and say why where it is more."""

    def test_qemu_agrees(self):
        def check(one, path, expected):
            report = self.judged(path, one.key)
            if one.lacks:
                self.assertEqual((report['verdict'], severity(expected)), ('refused', CLEAN))
                return
            ours, theirs = severity(expected), severity_of_qemu(report)
            self.assertGreaterEqual(RANK[ours], RANK[theirs], report['said'])
            more = RANK[ours] > RANK[theirs]
            if not more and ours == BAD and report['verdict'] != 'refused':
                more = bool(one.why) and \
                    n_bad(expected) > report['corruptions'] + report['check-errors']
            self.assertEqual(more, bool(one.why), f'{one.why!r}: {report}')
        self.each(check)


def fits(want, got):
    """Whether a finding is the one that the table wants."""
    return (want.code, want.klass) == (got.code, got.klass) \
        and want.host in (None, got.host) and want.guest in (None, got.guest) \
        and (want.owners is None or sorted(want.owners) == sorted(got.owners)) \
        and (want.says is None or want.says in got.text)


def unmatched(expected, found):
    """(wanted and not found, found and not wanted); each finding serves one wish."""
    missing, left = [], list(found)
    for want in sorted(expected, key=lambda f: (f.host is None) + (f.guest is None)):
        got = next((one for one in left if fits(want, one)), None)
        if got is None:
            missing.append(want)
        else:
            left.remove(got)
    return missing, left


class Check(Corpus):
    """Our check finds what the table says: all of it, and nothing else."""

    def test_findings(self):
        def check(one, path, expected):
            report = ours.check(path, one.deep)
            self.assertFalse(report.run.crashed, str(report.run))
            if isinstance(expected, damages.Refused):
                self.assertEqual(report.run.status, 1)
                self.assertIn(expected.says, report.run.err)
                return
            self.assertEqual(report.run.status, 0, str(report.run))
            missing, extra = unmatched(expected, report.findings)
            if isinstance(expected, damages.AtLeast):
                extra = []
            self.assertFalse(missing or extra, '\nmissing: ' + '\nmissing: '.join(map(str, missing))
                             + '\nextra: ' + '\nextra: '.join(map(str, extra)))
        self.each(check)

    def test_counts_are_those_of_qemu(self):
        """Where QEMU's check runs to its end, ours tells its counts, whatever it finds beyond."""
        def check(one, path, expected):
            theirs = self.judged(path, one.key)
            refused = theirs['verdict'] in ('refused', 'unsupported')
            if refused or isinstance(expected, damages.Refused):
                return
            mine = ours.check(path).qemu
            same = (mine['corruptions'], mine['leaks']) == (theirs['corruptions'], theirs['leaks'])
            self.assertEqual(same, not one.counts, f'{mine} {theirs} {one.counts}')
        self.each(check)


class Cuts(unittest.TestCase):
    """An image with everything in it, cut off at each cluster and within each."""

    def test_no_cut_goes_unseen(self):
        with tempfile.TemporaryDirectory(prefix='sinter-cuts-') as folder:
            path = os.path.join(folder, 'image.qcow2')
            base.write_companions('backing', folder, {})
            whole = hostile.rich()
            cuts = range(whole.cluster_size // 2, whole.raw.size, whole.cluster_size // 2)
            for size in cuts:
                image = hostile.Image(whole.raw.copy())
                image.raw.truncate(size)
                image.save(path)
                with self.subTest(size=size):
                    self.judge(path)

    def judge(self, path):
        report = ours.check(path)
        self.assertFalse(report.run.crashed, str(report.run))
        self.assertEqual(report.run.status, 0, str(report.run))
        theirs = judge.check(path)
        self.assertGreaterEqual(RANK[severity(report.findings)], RANK[severity_of_qemu(theirs)])
        opened = ours.measured(ours.command_of('map', path, 'qcow2'))
        if opened.status != 0:
            self.assertEqual(severity(report.findings), BAD, opened.err)
