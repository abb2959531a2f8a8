# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img beside qemu-img over all features of the format: info, map, measure, check, compare
and the content, on images that QEMU's tools made and on those of our own random builder.

SINTER_SEED=N begins with that seed again; it is printed.
"""

import os
import random
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "images")]
import img  # noqa: E402
from lib import tap  # noqa: E402
from random_image import random_chain  # noqa: E402

ROUNDS = int(os.environ.get("SINTER_INTEROP_ROUNDS", "12"))
CLUSTER_BITS = range(9, 22)
REFCOUNT_BITS = (1, 2, 4, 8, 16, 32, 64)


def clusters(bits):
    return f"cluster_size={1 << bits}"


class Features(img.ImgCase):
    """One feature, or a few that meet, in every size that it can have."""

    def setUp(self):
        super().setUp()
        tap.comment(f"SINTER_SEED={img.SEED}")
        self.random = random.Random(img.SEED)

    def writes(self, bits, size, kinds=("write", "write", "zero", "small")):
        """Requests that begin and end anywhere, some of them beside each other."""
        rand, made = self.random, []
        for _ in range(rand.randint(4, 9)):
            kind = rand.choice(kinds)
            offset = rand.randrange(0, size // 512) * 512
            length = min(size - offset, 512 * rand.randint(1, 3 << max(0, bits - 9)))
            if kind == "compressed":
                offset &= -(1 << bits)
                length = min(1 << bits, size - offset)
            if kind == "small":
                length = min(length, rand.randint(1, 4000))
            flags = {"zero": "-z", "compressed": f"-c -P {rand.randrange(1, 256)}"}
            made.append(f"write {flags.get(kind, f'-P {rand.randrange(1, 256)}')} {offset} {length}")
        return made

    def size(self, bits):
        return self.random.randrange(5, 40) * (1 << bits) + self.random.randrange(0, 3) * 512

    def image(self, name, bits, options="", backing=None, backing_format="qcow2", kinds=None):
        size = self.size(bits)
        self.create(name, str(size), f"{clusters(bits)}{',' if options else ''}{options}", backing,
                    backing_format,
                    self.writes(bits, size, kinds or ("write", "write", "zero", "small")))
        return size

    def each_cluster_size(self, check, smallest=9):
        for bits in CLUSTER_BITS:
            if bits >= smallest:
                with self.subTest(SINTER_SEED=img.SEED, cluster_bits=bits):
                    check(bits)
                    for name in os.listdir(self.folder):
                        os.unlink(self.path(name))

    def test_version_2(self):
        def check(bits):
            self.image("a", bits, "compat=0.10")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_refcount_widths(self):
        def check(bits):
            width = REFCOUNT_BITS[bits % len(REFCOUNT_BITS)]
            self.image("a", bits, f"refcount_bits={width},lazy_refcounts={'on' if bits % 2 else 'off'}")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_subclusters(self):
        def check(bits):
            self.image("base", bits, "extended_l2=on")
            self.image("a", bits, "extended_l2=on", backing="base")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check, smallest=14)

    def test_compressed(self):
        def check(bits):
            kind = "zstd" if bits % 2 else "zlib"
            extended = ",extended_l2=on" if bits >= 14 else ""
            size = self.image("plain", bits)
            self.qemu("convert", "-c", "-O", "qcow2", "-o",
                      f"{clusters(bits)},compression_type={kind}{extended}", "plain", "a")
            self.io(*self.writes(bits, size, ("write", "small")), name="a")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_data_files(self):
        def check(bits):
            raw = "on" if bits % 2 else "off"
            self.image("a", max(bits, 10), f"data_file=a.data,data_file_raw={raw}")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_snapshots(self):
        def check(bits):
            size = self.image("a", bits, f"refcount_bits={REFCOUNT_BITS[1 + bits % 6]}")
            names = ["one", "two ä"][:1 + (bits % 6 > 0)]
            for name in names:
                self.qemu("snapshot", "-c", name, "a")
                self.io(*self.writes(bits, size), name="a")
            self.assert_read_alike("a", "qcow2", names)
        self.each_cluster_size(check)

    def test_bitmaps(self):
        def check(bits):
            size = self.image("a", bits)
            self.qemu("bitmap", "--add", "-g", str(1 << self.random.randint(9, 20)), "a", "first")
            self.io(*self.writes(bits, size), name="a")
            self.qemu("bitmap", "--add", "--disable", "a", "second")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_preallocation(self):
        def check(bits):
            mode = ("metadata", "falloc", "full")[bits % 3]
            self.image("a", bits, f"preallocation={mode}")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_chains_of_other_geometries(self):
        """Each layer has its own size and cluster size; the base is raw every other time."""
        def check(bits):
            if bits % 2:
                with open(self.path("base"), "wb") as file:
                    file.truncate(self.size(bits) + 7)
                    os.pwrite(file.fileno(), b"raw" * 1000, 1 << bits)
            else:
                self.image("base", 9 + (bits - 1) % 13)
            self.image("middle", 9 + (bits - 4) % 13, backing="base",
                       backing_format="raw" if bits % 2 else "qcow2")
            self.image("a", bits, backing="middle")
            self.assert_read_alike("a", "qcow2")
        self.each_cluster_size(check)

    def test_encrypted(self):
        """What can be told without the key."""
        def check(bits):
            kind = "luks,encrypt.iter-time=10" if bits % 4 == 1 else "aes"
            self.qemu("create", "-q", "-f", "qcow2", *img.SECRET, "-o", f"{clusters(bits)},"
                      f"encrypt.key-secret=key,encrypt.format={kind}", "a", "3M")
            for words in ([], ["--output=json"]):
                self.assert_same("info", *words, "a")
            keyed = "driver=qcow2,file.filename=a,encrypt.key-secret=key"
            theirs = self.qemu("map", "--output=json", *img.SECRET, "--image-opts", keyed)
            self.assertEqual(img.ours("map", "--output=json", "a", folder=self.folder).stdout, theirs)
            theirs = self.qemu("check", *img.SECRET, "--image-opts", keyed)
            self.assertEqual(img.ours("check", "a", folder=self.folder).stdout, theirs)
        self.each_cluster_size(check)


class RandomChains(img.ImgCase):
    """Chains whose layers come from a builder that knows more than qemu-img writes, from QEMU's
    tools, or are raw."""

    def test_read_alike(self):
        tap.comment(f"SINTER_SEED={img.SEED}, {ROUNDS} chains")
        for seed in range(img.SEED, img.SEED + ROUNDS):
            self.folder = self.path(str(seed))
            os.mkdir(self.folder)
            chain = random_chain(seed, self.folder)
            with self.subTest(SINTER_SEED=seed, chain=str(chain)):
                self.assert_read_alike(os.path.basename(chain.path), chain.format)
                self.assertTrue(self.content("ours.raw") == chain.content, "not what was put in")
            self.folder = os.path.dirname(self.folder)


if __name__ == "__main__":
    unittest.main()
