# SPDX-License-Identifier: LGPL-2.1-or-later
"""Image locks: what QEMU holds keeps us out, what we hold keeps QEMU out, and both say who."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402


@unittest.skipUnless(qemu.QEMU_IMG and qemu.QEMU_IO, "lacks qemu-img and qemu-io")
class Locks(unittest.TestCase):
    def setUp(self):
        self.folder = qemu.Folder().__enter__()
        self.addCleanup(self.folder.__exit__)
        self.image = self.folder.file("a.qcow2")
        qemu.qemu_img("create", "-q", "-f", "qcow2", self.image, "1M")

    def held_by_qemu(self, *options):
        """A qemu-io that has the image open and waits for commands."""
        holder = subprocess.Popen([qemu.QEMU_IO, *options, self.image], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.stdin.close)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.read(8), b"qemu-io>")
        return holder

    def test_qemu_writes(self):
        holder = self.held_by_qemu()
        done = qemu.engine("map", self.image, "qcow2", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"process {holder.pid} (qemu-io)".encode(), done.stderr)
        self.assertIn(b'Failed to get shared "write" lock', done.stderr)
        # to ask what the image says of itself needs no lock
        qemu.engine("info", self.image, "qcow2")

    def test_qemu_reads(self):
        self.held_by_qemu("-r")
        qemu.engine("map", self.image, "qcow2")

    def test_force_share(self):
        self.held_by_qemu("-U", "-r")
        qemu.engine("map", self.image, "qcow2")

    def test_we_read(self):
        # a reader that waits: its standard output is a pipe that nobody empties
        qemu.qemu_io(self.image, "write -P 1 0 1M")
        holder = subprocess.Popen([qemu.ENGINE_TOOL, "cat", self.image, "qcow2"],
                                  stdout=subprocess.PIPE)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.read(1), b"\1")
        qemu.qemu_img("info", self.image)
        qemu.qemu_img("map", self.image)
        done = qemu.run(qemu.QEMU_IMG, "resize", self.image, "2M", check=False)
        self.assertIn(b'Failed to get "write" lock', done.stderr)


if __name__ == "__main__":
    unittest.main()
