# SPDX-License-Identifier: LGPL-2.1-or-later
"""The runner gives each case exactly one line, whatever goes wrong around it."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

RUNNER = os.path.join(os.path.dirname(__file__), '..', '..', 'lib', 'taprunner.py')


def run(source, *options):
    """The runner over a test file with this text: its TAP lines without comments, and its status."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'test_sample.py')
        with open(path, 'w', encoding='utf-8') as file:
            file.write('import os, unittest\n' + textwrap.dedent(source))
        done = subprocess.run([sys.executable, RUNNER, *options, path], capture_output=True,
                              text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if not line.startswith('#')]
    return lines, done.returncode


class Verdicts(unittest.TestCase):
    def test_each_verdict(self):
        lines, status = run('''
            class Sample(unittest.TestCase):
                def test_a_good(self): pass
                def test_b_bad(self): self.assertEqual(1, 2)
                def test_c_broken(self): raise OSError('gone')
                @unittest.skip('lacks a thing')
                def test_d_skipped(self): pass
                def test_e_skips(self): self.skipTest('lacks\\nanother')
            ''')
        self.assertEqual(lines, ['TAP version 13', '1..5', 'ok 1 Sample.test_a_good',
                                 'not ok 2 Sample.test_b_bad', 'not ok 3 Sample.test_c_broken',
                                 'ok 4 Sample.test_d_skipped # SKIP lacks a thing',
                                 'ok 5 Sample.test_e_skips # SKIP lacks another'])
        self.assertEqual(status, 1)

    def test_all_good_is_status_zero(self):
        lines, status = run('''
            class Sample(unittest.TestCase):
                def test_a(self): pass
            ''')
        self.assertEqual((lines[1:], status), (['1..1', 'ok 1 Sample.test_a'], 0))

    def test_a_failing_subtest_fails_its_case(self):
        lines, status = run('''
            class Sample(unittest.TestCase):
                def test_a(self):
                    for n in range(3):
                        with self.subTest(n=n): self.assertNotEqual(n, 1)
            ''')
        self.assertEqual((lines[1:], status), (['1..1', 'not ok 1 Sample.test_a'], 1))

    def test_a_failing_cleanup_fails_its_case(self):
        lines, status = run('''
            class Sample(unittest.TestCase):
                def test_a(self): self.addCleanup(lambda: 1 / 0)
            ''')
        self.assertEqual((lines[1:], status), (['1..1', 'not ok 1 Sample.test_a'], 1))


class Fixtures(unittest.TestCase):
    SOURCE = '''
        class First(unittest.TestCase):
            @classmethod
            def setUpClass(cls): {}
            def test_a(self): pass
            def test_b(self): pass
        class Second(unittest.TestCase):
            def test_c(self): pass
        '''

    def test_a_failing_class_fixture_fails_all_its_cases(self):
        lines, status = run(self.SOURCE.format("raise OSError('no')"))
        self.assertEqual(lines[1:], ['1..3', 'not ok 1 First.test_a', 'not ok 2 First.test_b',
                                     'ok 3 Second.test_c'])
        self.assertEqual(status, 1)

    def test_a_skipping_class_fixture_skips_all_its_cases(self):
        lines, status = run(self.SOURCE.format("raise unittest.SkipTest('no root')"))
        self.assertEqual(lines[1:], ['1..3', 'ok 1 First.test_a # SKIP no root',
                                     'ok 2 First.test_b # SKIP no root', 'ok 3 Second.test_c'])
        self.assertEqual(status, 0)

    def test_a_failing_class_teardown_fails_the_program(self):
        lines, status = run(self.SOURCE.replace('setUpClass', 'tearDownClass')
                            .format("raise OSError('no')"))
        self.assertEqual(lines[1], '1..3')
        self.assertEqual(status, 1)


class Programs(unittest.TestCase):
    def test_a_file_that_cannot_be_loaded_bails_out(self):
        lines, status = run("raise OSError('no such thing')")
        self.assertRegex(lines[-1], '^Bail out! ')
        self.assertEqual(status, 1)

    def test_a_file_that_skips_itself(self):
        lines, status = run("raise unittest.SkipTest('lacks a bus')")
        self.assertEqual((lines[1:], status), (['1..0 # SKIP lacks a bus'], 0))

    def test_printing_does_not_reach_tap(self):
        lines, _ = run('''
            class Sample(unittest.TestCase):
                def test_a(self):
                    print('not ok 7 noise')
                    os.system('echo not ok 8 noise')
            ''')
        self.assertEqual(lines[1:], ['1..1', 'ok 1 Sample.test_a'])

    def test_the_filter_chooses_cases(self):
        lines, status = run('''
            class Sample(unittest.TestCase):
                def test_a(self): pass
                def test_b(self): self.fail()
            ''', '--filter', r'\.test_a$')
        self.assertEqual((lines[1:], status), (['1..1', 'ok 1 Sample.test_a'], 0))

    def test_no_case_at_all_is_a_failure(self):
        self.assertEqual(run('')[1], 1)
