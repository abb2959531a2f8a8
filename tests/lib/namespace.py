# SPDX-License-Identifier: LGPL-2.1-or-later
"""The room that a test program lives in: with mounts of its own, and left empty at the end.

enter() moves the program (by executing it once more through unshare) into
user, mount and process namespaces in which an ordinary user may mount: the
test, its private libvirtd, QEMU and sinterd see the same mounts and nobody
else does, and the kernel ends all of them with the program, however it ends.
User and group stay what they are. The right to mount is kept in the ambient
set, which programs started later would inherit: plain() takes it from them.
Where the host allows no such namespaces the program stays outside.

Then the program parts in two: a parent that does nothing but reap, and a child
that goes on. Daemons that fork away are the parent's to reap, at once: libvirt
takes a QEMU that nobody reaps for one that does not die.
"""

import ctypes
import functools
import os
import shutil
import signal
import subprocess
import sys

MARK = 'SINTER_TEST_NAMESPACE'
UNSHARE = ['unshare', '--user', '--map-current-user', '--keep-caps', '--mount',
           '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc']
DROP = ['--ambient-caps=-all', '--inh-caps=-all']
PR_SET_CHILD_SUBREAPER = 36
CAP_SETGID, CAP_SETUID = 6, 7


def inside():
    return MARK in os.environ


@functools.lru_cache(maxsize=None)
def why_not():
    """'' when a namespace can be had here, else what stands in the way."""
    if not shutil.which('unshare'):
        return 'the unshare command is not installed'
    probe = subprocess.run(UNSHARE + ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt'],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if probe.returncode == 0:
        return ''
    return 'no user namespace with mounts: ' + ' '.join(probe.stderr.split())


def enter():
    """Return in the child, in its room. The parent ends with the child's status.

    SIGTERM, as at a time limit, becomes KeyboardInterrupt there: exit handlers tidy up.
    """
    if not inside() and not why_not():
        os.environ[MARK] = '1'
        os.execvp(UNSHARE[0], UNSHARE + [sys.executable] + sys.argv)
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if child:
        os._exit(_reap_until(child))
    signal.signal(signal.SIGTERM, _interrupted)


def _interrupted(_number, _frame):
    raise KeyboardInterrupt


def _reap_until(child):
    """Reap everybody; when the child has ended, end what is left of its daemons."""
    signal.signal(signal.SIGTERM, lambda number, frame: os.kill(child, number))
    signal.signal(signal.SIGINT, signal.SIG_IGN)        # a terminal tells the child itself
    ended = 0
    while ended != child:
        ended, status = os.wait()
    for pid in _children():
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _children():
    try:
        with open('/proc/thread-self/children', encoding='ascii') as file:
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:                           # a kernel without that list
        return []


def may_become_others():
    """Whether a child may be started as another user."""
    with open('/proc/self/status', encoding='ascii') as file:
        mask = next(int(line.split()[1], 16) for line in file if line.startswith('CapEff:'))
    return mask >> CAP_SETUID & 1 == 1 and mask >> CAP_SETGID & 1 == 1


def plain(argv):
    """The command for a child that is an ordinary program, and ends when this one is killed."""
    return ['setpriv', '--pdeathsig=KILL'] + DROP + ['--'] + list(argv)
