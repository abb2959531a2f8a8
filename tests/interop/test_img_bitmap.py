# SPDX-License-Identifier: LGPL-2.1-or-later
"""bitmap beside qemu-img's: what it says, and which bits are marked in the end."""

import collections
import re
import unittest

import img
import twins

WRONG_USE = [[], ["image"], ["--add", "image"], ["--add", "image", "b", "c"],
             ["-g", "64k", "--remove", "image", "b"], ["-F", "qcow2", "--merge", "b", "image", "c"],
             ["-b", "other", "--add", "image", "c"], ["--add", "-g", "x", "image", "c"],
             ["--add", "-g", "256", "image", "c"], ["--add", "-g", "1000", "image", "c"],
             ["--add", "-g", "4G", "image", "c"], ["--add", "image", "b"], ["--add", "image", ""],
             ["--remove", "image", "none"], ["--clear", "image", "none"],
             ["--enable", "image", "none"], ["--disable", "image", "none"],
             ["--merge", "none", "image", "b"], ["--merge", "b", "image", "none"],
             ["-b", "other", "--merge", "none", "image", "b"],
             ["-b", "nowhere", "--merge", "x", "image", "b"], ["--add", "nowhere", "b"],
             ["-b", "smaller", "--merge", "s", "image", "b"], ["-U", "--add", "image", "c"],
             ["-q", "--add", "image", "c"], ["--bogus", "image", "c"],
             ["-f", "qcow2", "--add", "--image-opts", "driver=qcow2,file.filename=image", "c"],
             ["--remove", "-f", "raw", "raw", "x"], ["--merge", "x", "-f", "raw", "raw", "x"],
             ["-b", "raw", "-F", "raw", "--merge", "x", "image", "b"], ["--remove", "v2", "x"],
             ["--clear", "used", "u"], ["--disable", "used", "u"], ["--merge", "u", "used", "v"]]


class BitmapCase(twins.TwinCase):
    def assert_bits(self, name):
        self.assert_alike(name)
        for bitmap in self.info(self.other, name).get("format-specific", {}) \
                .get("data", {}).get("bitmaps", []):
            if "in-use" not in bitmap["flags"]:
                self.assertEqual(self.bits(self.other, name, bitmap["name"]),
                                 self.bits(self.folder, name, bitmap["name"]), bitmap)

    def bits(self, folder, name, bitmap):
        """The bits as stored."""
        with open(f"{folder}/{name}", "rb") as file:
            return twins.bitmap_bits(file.read(), bitmap)


class Words(BitmapCase):
    def setUp(self):
        super().setUp()
        for name, size in (("image", "8M"), ("other", "8M"), ("smaller", "4M"), ("used", "8M")):
            self.create(name, size)
        self.qemu("bitmap", "--add", "image", "b")
        self.qemu("bitmap", "--add", "-g", "512", "other", "o")
        self.qemu("bitmap", "--add", "smaller", "s")
        self.io("write 1M 100k", "write 5M 1k", name="image")
        self.io("write 3M 700k", "write 7M 1k", name="other")
        self.create("v2", "1M", options="compat=0.10")
        self.create("empty", "0")
        self.create("data-file", "2M", options="data_file=data-file.data")
        self.qemu("create", "-q", "-f", "raw", "raw", "1M")
        self.make_used()
        self.fork()

    def make_used(self):
        """An image whose bitmap was not stored at the end of its last use."""
        self.qemu("bitmap", "--add", "used", "u")
        with open(self.path("used"), "rb") as file:
            image = file.read()
        at = image.index(b"u", image.rindex(b"\x01\x10\x00\x01")) - 24
        self.poke("used", at + 15, b"\x03")
        self.qemu("bitmap", "--add", "used", "v")

    def test_wrong_use(self):
        for args in WRONG_USE:
            with self.subTest(args):
                self.same("bitmap", *args)
        for name in ("image", "used"):
            self.assert_bits(name)

    def test_where_they_cannot_be(self):
        """QEMU names an internal node where we name the image."""
        for args in (["v2", "b"], ["-f", "raw", "raw", "b"], ["image", "y" * 1024],
                     ["-g", "512", "large", "b"]):
            if "large" in args:
                self.qemu("create", "-q", "-f", "qcow2", "large", "64T")
                self.fork()
            their, our = self.both_twins("bitmap", "--add", *args)
            self.assertEqual(their.status, our.status)
            self.assertEqual(re.sub(rb"'?#block\d+'?", b"NODE", their.stderr),
                             re.sub(rb"'?" + args[-2].encode() + rb"'?(: (?:Op|Ca|To|Na))",
                                    rb"NODE\1", our.stderr))

    def test_actions(self):
        for args in (["--add", "c"], ["--add", "--disable", "d"], ["--add", "-g", "512", "e"],
                     ["--merge", "b", "e"], ["--merge", "e", "d"], ["--disable", "b"],
                     ["--add", "-g", "1M", "--merge", "b", "f"], ["--clear", "b"],
                     ["--enable", "--merge", "f", "b"], ["--add", "--remove", "g"],
                     ["--remove", "c"], ["--add", "-g", "0", "h"], ["--merge", "h", "--add", "h"],
                     ["--add", "--add", "i"], ["--enable", "--merge", "none", "--clear", "d"],
                     ["--add", "--clear", "--merge", "d", "--disable", "j"], ["--add", "k" * 1023],
                     ["--add", "ä b"], ["-b", "other", "--merge", "o", "b"],
                     ["-b", "other", "-F", "qcow2", "--merge", "o", "--merge", "o", "f"]):
            with self.subTest(args):
                self.same("bitmap", *args[:-1], "image", args[-1])
                self.assert_bits("image")

    def test_the_last_one_goes(self):
        self.same("bitmap", "--remove", "image", "b")
        self.assert_bits("image")
        self.same("bitmap", "--add", "image", "b")
        self.assert_bits("image")
        for name in ("used", "data-file"):
            self.same("bitmap", "--add", name, "x")
        self.differ("QEMU says that it has lost it, and ends well", "bitmap", "--add", "empty", "x",
                    stderr="disk is empty")
        self.assert_sound("empty")
        self.same("bitmap", "--remove", "used", "u")
        for name in ("used", "data-file"):
            self.assert_bits(name)

    def test_they_record_afterwards(self):
        self.same("bitmap", "--add", "-g", "4k", "image", "c")
        for folder in (self.folder, self.other):
            twins.write(folder, "image", ["write 2M 10k", "write -z 6M 1k"])
        self.assert_bits("image")

    def test_resize(self):
        for size in ("9M", "1200k", "3M", "5M", "1M", "9M"):
            self.same("resize", "--shrink", "image", size)
            self.assert_bits("image")
        self.same("resize", "--shrink", "used", "1M")

    def test_resize_of_many_entries(self):
        self.create("fine", "1M", options="cluster_size=512")
        self.qemu("bitmap", "--add", "-g", "512", "fine", "b")
        self.io("write 100k 100k", "write 900k 10k", name="fine")
        self.fork()
        for size in ("5M", "8M", "950k", "700k", "150k", "4M"):
            with self.subTest(size):
                self.same("resize", "--shrink", "fine", size)
                self.assert_bits("fine")
        for folder in (self.folder, self.other):
            twins.write(folder, "fine", ["write 3M 10k"])
        self.assert_bits("fine")

    def test_image_opts(self):
        self.same("bitmap", "--add", "--image-opts", "driver=qcow2,file.filename=image", "x")
        self.assert_bits("image")


class Random(BitmapCase):
    """Bitmaps of both twins changed at random, while the guest writes in between."""

    def test_random(self):
        self.count = collections.Counter()
        twins.each_random(self, img.ROUNDS, self.check_image)
        print(f"# {self.count[0]} changes done, {self.count[1]} refused by both")
        self.assertGreater(self.count[0], img.ROUNDS)

    def check_image(self, image):
        self.make_other(image)
        for _ in range(image.random.randrange(3, 10)):
            if image.random.random() < 0.3:
                self.write_both(image)
                continue
            args = self.command(image.random)
            image.log.append(" ".join(args))
            their, our = self.both_twins("bitmap", *args)
            if not self.has_bitmaps(image):
                self.assertEqual((our.status, their.status), (1, 1), f"{their}\n{our}")
                return
            self.assertTrue(our.same(their), f"{their}\n{our}")
            self.count[our.status] += 1
            self.assert_bits("image")

    def has_bitmaps(self, image):
        """Not in version 2, where QEMU names an internal node."""
        return "compat=0.10" not in image.options

    def make_other(self, image):
        """Another image with a bitmap to merge from, of the same size or not."""
        rand = image.random
        size = image.size if rand.random() < 0.8 else image.size + 65536
        grain = self.grain(rand)
        for folder in (self.folder, self.other):
            for args in (["create", "-q", "-f", "qcow2", "other", str(size)],
                         ["bitmap", "--add", *grain, "other", "far"]):
                done = img.theirs(*args, folder=folder)
                self.assertEqual(done.status, 0, done)
        requests = [image.random_images.request(image.size, 65536, "qcow2", False, False)
                    for _ in range(rand.randrange(1, 6))]
        image.log.append(f"other: {size} bytes, {grain}; " + "; ".join(requests))
        for folder in (self.folder, self.other):
            twins.write(folder, "other", requests)

    def grain(self, rand):
        return ["-g", str(1 << rand.randrange(9, 22))] if rand.random() < 0.7 else []

    def there(self):
        data = self.info(self.folder, "image")["format-specific"]["data"]
        return [bitmap["name"] for bitmap in data.get("bitmaps", [])]

    def command(self, rand):
        """One to three actions on one of a few bitmaps, which mostly make sense together."""
        names, there = ["a", "b", "c", "d"], self.there()
        actions = ["--remove", "--clear", "--enable", "--disable", "--merge", "--merge", "--merge"]
        kinds = rand.choices(actions, k=rand.choice([0, 1, 1, 2]))
        absent = [name for name in names if name not in there]
        if absent and (not there or rand.random() < 0.4):
            kinds.insert(0, "--add")
        fitting = absent if "--add" in kinds else there
        name = rand.choice(fitting if fitting and rand.random() < 0.9 else names)
        words = []
        for kind in kinds or ["--clear"]:
            words += [kind, rand.choice(there or names)] if kind == "--merge" else [kind]
        if "--add" in words:
            words += self.grain(rand)
        if "--merge" in words and rand.random() < 0.4:
            words[words.index("--merge") + 1] = "far"
            words += ["-b", "other", *rand.choice([[], ["-F", "qcow2"]])]
        return [*words, "image", name]

    def write_both(self, image):
        requests = [image.request() for _ in range(image.random.randrange(1, 5))]
        image.log.append("; ".join(requests))
        for folder in (self.folder, self.other):
            twins.write(folder, "image", requests)
        self.assert_bits("image")


if __name__ == "__main__":
    unittest.main()
