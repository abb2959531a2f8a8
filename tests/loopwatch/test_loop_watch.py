# SPDX-License-Identifier: LGPL-2.1-or-later
"""The watch of the main loop sees what blocks, and nothing else."""

import os
import subprocess
import tempfile
import unittest

from lib import loopwatch
from lib.sources import TOP

BUILD = os.environ.get('SINTER_BUILD_DIR', os.path.join(TOP, 'build'))
PROBE = os.path.join(BUILD, 'tests', 'loopwatch', 'loop-watch-probe')

# What a call prints without the watch, and names that a report of it must hold.
CALLS = {
    'fsync': ('0', ['call: open', 'call: fsync']),
    'stat': ('0', ['loop-watch-probe']),
    'unlink': ('2', ['call: unlink /nonexistent/file']),
    'read-file': ('0', ['call: open', 'call: read']),
    'gio': ('0', ['loop-watch-probe']),
    'libvirt': ('0', ['call: virConnectOpen', 'call: virConnectIsAlive', 'call: virConnectClose']),
    'pipe': ('0', []),
}


class LoopWatchTest(unittest.TestCase):
    def probe(self, when, what):
        with tempfile.TemporaryDirectory() as folder:
            watch = loopwatch.LoopWatch(folder)
            done = subprocess.run([PROBE, when, what], check=True, capture_output=True, text=True,
                                  env={**os.environ, **watch.env(), 'SINTER_LOOP_WATCH_ANY': '1'})
            self.assertEqual(done.stdout.strip(), CALLS[what][0])
            return watch.report()

    def test_calls_in_the_loop(self):
        for what, (_, expected) in CALLS.items():
            with self.subTest(what):
                report = self.probe('loop', what)
                for text in expected:
                    self.assertIn(text, report)
                self.assertEqual(bool(report), bool(expected))

    def test_a_report_names_the_function(self):
        self.assertIn('do_unlink', self.probe('loop', 'unlink'))

    def test_calls_before_the_loop_and_in_threads(self):
        for what in CALLS:
            for when in 'before', 'thread':
                with self.subTest(what=what, when=when):
                    self.assertEqual(self.probe(when, what), '')

    def test_other_programs_are_not_watched(self):
        with tempfile.TemporaryDirectory() as folder:
            watch = loopwatch.LoopWatch(folder)
            subprocess.run([PROBE, 'loop', 'unlink'], check=True, stdout=subprocess.DEVNULL,
                           env={**os.environ, **watch.env()})
            self.assertEqual(watch.report(), '')


if __name__ == '__main__':
    unittest.main()
