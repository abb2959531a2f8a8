# SPDX-License-Identifier: LGPL-2.1-or-later
"""A small file system of its own, to run out of room on for real.

A tmpfs, mounted inside the test program's namespace (see namespace.py), so an
ordinary user can have one and nobody outside sees it.
"""

import os
import subprocess
import unittest

from . import namespace


class SmallFilesystem:
    """path is its folder; unmount() is harmless when done twice."""

    def __init__(self, path, size_bytes):
        if not namespace.inside():
            raise unittest.SkipTest(namespace.why_not() or
                                    'the test does not run in a mount namespace (--mounts)')
        self.path = path
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'mode=0700,size={size_bytes}', 'tmpfs',
                        path], check=True)
        self.mounted = True

    def resize(self, size_bytes):
        subprocess.run(['mount', '-o', f'remount,size={size_bytes}', self.path], check=True)

    def free_bytes(self):
        figures = os.statvfs(self.path)
        return figures.f_bavail * figures.f_frsize

    def unmount(self):
        """Lazily: a program that still has a file open there keeps it, the path is free."""
        if self.mounted:
            subprocess.run(['umount', '--lazy', self.path], check=True)
            self.mounted = False
