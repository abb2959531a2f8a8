# SPDX-License-Identifier: LGPL-2.1-or-later
"""A user and mount namespace in which an ordinary user may mount.

The whole test program moves into it (by executing itself once more through
unshare), so the test, its private libvirtd, QEMU and sinterd all see the same
mounts and nobody else does. User and group stay what they are. The right to
mount is kept in the ambient set, which programs started later would inherit;
drop_privileges() is for them.
"""

import ctypes
import functools
import os
import shutil
import subprocess
import sys

MARK = 'SINTER_TEST_NAMESPACE'
UNSHARE = ['unshare', '--user', '--map-current-user', '--mount', '--keep-caps',
           '--propagation', 'private']
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


def inside():
    return os.environ.get(MARK) == str(os.getuid())


@functools.lru_cache(maxsize=None)
def why_not():
    """'' when a namespace can be had here, else what stands in the way."""
    if not shutil.which('unshare'):
        return 'the unshare command is not installed'
    probe = subprocess.run(UNSHARE + ['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', '/mnt'],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if probe.returncode == 0:
        return ''
    return 'no user namespace with mounts: ' + ' '.join(probe.stderr.split())


def enter():
    """Execute this program again inside a namespace; stay outside where none can be had."""
    if inside() or why_not():
        return
    os.environ[MARK] = str(os.getuid())
    os.execvp(UNSHARE[0], UNSHARE + [sys.executable] + sys.argv)


def drop_privileges():
    """For a child before exec: without the ambient set it is an ordinary program again."""
    ctypes.CDLL(None).prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
