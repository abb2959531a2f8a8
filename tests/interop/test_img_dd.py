# SPDX-License-Identifier: LGPL-2.1-or-later
"""dd: sinter-img beside qemu-img."""

import os
import random
import unittest

from img import SEED
from twin import TwinCase


class Dd(TwinCase):
    def make(self, folder):
        self.qemu("create", "-q", "-f", "qcow2", "base.qcow2", "5M", folder=folder)
        self.io("write -P 7 1M 1M", "write -P 8 3000k 777k", name="base.qcow2", folder=folder)
        self.qemu("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "in.qcow2",
                  folder=folder)
        self.io("write -P 9 1500k 1M", "write -z 3M 64k", name="in.qcow2", folder=folder)
        with open(os.path.join(folder, "in.raw"), "wb") as file:
            file.write(bytes(range(256)) * 20 + b"end")

    def copy(self, *words, image_format="raw"):
        self.assert_same("dd", *words, "of=out")
        self.assert_alike("out", image_format)
        if image_format == "raw":
            sizes = [os.stat(os.path.join(folder, "out")).st_size
                     for folder in (self.theirs, self.ours)]
            self.assertEqual(*sizes)

    def test_parts(self):
        for words in ([], ["bs=1M"], ["bs=1M", "count=2"], ["bs=1M", "skip=1"], ["count=0"],
                      ["bs=64k", "count=1k"], ["bs=1k", "count=1k", "skip=0"], ["bs=1000"],
                      ["bs=1000", "count=3"], ["bs=2M", "skip=1"], ["bs=1", "count=5"],
                      ["bs=5M", "skip=1"], ["bs=3M", "skip=1"], ["bs=12345", "skip=17"],
                      ["bs=1M", "skip=6"], ["bs=1M", "count=1", "count=2"]):
            for source in ("in.qcow2", "in.raw"):
                with self.subTest(words=words, source=source):
                    self.copy(f"if={source}", *words)

    def test_qcow2(self):
        for words in ([], ["bs=1M", "count=2"], ["bs=1M", "skip=1"], ["bs=1000", "count=3"],
                      ["bs=1M", "skip=6"], ["bs=12345", "skip=17"]):
            with self.subTest(words=words):
                self.copy("-O", "qcow2", "if=in.qcow2", *words, image_format="qcow2")

    def test_options(self):
        self.copy("-f", "qcow2", "if=in.qcow2")
        self.copy("-f", "raw", "if=in.qcow2")
        self.copy("-U", "if=in.qcow2", "bs=1M")
        self.copy("--image-opts", "if=driver=qcow2,file.filename=in.qcow2")
        self.copy("if=in.raw", "if=in.qcow2")

    def test_errors(self):
        for words in ([], ["if=in.qcow2"], ["of=out"], ["if=in.qcow2", "of=out", "bs=0"],
                      ["if=in.qcow2", "of=out", "bs=foo"], ["if=in.qcow2", "of=out", "bs=3G"],
                      ["if=in.qcow2", "of=out", "bs=-1"], ["if=in.qcow2", "of=out", "bs="],
                      ["if=in.qcow2", "of=out", "count=foo"], ["if=in.qcow2", "of=out", "skip=x"],
                      ["if=in.qcow2", "of=out", "seek=1"], ["if=in.qcow2", "of=out", "foo"],
                      ["if=in.qcow2", "of=out", "foo=1"], ["if=nowhere", "of=out"],
                      ["-O", "foo", "if=in.qcow2", "of=out"], ["-f", "foo", "if=in.qcow2", "of=o"],
                      ["if=in.qcow2", "of=nowhere/out"], ["if=", "of=out"], ["-X"], ["-f"],
                      ["-n", "if=in.qcow2", "of=out"]):
            with self.subTest(words=words):
                self.assert_same("dd", *words)

    def test_onto_itself(self):
        for target in ("in.qcow2", "base.qcow2"):
            their, our = self.both("dd", "if=in.qcow2", f"of={target}")
            self.assertEqual((our.status, their.status), (1, 1))
            self.assertIn(b'error while creating output image: Failed to get "write" lock',
                          our.stderr)
            self.assertIn(b"identical", self.qemu(
                "compare", target, os.path.join(self.stock, target), folder=self.ours))

    def test_count_behind_skip(self):
        """qemu-img takes what is skipped from what is counted; its manual says otherwise, and dd
        does."""
        self.both("dd", "if=in.qcow2", "of=out", "bs=1M", "skip=1", "count=2")
        with open(os.path.join(self.theirs, "out"), "rb") as file:
            their = file.read()
        with open(os.path.join(self.ours, "out"), "rb") as file:
            our = file.read()
        self.qemu("convert", "-O", "raw", "in.qcow2", "whole", folder=self.ours)
        with open(os.path.join(self.ours, "whole"), "rb") as file:
            whole = file.read()
        self.assertTrue(our == whole[1 << 20:3 << 20])
        self.assertEqual(len(their), 1 << 20, "no difference any more")

    def test_random(self):
        print(f"# SINTER_SEED={SEED}")
        rand = random.Random(SEED)
        for _ in range(30):
            block = rand.randrange(1, 1 << rand.randrange(8, 22))
            words = [f"bs={max(block, 100)}"]
            if rand.random() < 0.5:
                words.append(f"skip={rand.randrange(5 << 20) // block // 2}")
            elif rand.random() < 0.5:
                words.append(f"count={rand.randrange(10 << 20) // block}")
            kind = rand.choice(["raw", "qcow2"])
            with self.subTest(SINTER_SEED=SEED, words=words, kind=kind):
                self.copy("-O", kind, "if=in.qcow2", *words, image_format=kind)


if __name__ == "__main__":
    unittest.main()
