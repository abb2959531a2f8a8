# SPDX-License-Identifier: LGPL-2.1-or-later
"""A watch of sinterd's main loop: a library, preloaded, that reports what may block it.

See tests/loopwatch/loop-watch.c. Builds with sanitizers have none: then nothing is watched.
"""

import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('SINTER_BUILD_DIR', os.path.join(TOP, 'build'))
LIBRARY = os.path.join(BUILD, 'tests', 'loopwatch', 'libloop-watch.so')
FRAME = re.compile(r'^(?P<file>[^()]+)\((?P<symbol>[^+)]*)\+?(?P<offset>0x[0-9a-f]+)?\)')


class MainLoopBlocked(AssertionError):
    """sinterd made a call in its main loop that may block."""

    def __init__(self, report):
        super().__init__('calls in the main loop that may block:\n' + report)


class LoopWatch:
    def __init__(self, folder):
        self.path = os.path.join(folder, 'loop-watch.log')

    def env(self):
        """What the daemon's environment needs beside its own."""
        if not os.path.exists(LIBRARY):
            return {}
        return {'LD_PRELOAD': LIBRARY, 'SINTER_LOOP_WATCH': self.path}

    def report(self):
        """Each call with the functions that led to it, once; empty when there was none."""
        try:
            with open(self.path, encoding='utf-8', errors='replace') as file:
                calls = file.read().split('call: ')[1:]
        except FileNotFoundError:
            return ''
        return with_names('\n'.join('call: ' + call.rstrip() for call in dict.fromkeys(calls)))

    def check(self):
        report = self.report()
        if report:
            raise MainLoopBlocked(report)


def with_names(report):
    """Backtraces with the names of functions that a program does not export."""
    lines = report.split('\n')
    frames = [FRAME.match(line) for line in lines]
    for file in {frame['file'] for frame in frames if frame}:
        at = [i for i, frame in enumerate(frames)
              if frame and frame['file'] == file and frame['offset'] and not frame['symbol']]
        for i, name in zip(at, names_of(file, [frames[i]['offset'] for i in at])):
            lines[i] = f'{os.path.basename(file)}: {name}'
    return '\n'.join(lines)


def names_of(file, offsets):
    """The function and the line at each offset; none where addr2line is not installed."""
    if not offsets:
        return []
    try:
        out = subprocess.run(['addr2line', '-f', '-s', '-e', file, *offsets], capture_output=True,
                             text=True, check=False).stdout.split('\n')
    except FileNotFoundError:
        return []
    return [f'{name} ({line})' for name, line in zip(out[::2], out[1::2])]
