# SPDX-License-Identifier: LGPL-2.1-or-later
"""resize beside qemu-img's: what it says, and what becomes of images of every kind."""

import json
import os
import unittest

import img
import twins

WRONG_USE = [[], ["image"], ["image", "0"], ["image", "1000"], ["--shrink", "image", "1000"],
             ["image", "x"], ["image", "8E"], ["image", "+8E"], ["image", "9223372036854775807"],
             ["image", "3P"], ["image", "-1M"], ["-q", "image", "-1M"], ["image", "-1M", "--shrink"],
             ["--shrink", "image", "-100M"], ["image", "1M"], ["--preallocation=full", "image", "1M"],
             ["--preallocation=bogus", "image", "9M"], ["-U", "image", "9M"], ["image", "b", "9M"],
             ["nowhere", "9M"], ["-f", "foo", "image", "9M"], ["-f", "qcow2", "raw", "9M"],
             ["-f", "qcow2", "--image-opts", "driver=qcow2,file.filename=image", "9M"],
             ["image", "9M", "--bogus"], ["-f", "raw", "raw", "1M"], ["raw", "1M"],
             ["-f", "raw", "--preallocation=metadata", "raw", "9M"],
             ["--shrink", "--preallocation=falloc", "image", "1M"], ["v2", "9M"], ["v2", "2M"],
             ["--shrink", "v2", "1M"], ["v2", "1000"], ["orphan", "9M"], ["-f", "raw", "raw", "-9M"]]


class Blocks:
    """The refcount blocks of an image with refcounts of 16 bits, without what counts themselves."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.image = file.read()
        self.cluster = 1 << self.number(20, 4)

    def number(self, at, n):
        return int.from_bytes(self.image[at:at + n], "big")

    def places(self):
        table = self.number(48, 8)
        return [self.number(table + i * 8, 8)
                for i in range(self.number(56, 4) * self.cluster // 8)]

    def n_used(self):
        return sum(place != 0 for place in self.places())

    def all(self):
        for index, place in enumerate(self.places()):
            if place:
                counts = [self.number(place + i * 2, 2) for i in range(self.cluster // 2)]
                own = place // self.cluster - index * len(counts)
                if 0 <= own < len(counts):
                    counts[own] = 0
                yield counts


class Words(twins.TwinCase):
    def setUp(self):
        super().setUp()
        self.create("image", "4M", writes=["write -P 1 0 1M", "write -P 2 3M 1M"])
        self.create("v2", "4M", options="compat=0.10", writes=["write -P 1 0 1M"])
        self.qemu("snapshot", "-c", "one", "v2")
        self.qemu("create", "-q", "-f", "raw", "raw", "4M")
        self.io("write -P 5 1M 3M", name="raw")
        self.create("data-file", "2M", options="data_file=data-file.data")
        self.create("raw-data-file", "2M",
                    options="data_file=raw-data-file.data,data_file_raw=on")
        self.qemu("create", "-q", "-f", "qcow2", "-u", "-b", "gone", "-F", "raw", "orphan", "1M")
        self.create("over", "1M", backing="raw", backing_format="raw",
                    writes=["write -P 3 64k 64k"])
        self.fork()

    def test_wrong_use(self):
        for args in WRONG_USE:
            with self.subTest(args):
                self.same("resize", *args)

    def test_sizes(self):
        for name, words in (("image", ["image"]), ("raw", ["-f", "raw", "raw"]),
                            ("image", ["--image-opts", "driver=qcow2,file.filename=image"])):
            for size in ("4M", "+0", "+1M", "5.5M", "-1M", "1M", "2M", "-512", "+0x200"):
                with self.subTest(name, size=size):
                    self.same("resize", "--shrink", *words, size)
                    self.assert_alike(name)

    def test_no_empty_refcount_block(self):
        """What counted only what the disk has lost goes with it, and comes back when it grows."""
        for bits in (9, 10):
            self.create("fine", "3M", options=f"cluster_size={1 << bits}",
                        writes=["write -P 5 0 3M"])
            before = Blocks(self.path("fine")).n_used()
            self.fork()
            self.same("resize", "--shrink", "fine", "200k")
            self.assert_alike("fine")
            self.assertEqual([block for block in Blocks(self.path("fine")).all() if not any(block)],
                             [])
            self.assertLess(Blocks(self.path("fine")).n_used(), before)
            self.same("resize", "fine", "3M")
            for folder in (self.folder, self.other):
                twins.write(folder, "fine", ["write -P 6 0 3M"])
            self.assert_alike("fine")

    def test_raw_sizes_are_exact(self):
        for size in ("1001", "+0", "5000", "1M"):
            self.same("resize", "-f", "raw", "--shrink", "raw", size)
            self.assertEqual(os.path.getsize(f"{self.folder}/raw"),
                             os.path.getsize(f"{self.other}/raw"))
            self.assert_alike("raw")

    def test_preallocation(self):
        for name in ("image", "data-file", "raw-data-file", "over"):
            for i, mode in enumerate(("off", "metadata", "falloc", "full")):
                with self.subTest(name, mode=mode):
                    self.same("resize", f"--preallocation={mode}", name, f"{5 + i}M")
                    self.assert_alike(name)
                    # behind the end of a backing file we need not say that there is nothing
                    if name != "over":
                        self.assert_same_map(name)

    def test_a_refcount_table_that_grows(self):
        """The new size and the new table's place are both in the header's first sector."""
        self.create("small", "20k", options="cluster_size=512", writes=["write -P 1 0 20k"])
        self.fork()
        for mode, size in (("metadata", "9M"), ("full", "19M"), ("off", "20M")):
            self.same("resize", f"--preallocation={mode}", "small", size)
            self.assert_alike("small")

    def test_raw_preallocation(self):
        before = [self.blocks(folder) for folder in (self.folder, self.other)]
        for i, mode in enumerate(("off", "falloc", "full")):
            self.same("resize", "-f", "raw", f"--preallocation={mode}", "raw", f"{5 + i}M")
            self.assert_alike("raw")
            added = [self.blocks(folder) - old
                     for folder, old in zip((self.folder, self.other), before)]
            # a file system may need a block of its own to say where the others are
            self.assertAlmostEqual(added[1], added[0], delta=8, msg=mode)

    def blocks(self, folder):
        return os.stat(f"{folder}/raw").st_blocks

    def assert_same_map(self, name):
        """The image itself has something to say of the same stretches of the disk."""
        self.assertEqual(self.own(self.other, name), self.own(self.folder, name))

    def own(self, folder, name):
        """Stretches, each with whether the image itself holds it."""
        runs = []
        done = img.theirs("map", "--output=json", name, folder=folder)
        for extent in json.loads(done.stdout):
            held = extent["present"] and extent["depth"] == 0
            if runs and runs[-1][1] == held:
                runs[-1][0] += extent["length"]
            else:
                runs.append([extent["length"], held])
        return runs

    def test_data_files(self):
        for name in ("data-file", "raw-data-file"):
            for size in ("4M", "1M", "3M"):
                self.same("resize", "--shrink", name, size)
                self.assert_alike(name)
                self.assertEqual(os.path.getsize(f"{self.folder}/{name}.data"),
                                 os.path.getsize(f"{self.other}/{name}.data"))

    def test_a_longer_backing_file_stays_hidden(self):
        for size in ("1500k", "3M", "9M"):
            self.same("resize", "over", size)
            self.assert_alike("over")

    def test_what_was_cut_off_is_gone(self):
        """QEMU lets the rest of the last cluster come back when the disk grows again: zeros here."""
        self.create("cut", "128k", writes=["write -P 9 0 128k"])
        self.fork()
        for folder, program in ((self.folder, img.theirs), (self.other, img.ours)):
            program("resize", "--shrink", "cut", "100k", folder=folder)
            program("resize", "cut", "1M", folder=folder)
        with open(self.export(), "rb") as file:
            content = file.read()
        self.assertEqual(content, b"\x09" * 100 * 1024 + bytes(924 * 1024))
        self.assert_sound("cut")

    def export(self):
        img.theirs("convert", "-O", "raw", "cut", "cut.raw", folder=self.other)
        return f"{self.other}/cut.raw"

    def test_space_is_given_back(self):
        self.same("resize", "--shrink", "image", "1M")
        self.assertLessEqual(os.path.getsize(f"{self.other}/image"),
                             os.path.getsize(f"{self.folder}/image") + 65536)


class Random(twins.TwinCase):
    def test_random(self):
        twins.each_random(self, img.ROUNDS, self.check_image)

    def check_image(self, image):
        modes = ["off"] * 3 + ["metadata", "falloc", "full"]
        size = image.size
        for _ in range(image.random.randrange(1, 4)):
            target = image.random.choice([image.random_images.size(), size + 512 *
                                          image.random.randrange(300)])
            target = min(target, 200 * img.MIB)
            words = ["--shrink"] if target < size else \
                [f"--preallocation={image.random.choice(modes)}"] if target > size else []
            # where the disk ends inside a cluster QEMU lets bytes behind the end come back
            if target % image.cluster and target < size:
                target += image.cluster - target % image.cluster
                if target >= size:
                    continue
            image.log.append(f"resize {words} {target}")
            their, our = self.both_twins("resize", *words, "image", str(target))
            if b"Failed to zero out new clusters" in their.stderr:
                # version 2 over a longer backing file: zeros have to be written, and we do
                self.assertEqual(our.status, 0, our)
                self.assert_sound("image")
                return
            self.assertTrue(our.same(their), f"{their}\n{our}")
            self.assert_alike("image")
            size = target if our.status == 0 else size


if __name__ == "__main__":
    unittest.main()
