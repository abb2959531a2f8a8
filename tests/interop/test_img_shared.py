# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images on file systems that share blocks between files, with clusters that the guest wrote in no
order: what is moved is shared, by few calls or by many, and the disk is what qemu-img had read."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from img import QEMU_IMG, QEMU_IO, SEED, ours, theirs   # noqa: E402
from lib.extents import shared_bytes                    # noqa: E402

KIB, MIB = 1024, 1024 * 1024
DISK = 8 * MIB
LAYERS = ["base", "low", "mid", "top"]


@unittest.skipUnless(QEMU_IMG and QEMU_IO, "lacks qemu-img and qemu-io")
class Shared(unittest.TestCase):
    def qemu(self, *words):
        done = theirs(*words, folder=self.folder)
        self.assertEqual(done.status, 0, f"qemu-img {words}: {done}")

    def ours(self, *words):
        done = ours(*words, folder=self.folder)
        self.assertEqual(done.status, 0, f"sinter-img {words}: {done}")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, cluster, part, byte):
        """A part of the disk's clusters, in no order."""
        clusters = self.random.sample(range(DISK // cluster), int(DISK // cluster * part))
        script = "".join(f"write -P {byte + at % 7} {at * cluster} {cluster}\n" for at in clusters)
        subprocess.run([QEMU_IO, "-f", "qcow2", self.path(name)], input=script.encode(),
                       stdout=subprocess.DEVNULL, check=True)

    def make(self, place, cluster):
        if not place:
            self.skipTest("no such file system is mounted")
        holder = tempfile.TemporaryDirectory(dir=place)
        self.addCleanup(holder.cleanup)
        self.folder = self.stock = os.path.join(holder.name, "stock")
        os.mkdir(self.stock)
        self.random = random.Random(SEED)
        for below, name in zip([None, *LAYERS], LAYERS):
            backing = ["-b", below, "-F", "qcow2"] if below else []
            self.qemu("create", "-q", "-f", "qcow2", "-o", f"cluster_size={cluster}", *backing, name,
                      str(DISK))
            self.write(name, cluster, 1 if not below else 0.6, 16 * (1 + LAYERS.index(name)))
        self.qemu("snapshot", "-c", "kept", "base")
        self.qemu("convert", "-f", "qcow2", "-O", "raw", "top", "expected")
        self.qemu("convert", "-f", "qcow2", "-l", "kept", "-O", "raw", "base", "expected.kept")

    def renew(self):
        """The images as they were made; of their blocks none is shared yet."""
        self.folder = os.path.join(os.path.dirname(self.stock), "now")
        shutil.rmtree(self.folder, ignore_errors=True)
        subprocess.run(["cp", "-r", "--reflink=never", self.stock, self.folder], check=True)

    def check(self, name, filled, n_shared):
        """The disk of the image `name` is the same; of `filled` so much is shared."""
        self.qemu("compare", "-f", "qcow2", "-F", "raw", name, "expected")
        for image in LAYERS:
            if os.path.exists(self.path(image)):
                self.qemu("check", "-q", "-f", "qcow2", image)
        self.qemu("convert", "-f", "qcow2", "-l", "kept", "-O", "raw", "base", "kept")
        self.qemu("compare", "-f", "raw", "-F", "raw", "kept", "expected.kept")
        os.sync()
        self.assertGreaterEqual(shared_bytes(self.path(filled)), n_shared)

    def each(self, place):
        for cluster in (4 * KIB, 64 * KIB):
            part = DISK // 2
            self.make(place, cluster)
            for words, name, filled, n_shared in (
                    (["commit", "-q", "-d", "-f", "qcow2", "top"], "mid", "mid", part),
                    (["commit", "-q", "-d", "-f", "qcow2", "-b", "base", "top"], "base", "base", part),
                    (["merge", "-f", "qcow2", "--down", "-t", "mid", "-b", "low", "top"], "top",
                     "low", part),
                    # of the middle one's clusters the top hides more than half
                    (["merge", "-f", "qcow2", "--drop-shadowed", "--down", "-t", "mid", "-b", "low",
                      "top"], "top", "low", part // 4),
                    (["merge", "-f", "qcow2", "--up", "-t", "mid", "-b", "low", "top"], "top", "mid",
                     part // 4),
                    (["merge", "-f", "qcow2", "--drop-shadowed", "--up", "-t", "mid", "-b", "low",
                      "top"], "top", "mid", 0),
                    (["rebase", "-f", "qcow2", "-b", "", "top"], "top", "top", DISK // 4),
                    (["convert", "-f", "qcow2", "-O", "qcow2", "-o", f"cluster_size={cluster}", "top",
                      "new"], "new", "new", DISK - MIB)):
                with self.subTest(words=" ".join(words), cluster=cluster):
                    self.renew()
                    self.ours(*words)
                    self.check(name, filled, n_shared)

    def test_xfs(self):
        self.each(os.environ.get("SINTER_TEST_XFS"))

    def test_btrfs(self):
        self.each(os.environ.get("SINTER_TEST_BTRFS"))


if __name__ == "__main__":
    unittest.main()
