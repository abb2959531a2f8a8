# SPDX-License-Identifier: LGPL-2.1-or-later
"""The summary counts single cases and lets nothing that went wrong pass as good."""

import contextlib
import io
import json
import os
import tempfile
import unittest
from unittest import mock

from lib import summary


def program(stdout='', result='OK', returncode=0, stderr=''):
    return {'name': 'suite / program', 'stdout': stdout, 'stderr': stderr, 'result': result,
            'returncode': returncode}


def verdicts(test):
    return [case.verdict for case in summary.cases_of_program(test)]


# What a program said and how it ended; the verdicts that must come out of it.
PROGRAMS = [
    ('cases', program('1..3\nok 1 /a\nok 2 /b # SKIP no bus\nok 3 /c'),
     ['passed', 'skipped', 'passed']),
    ('a failing case', program('1..2\nok 1 /a\nnot ok 2 /b - ERROR:x\n', 'FAIL', 1),
     ['passed', 'failed']),
    ('plan at the end', program('ok 1 a\nok 2 b\n1..2\n'), ['passed', 'passed']),
    ('a thread that logs in between', program('1..2\nok 1 /a# \nok 2 /b# DEBUG: x\n'),
     ['passed', 'passed']),
    ('crash after good cases', program('1..3\nok 1 /a\n', 'ERROR', -6), ['passed', 'failed']),
    ('crash in a failing case', program('1..3\nok 1 /a\nnot ok 2 /b\nBail out!\n', 'ERROR', -6),
     ['passed', 'failed']),
    ('out of time', program('1..2\nok 1 /a\n', 'TIMEOUT', -15), ['passed', 'failed']),
    ('ended early with status 0', program('1..2\nok 1 /a\n'), ['passed', 'failed']),
    ('no plan', program('ok 1 /a\n'), ['passed', 'failed']),
    ('bad status after good cases', program('1..1\nok 1 /a\n', 'ERROR', 1), ['passed', 'failed']),
    ('skips as a whole', program('1..0 # SKIP lacks root\n', 'SKIP'), ['skipped']),
    ('silence is no skip', program('', 'SKIP', 0), ['failed']),
    ('no TAP, good', program('hello\n'), ['passed']),
    ('no TAP, skipped by status 77', program('lacks root\n', 'SKIP', 77), ['skipped']),
    ('no TAP, bad', program('', 'FAIL', 1), ['failed']),
    ('no TAP, out of time', program('', 'TIMEOUT', -15), ['failed']),
    ('interrupted', program('1..1\n', 'INTERRUPT', -2), ['failed']),
    ('known to fail', program('1..1\nnot ok 1 a # TODO later\n', 'OK'), ['passed']),
    ('known to fail, but passes', program('1..1\nok 1 a # TODO later\n', 'FAIL'), ['failed']),
]


class Programs(unittest.TestCase):
    def test_verdicts(self):
        for name, test, expected in PROGRAMS:
            with self.subTest(name):
                self.assertEqual(verdicts(test), expected)

    def test_a_failure_carries_what_was_said_before_and_after(self):
        test = program('1..2\nok 1 /a\n# why\nnot ok 2 /b\n# more\n', 'FAIL', 1, 'on stderr')
        case = summary.cases_of_program(test)[1]
        self.assertEqual((case.output, case.logs),
                         (['# why', 'not ok 2 /b', '# more'], ['on stderr']))

    def test_a_skip_carries_its_reason(self):
        case = summary.cases_of_program(program('1..1\nok 1 /a # SKIP no\tbus here\n'))[0]
        self.assertEqual((case.name, case.reason), ('/a', 'no\tbus here'))


class Output(unittest.TestCase):
    def run_main(self, *tests):
        with tempfile.NamedTemporaryFile('w', suffix='.json') as log:
            log.write(''.join(json.dumps(test) + '\n' for test in tests))
            log.flush()
            out = io.StringIO()
            with mock.patch('sys.argv', ['summary', f'tree={log.name}']), \
                    contextlib.redirect_stdout(out):
                status = summary.main()
        return out.getvalue().splitlines(), status

    def test_last_line_and_status(self):
        lines, status = self.run_main(program('1..2\nok 1 /a\nok 2 /b # SKIP no bus\n'),
                                      program('hello'))
        self.assertEqual((lines[-1], status), ('2 passed, 0 failed, 1 skipped', 0))
        self.assertIn('skipped tree: suite / program: /b: no bus', lines)

    def test_a_failure_is_shown_and_decides(self):
        lines, status = self.run_main(program('1..1\n# why\nnot ok 1 /a\n', 'FAIL', 1))
        self.assertEqual((lines[-1], status), ('0 passed, 1 failed, 0 skipped', 1))
        self.assertIn('FAILED tree: suite / program: /a', lines)
        self.assertIn('    # why', lines)

    def test_long_logs_do_not_hide_the_assertion(self):
        logs = 'log\n' * 5000
        for said in ('1..1\n# AssertionError: why\nnot ok 1 /a\n',
                     '1..1\nBail out! AssertionError: why\n'):
            lines, _ = self.run_main(program(said, 'ERROR', 1, logs))
            self.assertTrue([line for line in lines if 'AssertionError: why' in line], said)
            self.assertLess(len(lines), 500)

    def test_crash_states_are_added_up(self):
        said = '1..1\n# crash states of {}: {} distinct, {} lost\nok 1 /a\n'
        lines, _ = self.run_main(program(said.format('merge', 1200, 0)),
                                 program(said.format('resize', 34, 0)),
                                 program(said.format('merge', 1000, 1)))
        self.assertEqual(lines[-2],
                         'crash states: 2,234 distinct, 1 lost (merge 2,200, resize 34)')

    def test_nothing_run_is_a_failure(self):
        self.assertEqual(self.run_main()[1], 1)

    def test_a_missing_log_is_named(self):
        with mock.patch('sys.argv', ['summary', 'tree=/nonexistent/log.json']):
            with self.assertRaisesRegex(SystemExit, '/nonexistent/log.json'):
                summary.main()


class Location(unittest.TestCase):
    def test_the_module_is_the_one_of_this_tree(self):
        here = os.path.dirname(os.path.abspath(__file__))
        self.assertTrue(os.path.samefile(os.path.dirname(summary.__file__),
                                         os.path.join(here, '..', '..', 'lib')))
