# SPDX-License-Identifier: LGPL-2.1-or-later
"""create, convert and dd from and to block devices: sinter-img beside qemu-img, on loop devices."""

import os
import random
import unittest

from img import ours
from twin import TwinCase

MIB = 1 << 20


DEVICES = [os.environ.get(f"SINTER_TEST_LOOP_{i}") for i in (1, 2)]


@unittest.skipUnless(all(DEVICES), "no loop devices: SINTER_TEST_LOOP_1 and _2")
class Devices(TwinCase):
    """Each program has a device of its own, full of old content, under the name "device"."""

    def make(self, folder):
        self.qemu("create", "-q", "-f", "qcow2", "disk.qcow2", "8M", folder=folder)
        self.io("write -P 7 1M 300k", "write -z 3M 128k", "write -P 9 5M 64k", "write -P 0 6M 1M",
                name="disk.qcow2", folder=folder)

    def setUp(self):
        super().setUp()
        for folder, device in zip((self.theirs, self.ours), DEVICES):
            with open(device, "r+b") as file:
                file.write(random.Random(3).randbytes(12 * MIB))
            os.symlink(device, os.path.join(folder, "device"))

    def check_alike(self, image_format):
        self.assert_alike("device", image_format)
        self.assertIn(b"identical", self.qemu("compare", "disk.qcow2", "device", "-F",
                                              image_format, folder=self.ours))

    def test_to_device(self):
        for words in ([], ["-c"], ["-o", "cluster_size=4k"], ["-o", "preallocation=metadata"],
                      ["-W", "-m", "3"], ["-S", "0"], ["-t", "none"]):
            with self.subTest(words=words):
                self.assert_same("convert", "-O", "qcow2", *words, "disk.qcow2", "device")
                self.check_alike("qcow2")

    def test_raw_to_device(self):
        for words in ([], ["-n"], ["-W"], ["-t", "none"], ["-S", "0"]):
            with self.subTest(words=words):
                self.assert_same("convert", "-O", "raw", *words, "disk.qcow2", "device")
                content = []
                for folder in (self.theirs, self.ours):
                    with open(os.path.join(folder, "device"), "rb") as device:
                        content.append(device.read())
                # what is behind the disk is not touched by either
                self.assertTrue(content[0] == content[1], "devices differ")
                self.assertEqual(content[1][8 * MIB:], random.Random(3).randbytes(12 * MIB)[8 * MIB:])

    def test_existing_on_device(self):
        self.assert_same("create", "-f", "qcow2", "device", "8M", target="device")
        for words in ([], ["--target-is-zero"]):
            self.assert_same("convert", "-n", "-O", "qcow2", *words, "disk.qcow2", "device")
            self.check_alike("qcow2")

    def test_from_device(self):
        self.assert_same("convert", "-f", "raw", "-O", "qcow2", "device", "new", target="new")
        self.assert_same("convert", "-f", "raw", "-O", "qcow2", "-c", "device", "new",
                         target="new")
        self.assert_same("dd", "-f", "raw", "-O", "raw", "bs=1M", "count=3", "if=device", "of=new")
        self.assert_alike("new", "raw")

    def test_create(self):
        for words in (["-f", "qcow2", "device", "4M"], ["-f", "qcow2", "device", "40M"],
                      ["-f", "qcow2", "-o", "preallocation=metadata", "device", "8M"],
                      ["-f", "qcow2", "-b", "disk.qcow2", "-F", "qcow2", "-u", "device", "8M"]):
            with self.subTest(words=words):
                self.assert_same("create", *words)
                self.assertEqual(*[self.info("device", folder, "qcow2")
                                   for folder in (self.theirs, self.ours)])
                self.qemu("check", "-f", "qcow2", "device", folder=self.ours)

    def test_too_small(self):
        self.assert_same("create", "-f", "raw", "device", "40M")
        self.qemu("create", "-q", "-f", "qcow2", "large", "40M", folder=self.theirs)
        self.qemu("create", "-q", "-f", "qcow2", "large", "40M", folder=self.ours)
        self.assert_same("convert", "-O", "raw", "large", "device")
        self.assert_same("convert", "-n", "-O", "raw", "large", "device")

    def bitmaps(self, name):
        told = self.info(name, self.ours, "qcow2")["format-specific"]["data"].get("bitmaps", [])
        return {one["name"]: one["flags"] for one in told}

    def test_bitmaps_of_a_commit_that_fails(self):
        """The device is too small for what is committed: the base's bitmaps are kept, nothing
        leaks."""
        for n_bitmaps in (1, 10):
            with self.subTest(n_bitmaps=n_bitmaps):
                self.qemu("create", "-q", "-f", "qcow2", "device", "32M", folder=self.ours)
                self.io("write -P 1 0 4M", name="device", folder=self.ours)
                for i in range(n_bitmaps):
                    self.qemu("bitmap", "--add", "-f", "qcow2", "device", f"b{i}", folder=self.ours)
                self.qemu("create", "-q", "-f", "qcow2", "-b", "device", "-F", "qcow2", "top.qcow2",
                          folder=self.ours)
                self.io("write -P 7 8M 16M", name="top.qcow2", folder=self.ours)
                done = ours("commit", "top.qcow2", folder=self.ours)
                self.assertEqual(done.status, 1, done)
                self.assertIn(b"No space left on device", done.stderr)
                self.assertEqual(self.bitmaps("device"),
                                 {f"b{i}": ["auto"] for i in range(n_bitmaps)})
                self.qemu("check", "-f", "qcow2", "device", folder=self.ours)

    def test_lost_bitmap_is_told(self):
        """One that an earlier command left marked as in use, by a failure or a kill."""
        self.qemu("create", "-q", "-f", "qcow2", "base.qcow2", "8M", folder=self.ours)
        self.qemu("bitmap", "--add", "base.qcow2", "lost", folder=self.ours)
        path = os.path.join(self.ours, "base.qcow2")
        with open(path, "r+b") as file:
            image = file.read()
            entry = image.rindex(b"lost") - 24
            file.seek(entry + 12)
            file.write((3).to_bytes(4, "big"))
        self.qemu("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "top.qcow2",
                  folder=self.ours)
        done = ours("commit", "top.qcow2", folder=self.ours)
        self.assertEqual(done.status, 0, done)
        self.assertRegex(done.stderr.decode(), "warning: the bitmap 'lost' of .*base.qcow2' was not")

    def refused(self, *args):
        """It says that the device is too small, and neither image nor device changes."""
        names = [name for name in os.listdir(self.ours) if name.endswith("qcow2")] + ["device"]
        before = {name: self.bytes_of(name) for name in names}
        done = ours(*args, folder=self.ours)
        self.assertEqual(done.status, 1, f"{args}: {done}")
        self.assertRegex(done.stderr.decode(), "is a device.* and (the disk has|too small)")
        for name, content in before.items():
            self.assertTrue(self.bytes_of(name) == content, f"{args}: {name}")

    def bytes_of(self, name):
        with open(os.path.join(self.ours, name), "rb") as file:
            return file.read()

    def test_data_file_too_small(self):
        """A disk is not larger than the device that its data lies on, however it comes to its size."""
        for raw in ("on", "off"):
            options = f"data_file=device,data_file_raw={raw}"
            new = ["-o", options, "data.qcow2"]
            with self.subTest(raw=raw):
                self.qemu("create", "-q", "-f", "qcow2", *new, "12M", folder=self.ours)
                self.qemu("create", "-q", "-f", "qcow2", "-b", "data.qcow2", "-F", "qcow2",
                          "top.qcow2", "24M", folder=self.ours)
                self.io("write -P 4 1M 64k", "write -P 5 20M 64k", name="top.qcow2",
                        folder=self.ours)
                self.qemu("create", "-q", "-f", "qcow2", "large.qcow2", "40M", folder=self.ours)
                for words in (["resize", "data.qcow2", "24M"],
                              ["resize", "--preallocation=falloc", "data.qcow2", "24M"],
                              ["commit", "top.qcow2"], ["merge", "--down", "top.qcow2"],
                              ["create", "-f", "qcow2", "-o", options, "new", "24M"],
                              ["convert", "-O", "qcow2", "-o", options, "large.qcow2", "new"]):
                    self.refused(*words)
                # as large as the device is fine
                done = ours("resize", "--shrink", "data.qcow2", "8M", folder=self.ours)
                self.assertEqual(done.status, 0, done)
                done = ours("resize", "data.qcow2", "12M", folder=self.ours)
                self.assertEqual(done.status, 0, done)


if __name__ == "__main__":
    unittest.main()
