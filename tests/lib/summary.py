#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Adds up what several `meson test` runs came to, case by case.

Reads meson's testlog.json files (one JSON object a test program, with its
output), counts the cases that TAP programs report and one case for any other
program. Prints each failing case with what its program said, each skipped case
with its reason, and `N passed, N failed, N skipped` as the last line.

A program is never better than its cases nor better than its own end: one that
crashed, ran out of time, lost cases on the way or ran none at all counts as a
failure even where every case it reported is ok.

    summary.py [--figures] LABEL=LOG.json ...
"""

import argparse
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass, field

CASE = re.compile(r'^(ok|not ok)\b\s*(\d+)?\s*(?:- )?((?:[^#\\]|\\.)*?)\s*'
                  r'(?:#\s*(?:(skip|todo)\S*\s*)?(.*))?$', re.I)
PLAN = re.compile(r'^1\.\.(\d+)\s*(?:#\s*skip\S*\s*(.*))?$', re.I)
# What crash tests say of themselves (tests/crash/crash-qemu.c).
CRASH = re.compile(r'^# crash states of (.+): (\d+) distinct, (\d+) lost$', re.M)
GOOD_ENDS = ('OK', 'SKIP', 'EXPECTEDFAIL')
MAX_OUTPUT_LINES = 200


@dataclass
class Case:
    name: str
    verdict: str
    reason: str = ''
    output: list = field(default_factory=list)     # its own: the assertion stands here
    logs: list = field(default_factory=list)       # what the program said besides


def cases_of_tap(lines):
    """The cases of a TAP stream, each with the lines said since the one before; and the plan."""
    cases, said, planned, skip_all = [], [], None, None
    for line in lines:
        plan, case = PLAN.match(line), CASE.match(line)
        if plan:
            planned, skip_all = int(plan.group(1)), plan.group(2)
        elif case:
            word, _, name, directive, reason = case.groups()
            cases.append(Case(name, verdict_of(word, directive), reason or '', said + [line]))
            said = []
        else:
            said.append(line)
    return cases, planned, skip_all, said


def verdict_of(word, directive):
    directive = (directive or '').lower()
    if directive == 'skip' and word.lower() == 'ok':
        return 'skipped'
    if directive == 'todo':
        return 'failed' if word.lower() == 'ok' else 'passed'
    return 'passed' if word.lower() == 'ok' else 'failed'


def cases_of_program(test):
    """All cases of one line of testlog.json."""
    stdout = (test.get('stdout') or '').splitlines()
    rest = (test.get('stderr') or '').splitlines()
    cases, planned, skip_all, tail = cases_of_tap(stdout)
    end = test['result']
    if planned is None and not cases:
        return [case_of_end(test, end, stdout + rest)]
    if planned == 0 and end in GOOD_ENDS:
        return [Case('all', 'skipped', skip_all or 'the program gives no reason')]
    problem = ''
    if end not in GOOD_ENDS:
        problem = f'{end}, exit status {test.get("returncode")}'
    if planned is not None and len(cases) != planned:
        problem = f'{problem}; {len(cases)} of {planned} planned cases came'.lstrip('; ')
    if planned is None:
        problem = f'{problem}; no plan'.lstrip('; ')
    failed = [case for case in cases if case.verdict == 'failed']
    if failed:
        failed[-1].output += tail
        failed[-1].logs = rest
    elif problem:
        cases.append(Case(f'(the program itself: {problem})', 'failed', '', tail, rest))
    return cases


def case_of_end(test, end, output):
    """A program without TAP is one case. Silence with exit status 0 is no skip."""
    if end == 'SKIP' and test.get('returncode') == 0:
        return Case('(the program itself: ran no case)', 'failed', '', output)
    verdict = {'OK': 'passed', 'EXPECTEDFAIL': 'passed', 'SKIP': 'skipped'}.get(end, 'failed')
    reason = ' '.join(output[-1:]) if verdict == 'skipped' else ''
    return Case(f'({end}, exit status {test.get("returncode")})', verdict, reason, output)


def print_output(case):
    """Long logs never push the assertion out."""
    print_end(case.output)
    print_end(case.logs)


def print_end(lines):
    if len(lines) > MAX_OUTPUT_LINES:
        print(f'    … {len(lines) - MAX_OUTPUT_LINES} lines left out')
    for line in lines[-MAX_OUTPUT_LINES:]:
        print('    ' + line)


def print_figures(test):
    """What a benchmark has to say stands in its TAP comments (lib/tap.py)."""
    print(f'\n{test["name"]}')
    for line in (test.get('stdout') or '').splitlines():
        if line.startswith('# '):
            print('  ' + line[2:])


def crash_line(found):
    """{operation: (states, lost)} in one line; '' without crash tests."""
    if not found:
        return ''
    each = ', '.join(f'{name} {states:,}' for name, (states, _) in sorted(found.items()))
    states, lost = (sum(column) for column in zip(*found.values()))
    return f'crash states: {states:,} distinct, {lost:,} lost ({each})'


def count_crashes(test, found):
    for name, states, lost in CRASH.findall(test.get('stdout') or ''):
        before = found.get(name, (0, 0))
        found[name] = (before[0] + int(states), before[1] + int(lost))


def tests_in(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as log:
            return [json.loads(line) for line in log if line.strip()]
    except OSError as error:
        sys.exit(f'summary: no test log: {error}')


def main():
    parser = argparse.ArgumentParser(description='add up the logs of meson test')
    parser.add_argument('--figures', action='store_true', help='print the comments of each test')
    parser.add_argument('logs', nargs='+', metavar='LABEL=LOG.json')
    arguments = parser.parse_args()
    count, skipped, failed, crashes = Counter(), [], [], {}
    for label, path in (log.split('=', 1) for log in arguments.logs):
        for test in tests_in(path):
            if arguments.figures:
                print_figures(test)
            count_crashes(test, crashes)
            for case in cases_of_program(test):
                count[case.verdict] += 1
                where = f'{label}: {test["name"]}: {case.name}'
                if case.verdict == 'skipped':
                    skipped.append(f'skipped {where}: {case.reason or "no reason given"}')
                elif case.verdict == 'failed':
                    failed.append((f'FAILED {where}', case))
    print()
    print('\n'.join(skipped))
    for head, case in failed:
        print(f'\n{head}')
        print_output(case)
    if crashes:
        print(crash_line(crashes))
    print(f'{count["passed"]} passed, {count["failed"]} failed, {count["skipped"]} skipped')
    return 1 if count['failed'] or not count['passed'] else 0


if __name__ == '__main__':
    sys.exit(main())
