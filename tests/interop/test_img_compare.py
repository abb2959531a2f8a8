# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img compare beside qemu-img compare: verdicts, offsets, arguments, exit statuses."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

SAME = """
compare
compare plain.qcow2
compare plain.qcow2 over.qcow2 v2.qcow2
compare -f qcow2 -F qcow2 plain.qcow2 v2.qcow2
compare -f qcow2 -F raw plain.qcow2 sparse.raw
compare -f raw -F raw plain.qcow2 sparse.raw
compare -f raw plain.qcow2 sparse.raw
compare -F nope plain.qcow2 sparse.raw
compare -f nope plain.qcow2 sparse.raw
compare -f qcow2 plain.qcow2 sparse.raw
compare -F qcow2 plain.qcow2 sparse.raw
compare -q plain.qcow2 over.qcow2
compare -q plain.qcow2 v2.qcow2
compare -q plain.qcow2 nope
compare -q nope plain.qcow2
compare -s plain.qcow2 plain.qcow2
compare -s plain.qcow2 v2.qcow2
compare -s plain.qcow2 sparse.raw
compare -s plain.qcow2 over.qcow2
compare -s -q plain.qcow2 over.qcow2
compare -p plain.qcow2 v2.qcow2
compare -p -q plain.qcow2 v2.qcow2
compare plain.qcow2 short.qcow2
compare short.qcow2 plain.qcow2
compare -s short.qcow2 plain.qcow2
compare -T none plain.qcow2 v2.qcow2
compare -T writeback plain.qcow2 v2.qcow2
compare -T foo plain.qcow2 v2.qcow2
compare -T off plain.qcow2 v2.qcow2
compare -T unsafe plain.qcow2 v2.qcow2
compare -T writethrough plain.qcow2 v2.qcow2
compare -T directsync plain.qcow2 v2.qcow2
compare -U plain.qcow2 v2.qcow2
compare --image-opts driver=qcow2,file.filename=plain.qcow2 driver=qcow2,file.filename=v2.qcow2
compare --image-opts driver=qcow2,file.filename=plain.qcow2 v2.qcow2
compare --image-opts -F qcow2 driver=qcow2,file.filename=plain.qcow2 driver=qcow2,file.filename=v2.qcow2
compare -z a b
"""


class Compare(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.stock = img.Stock(self)

    def same_outcome(self, *words):
        """All but the percentages on the way to a difference, which need not be met in order."""
        their, our = self.both(*words)
        shown = [img.PERCENT.sub(b"", answer.stdout) for answer in (our, their)]
        self.assertEqual((our.status, shown[0], our.stderr),
                         (their.status, shown[1], their.stderr))

    def test_every_image(self):
        """With one that differs, with one that does not, and with itself."""
        strange = {"luks.qcow2", "aes.qcow2", "loop.qcow2"}
        for name in sorted(set(self.stock.NAMES + self.stock.BROKEN) - strange):
            with self.subTest(image=name):
                self.assert_same("compare", "plain.qcow2", name)
                self.assert_same("compare", name, name)
                self.same_outcome("compare", "-p", name, "over.qcow2")
                if name != "dirty.qcow2":
                    self.assert_same("compare", "-s", name, "plain.qcow2")

    def test_arguments(self):
        for line in SAME.strip().splitlines():
            with self.subTest(line=line):
                self.assert_same(*line.split())

    def test_a_difference_in_each_place(self):
        """The first sector that differs is named: at the ends, at borders, in holes and zeros."""
        self.create("a.qcow2", "6M", writes=["write -P 1 1M 3M"])
        for offset in (0, 511, 512, 65535, 65536, 1048575, 1048576, 2097151, 3 << 20, 4194304 - 1,
                       4 << 20, (6 << 20) - 1):
            with self.subTest(offset=offset):
                self.qemu("convert", "-O", "qcow2", "a.qcow2", "b.qcow2")
                self.io(f"write -P 9 {offset} 1", name="b.qcow2")
                our = self.assert_same("compare", "a.qcow2", "b.qcow2")
                self.assertEqual(our.status, 1)
                self.assertEqual(our.stdout.decode(),
                                 f"Content mismatch at offset {offset // 512 * 512}!\n")

    def test_a_place_that_cannot_be_read(self):
        """Exit status 4, as QEMU has it, and no verdict."""
        self.create("hurt.qcow2", writes=["write -P 1 0 1M"])
        self.qemu("convert", "-c", "-O", "qcow2", "hurt.qcow2", "packed.qcow2")
        with open(self.path("packed.qcow2"), "rb") as file:
            data = file.read()
        self.poke("packed.qcow2", 5 << 16, bytes(len(data) - (5 << 16)))
        their, our = self.both("compare", "hurt.qcow2", "packed.qcow2")
        self.assertEqual((our.status, our.stdout), (4, b""))
        self.assertEqual(their.status, 4)

    def test_differences(self):
        no_key = "we have no keys: encrypted content cannot be read"
        for name in ("luks.qcow2", "aes.qcow2"):
            their, our = self.both("compare", "plain.qcow2", name)
            self.assertNotEqual(our.status, 0, no_key)
            self.assertNotEqual(their.status, 0)
        self.assert_differs("a loop is named, not followed until the stack ends", "compare",
                            "loop.qcow2", "plain.qcow2", status=2, stderr="loop")
        our = self.assert_differs("QEMU also compares whether a hole is the last, so it names the "
                                  "hole's start; the first place where allocation differs is later",
                                  "compare", "-s", "dirty.qcow2", "plain.qcow2")
        self.assertEqual(our.stdout, b"Strict mode: Offset 1048576 block status mismatch!\n")


if __name__ == "__main__":
    unittest.main()
