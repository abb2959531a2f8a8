# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirtd dies by SIGKILL at writes of a domain's state in a consolidation: no job is stuck.

strace sends the signal: libvirt renames the state of a running domain into place, so "the second
rename" is a place in the life of the block job, met exactly.
"""

import subprocess
import unittest

from lib import namespace
from lib.sintercase import SinterCase

RENAMES = 'rename,renameat,renameat2'

# Before and after the block job is noted, and when its end is. (At the third, which is in the pivot,
# libvirt 9.0 ends QEMU when it is started again.)
PLACES = (1, 2, 4)


class LibvirtdDies(SinterCase):
    def let_die(self, n):
        """libvirtd, which from now on dies at its n-th rename."""
        tracer = subprocess.Popen(
            namespace.plain(['strace', '-f', '-o', '/dev/null', '-e', f'trace={RENAMES}',
                             '-e', f'inject={RENAMES}:signal=KILL:when={n}',
                             '-p', str(self.bench.libvirtd.pid)]),
            env=self.bench.env, stderr=subprocess.PIPE, text=True)
        self.addCleanup(tracer.stderr.close)
        while 'attached' not in (line := tracer.stderr.readline()):
            self.assertTrue(line, 'strace did not attach')
        return tracer

    def check(self, n):
        guest = self.guest(f'dies-{n}').start()
        guest.grow(2)
        before = self.paths(guest)
        tracer = self.let_die(n)
        job, = self.sinter.consolidate(guest.name)
        self.bench.libvirtd.wait()
        tracer.communicate()
        self.bench.disconnect()
        self.bench.libvirtd.start()
        end = job.wait(60)
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assertEqual(self.paths(guest), before[-1:])
        self.assert_whole(guest)

    def test_at_writes_of_the_domain(self):
        for n in PLACES:
            with self.subTest(n=n):
                self.check(n)


if __name__ == '__main__':
    unittest.main()
