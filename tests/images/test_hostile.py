# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hostile images are refused, or dealt with in bounded time and memory, and open no other file."""

import os
import tempfile
import unittest

import hostile
import ours

CPU_MAX_MSEC = 1000
PEAK_MAX_KIB = 64 * 1024
VERBS = ('info', 'map', 'check', 'check-deep', 'check-chain')


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix='sinter-hostile-')
        cls.addClassCleanup(holder.cleanup)
        cls.cases = [(one, hostile.make(one, holder.name)) for one in hostile.TABLE]

    def each(self, check):
        for one, case in self.cases:
            with self.subTest(image=one.name, threat=one.threat):
                check(case)

    def assert_bounded(self, run, what):
        self.assertFalse(run.crashed, f'{what}: {run}')
        self.assertIn(run.status, (0, 1, 2, 3, 128 + 13), f'{what}: {run}')
        self.assertEqual(run.status == 1, bool(run.err.strip()), f'{what}: {run}')
        self.assertLessEqual(run.cpu_msec, CPU_MAX_MSEC * (10 if ours.SANITIZED else 1), what)
        if not ours.SANITIZED:
            self.assertLessEqual(run.peak_kib, PEAK_MAX_KIB, what)

    def test_each_is_cheap(self):
        def check(case):
            for verb in VERBS:
                run = ours.measured(ours.command_of(verb, case.path, case.format))
                self.assert_bounded(run, verb)
        self.each(check)

    def test_opening_the_chain(self):
        def check(case):
            run = ours.measured(ours.command_of('map', case.path, case.format))
            if case.chain != hostile.EITHER:
                self.assertEqual(run.status == 0, case.chain == hostile.FINE, str(run))
            if case.says:
                self.assertIn(case.says, run.err)
        self.each(check)

    def test_checking_the_chain(self):
        """What ails a chain is a finding of the image that names the next one."""
        def check(case):
            if case.finding:
                run = ours.measured(ours.command_of('check-chain', case.path, case.format))
                self.assertEqual(run.status, 0, str(run))
                self.assertIn(f'finding {case.finding} '.encode(), run.out)
        self.each(check)

    def test_reading_the_first_megabyte(self):
        def check(case):
            run = ours.measured(ours.command_of('cat', case.path, case.format))
            self.assert_bounded(run, 'cat')
            if case.content is not None:
                self.assertTrue(run.out == case.content, 'other content')
        self.each(check)

    @unittest.skipUnless(ours.STRACE, 'lacks strace')
    def test_inspecting_opens_one_file(self):
        def check(case):
            for verb in ('info', 'check', 'check-deep'):
                run = ours.traced(ours.command_of(verb, case.path, case.format))
                self.assertEqual(run.opened, (os.path.realpath(case.path),), verb)
        self.each(check)

    @unittest.skipUnless(ours.STRACE, 'lacks strace')
    def test_the_chain_opens_its_members_only(self):
        def check(case):
            run = ours.traced(ours.command_of('map', case.path, case.format))
            for name in case.forbidden:
                self.assertNotIn(name, run.opened)
            folder = os.path.realpath(os.path.dirname(case.path))
            self.assertIn(os.path.realpath(case.path), run.opened)
            strangers = [name for name in run.opened
                         if not name.startswith(folder) and name not in case.members]
            self.assertEqual(strangers, [])
        self.each(check)


class Extremes(unittest.TestCase):
    """Every number of an image with everything in it, at each of its extremes.

    All of them together may cost what one hostile image may: they are fed to the replay programs
    of the fuzz targets, one run each.
    """

    def test_all_together_are_cheap(self):
        with tempfile.TemporaryDirectory(prefix='sinter-extremes-') as folder:
            n_images = 0
            for name, image in hostile.extremes():
                image.save(os.path.join(folder, name))
                n_images += 1
            for program in ours.REPLAYS:
                with self.subTest(program=program):
                    run = ours.measured([program, folder])
                    Hostile.assert_bounded(self, run, program)
                    self.assertEqual(run.out.count(b'\nok') + run.out.startswith(b'ok'), n_images)
