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
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000


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


def become_root(others):
    """Move this program, which must have one thread and may become others, into user and mount
    namespaces where its user is root; of all others only these are somebody there."""
    libc = ctypes.CDLL(None, use_errno=True)
    ready_read, ready_write = os.pipe()
    done_read, done_write = os.pipe()
    us, user, group = os.getpid(), os.getuid(), os.getgid()
    child = os.fork()
    if child == 0:                                      # stays outside, where the others are known
        os.close(ready_write)
        os.read(ready_read, 1)
        for kind, own in (('uid', user), ('gid', group)):
            with open(f'/proc/{us}/{kind}_map', 'w', encoding='ascii') as file:
                file.write('\n'.join([f'0 {own} 1'] + [f'{other} {other} 1' for other in others]))
        os.write(done_write, b'.')
        os._exit(0)
    os.close(done_write)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), 'unshare')
    os.write(ready_write, b'.')
    if os.read(done_read, 1) != b'.' or os.getuid() != 0:
        raise RuntimeError('the users of the new namespace could not be set')
    for fd in (ready_read, ready_write, done_read):
        os.close(fd)
    os.waitpid(child, 0)


def plain(argv):
    """The command for a child that is an ordinary program, and ends when this one is killed."""
    return ['setpriv', '--pdeathsig=KILL'] + DROP + ['--'] + list(argv)
