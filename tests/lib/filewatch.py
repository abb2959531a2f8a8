# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for what a file says, woken by the kernel (inotify) when its folder changes."""

import ctypes
import os
import select
import time

IN_MODIFY, IN_MOVED_TO, IN_CREATE, IN_DELETE = 0x2, 0x80, 0x100, 0x200
IN_CLOEXEC, IN_NONBLOCK = os.O_CLOEXEC, os.O_NONBLOCK

_libc = ctypes.CDLL(None, use_errno=True)


def _watch(folder):
    fd = _libc.inotify_init1(IN_CLOEXEC | IN_NONBLOCK)
    mask = IN_MODIFY | IN_MOVED_TO | IN_CREATE | IN_DELETE
    if fd < 0 or _libc.inotify_add_watch(fd, os.fsencode(folder), mask) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f'watching {folder}: {os.strerror(error)}')
    return fd


def wait_until(path, condition, timeout, what):
    """Call condition() now and after each change beside path until it is true; return that value.

    TimeoutError names `what` after `timeout` seconds.
    """
    fd = _watch(os.path.dirname(path))
    try:
        deadline = time.monotonic() + timeout
        while True:
            value = condition()
            if value:
                return value
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise TimeoutError(f'{what}: not within {timeout} s ({path})')
            os.read(fd, 65536)
    finally:
        os.close(fd)
