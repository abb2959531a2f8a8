# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that could lose data or change what a guest reads, on images as people have them."""

import os
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from img import KIB, MIB, ImgCase, ours  # noqa: E402


class SafetyCase(ImgCase):
    def ours(self, *args, status=0, stderr=""):
        done = ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, f"{args}: {done}")
        if stderr:
            self.assertRegex(done.stderr.decode(), stderr)
        return done

    def keep(self, *names):
        for name in names:
            shutil.copy(self.path(name), self.path("kept." + name))

    def assert_kept(self, *names):
        """Byte for byte as they were."""
        for name in names:
            self.assertTrue(self.content(name) == self.content("kept." + name), name)

    def reads(self, name, image_format="qcow2"):
        self.qemu("convert", "-f", image_format, "-O", "raw", name, "read.raw")
        return self.content("read.raw")


class RebaseOfStandalone(SafetyCase):
    """An image without a backing file gets one: what it never wrote are zeros all the same."""

    SIZE = 384 * KIB

    def rebase(self, options, new_format="qcow2", new_size=SIZE):
        self.create("disk.qcow2", str(self.SIZE), options, writes=["write -P 7 64k 64k"])
        content = self.reads("disk.qcow2")
        self.qemu("create", "-q", "-f", new_format, "new", str(new_size))
        self.io(f"write -P 9 0 {new_size}", name="new")
        self.ours("rebase", "-b", "new", "-F", new_format, "disk.qcow2")
        self.assertTrue(self.reads("disk.qcow2") == content, options)
        self.qemu("check", "disk.qcow2")

    def test_every_kind(self):
        for bits in (9, 12, 14, 16, 18, 21):
            for more in ("", ",extended_l2=on", ",compat=0.10", ",preallocation=metadata"):
                if "extended" in more and bits < 14:
                    continue
                with self.subTest(bits=bits, more=more):
                    self.rebase(f"cluster_size={1 << bits}{more}")

    def test_data_file(self):
        self.rebase("data_file=disk.data")

    def test_another_size(self):
        for size in (100 * KIB, 1 * MIB):
            for image_format in ("raw", "qcow2"):
                with self.subTest(size=size, image_format=image_format):
                    self.rebase("", image_format, size)

    def test_costs_no_more_than_the_new_one_holds(self):
        """Zeros are stored for what the new backing file holds, not for all of a large disk."""
        self.create("disk.qcow2", "4T", writes=["write -P 7 1T 64k"])
        self.create("new.qcow2", "4T", writes=["write -P 9 2T 64k"])
        self.ours("rebase", "-b", "new.qcow2", "-F", "qcow2", "disk.qcow2")
        self.assertLess(os.path.getsize(self.path("disk.qcow2")), 4 * MIB)
        self.io("read -P 0 2T 64k", "read -P 7 1T 64k", name="disk.qcow2")


if __name__ == "__main__":
    unittest.main()
