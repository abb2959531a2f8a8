# SPDX-License-Identifier: LGPL-2.1-or-later
"""A file system that can be stopped: a FUSE server of the tests' own (tests/live/stuck-fs.c)."""

import os
import signal
import subprocess
import unittest

from . import namespace


class StuckFs:
    """path is where it is mounted, folder what it shows. stop() leaves every access waiting."""

    def __init__(self, program, folder, path):
        if not namespace.inside():
            raise unittest.SkipTest(namespace.why_not() or
                                    'the test does not run in a mount namespace (--mounts)')
        device = os.environ.get('SINTER_TEST_FUSE', '/dev/fuse')
        if not os.access(device, os.R_OK | os.W_OK):
            raise unittest.SkipTest(f'{device} may not be opened')
        self.folder, self.path = folder, path
        self.process = subprocess.Popen([program, folder, path], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != 'mounted\n':
            raise unittest.SkipTest('FUSE cannot be mounted')
        os.stat(path)       # only then the kernel knows whose folder it is, and lets files be made

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def unmount(self):
        """Whoever waits gets an error; harmless when done twice."""
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        subprocess.run(['umount', '-l', self.path], check=False, capture_output=True)
