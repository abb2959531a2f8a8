#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the unittest cases of one test file and speaks TAP 13.

Standard output carries TAP lines and nothing else: whatever a test or a
program that it starts prints goes to standard error. Every case that the file
holds gets exactly one line, also when a class or module fixture fails, so the
plan that stands first always comes out even.

    taprunner.py [--filter REGEX] [--mounts] [--list] FILE
"""

import argparse
import importlib.util
import os
import re
import sys
import time
import traceback
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from lib import namespace, tap  # noqa: E402

FIXTURE_NAME = re.compile(r'^(setUpClass|setUpModule|tearDownClass|tearDownModule) \((.+)\)$')


def case_name(case):
    """Class.method: what the file name does not say already."""
    return '.'.join(case.id().split('.')[-2:])


def cases_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from cases_of(item)
        else:
            yield item


class TapResult(unittest.TestResult):
    """Writes one TAP line per case at the moment it ends."""

    def __init__(self, cases):
        super().__init__()
        self.waiting = {case.id(): case for case in cases}
        self.n_done = 0
        self.problems = []
        self.started = 0.0

    def report(self, case, verdict, directive=''):
        """The one line of a case; later verdicts on the same case are only commented."""
        if self.waiting.pop(case.id(), None) is None:
            tap.comment(f'{case_name(case)}: {verdict} after its verdict')
            return
        self.n_done += 1
        tap.line(f'{verdict} {self.n_done} {case_name(case)}{directive}')

    # -- unittest's callbacks --------------------------------------------

    def startTest(self, test):
        super().startTest(test)
        self.problems = []
        self.started = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        if test.id() not in self.waiting:
            return
        seconds = time.monotonic() - self.started
        for text in self.problems:
            tap.comment(text)
        self.report(test, 'not ok' if self.problems else 'ok')
        if seconds >= 1:
            tap.comment(f'{case_name(test)} took {seconds:.1f} s')

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.problems.append(self._exc_info_to_string(err, test))

    def addError(self, test, err):
        super().addError(test, err)
        text = self._exc_info_to_string(err, test)
        fixture = FIXTURE_NAME.match(str(test))
        if fixture:
            tap.comment(text)
            self.spread(fixture, lambda case: self.report(case, 'not ok'))
        else:
            self.problems.append(text)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.problems.append(f'{subtest}\n' + self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        directive = ' # SKIP ' + ' '.join(str(reason).split())
        fixture = FIXTURE_NAME.match(str(test))
        if fixture:
            self.spread(fixture, lambda case: self.report(case, 'ok', directive))
        elif not self.problems:
            self.report(test, 'ok', directive)

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.report(test, 'not ok', ' # TODO expected failure')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.problems.append('passed, but is marked as an expected failure')

    def spread(self, fixture, report):
        """A fixture's verdict is the verdict of every case behind it that has none yet."""
        place = fixture.group(2)
        before = self.n_done
        for case in list(self.waiting.values()):
            if case.id().startswith(place + '.'):
                report(case)
        if self.n_done == before:
            tap.comment(f'{fixture.group(0)} failed after the last case')


def load(path):
    """The file as a module; its folder's siblings and tests/lib can be imported."""
    name = re.sub(r'\W', '_', os.path.splitext(os.path.basename(path))[0])
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def parse_arguments():
    parser = argparse.ArgumentParser(description='run the unittest cases of FILE, speak TAP 13')
    parser.add_argument('--filter', default='', help='only cases whose Class.method matches')
    parser.add_argument('--mounts', action='store_true',
                        help='run in a user and mount namespace of its own where the host allows one')
    parser.add_argument('--list', action='store_true', help='only print the names of the cases')
    parser.add_argument('file')
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    if arguments.mounts:
        namespace.enter()
    tap.open_stream()
    tap.line('TAP version 13')
    try:
        suite = unittest.defaultTestLoader.loadTestsFromModule(load(arguments.file))
    except unittest.SkipTest as skip:
        tap.line(f'1..0 # SKIP {" ".join(str(skip).split())}')
        return 0
    except Exception:
        tap.comment(traceback.format_exc())
        tap.line(f'Bail out! {arguments.file} cannot be loaded')
        return 1
    cases = [case for case in cases_of(suite) if re.search(arguments.filter, case_name(case))]
    if arguments.list:
        tap.comment('\n'.join(map(case_name, cases)))
        return 0
    result = TapResult(cases)
    tap.line(f'1..{len(cases)}')
    unittest.TestSuite(cases).run(result)
    stray = bool(result.waiting) or not cases
    if stray:
        tap.comment(f'{len(result.waiting)} of {len(cases)} cases had no verdict')
    return 0 if result.wasSuccessful() and not stray else 1


if __name__ == '__main__':
    sys.exit(main())
