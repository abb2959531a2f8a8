# SPDX-License-Identifier: LGPL-2.1-or-later
"""The named points of sinterd's jobs (common/sinter-point.h): their names, and a sinterd that stops
at one of them. tests/live/crash-points.c, preloaded, does the stopping.

A visit is "NAME NUMBER": the NUMBER-th time that a job of this sinterd comes to the point.
"""

import os
import re
import select

from .bench import BUILD, TOP

LIBRARY = os.path.join(BUILD, 'tests', 'live', 'libcrash-points.so')
POINT = re.compile(r'\bSINTER_POINT\("([^"]*)"\)')


def names():
    """All points in the sources, as often as they stand there."""
    found = []
    for root in ('common', 'daemon'):
        for folder, _folders, files in os.walk(os.path.join(TOP, root)):
            for name in sorted(files):
                if name.endswith('.c'):
                    with open(os.path.join(folder, name), encoding='utf-8') as file:
                        found += POINT.findall(file.read())
    return sorted(found)


class CrashPoints:
    """sinterd's thread waits at the point until go() or until it is killed."""

    def __init__(self, bench):
        self.folder = bench.folder('points')
        for name in ('reached', 'go'):
            os.mkfifo(self.path(name))
        self.reached_fd = os.open(self.path('reached'), os.O_RDWR | os.O_NONBLOCK)

    def close(self):
        os.close(self.reached_fd)

    def path(self, name):
        return os.path.join(self.folder, name)

    def preload(self, service):
        service.env = {**service.env, 'LD_PRELOAD': LIBRARY, 'SINTER_POINTS': self.folder}

    def arm(self, visit):
        """For the next sinterd: it stops at this visit; at none for ''."""
        for name in ('visits', 'stop'):
            with open(self.path(name), 'w', encoding='ascii') as file:
                file.write(visit + '\n' if name == 'stop' and visit else '')
        while select.select([self.reached_fd], [], [], 0)[0]:
            os.read(self.reached_fd, 1)

    def visits(self):
        with open(self.path('visits'), encoding='ascii') as file:
            return file.read().splitlines()

    def wait(self, is_over, timeout=120):
        """Until it stops there: True; False when the job is over before."""
        for _ in range(timeout * 4):
            if select.select([self.reached_fd], [], [], 0.25)[0]:
                return True
            if is_over():
                return bool(select.select([self.reached_fd], [], [], 0)[0])
        raise AssertionError(f'the point is not reached within {timeout} s')

    def go(self):
        """Let the thread go on, if it still waits."""
        os.close(os.open(self.path('go'), os.O_WRONLY))
