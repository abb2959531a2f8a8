# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-worker as the host sees it: a child of sinterd."""

import contextlib
import os


def pid_or_none(sinterd_pid):
    """The one child of sinterd; None while there is none."""
    tasks = f'/proc/{sinterd_pid}/task'
    children = set()
    for task in os.listdir(tasks):
        with contextlib.suppress(OSError):      # a thread that has just ended
            with open(f'{tasks}/{task}/children', encoding='ascii') as file:
                children.update(map(int, file.read().split()))
    if not children:
        return None
    pid, = children
    with contextlib.suppress(OSError):
        with open(f'/proc/{pid}/comm', encoding='ascii') as file:
            return pid if file.read().strip() == 'sinter-worker' else None
    return None


def status(pid):
    """What /proc says of its rights: names to words."""
    with open(f'/proc/{pid}/status', encoding='ascii') as file:
        lines = [line.rstrip('\n').partition(':') for line in file]
    return {name: value.split() for name, _colon, value in lines}


def capabilities(pid):
    """All that it has or could give to others, as one mask."""
    now, mask = status(pid), 0
    for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
        mask |= int(now[name][0], 16)
    return mask
