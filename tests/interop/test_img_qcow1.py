# SPDX-License-Identifier: LGPL-2.1-or-later
"""qcow version 1, made and written by QEMU, read by sinter-img beside qemu-img."""

import os
import random
import struct
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

KIB, MIB = img.KIB, img.MIB
SECTOR = 512


class Qcow1Case(img.ImgCase):
    def create_old(self, name, size="8M", backing=None, backing_format="qcow", writes=()):
        words = ["create", "-q", "-f", "qcow"]
        if backing:
            words += ["-b", backing, "-F", backing_format]
        self.qemu(*words, name, *([size] if size else []))
        if writes:
            self.io_old(*writes, name=name)

    def io_old(self, *commands, name):
        self.io(*commands, name=f"driver=qcow,file.filename={name}", options=["--image-opts"])

    def compress(self, source, name, source_format="qcow"):
        """Some releases of qemu-img end with status 1, and no message, when the image is whole: at
        the end they write a cluster of no bytes, which the format refuses."""
        done = img.theirs("convert", "-c", "-f", source_format, "-O", "qcow", source, name,
                          folder=self.folder)
        self.assertEqual((done.stdout, done.stderr), (b"", b""))
        self.qemu("compare", "-f", source_format, "-F", "qcow", source, name)


class Reading(Qcow1Case):
    WRITES = ["write -P 7 1M 300k", "write -P 9 5M 64k", "write -P 3 7777k 3k"]

    def test_empty(self):
        for size in ("512", "1M", "3G"):
            with self.subTest(size=size):
                self.create_old("empty", size)
                if size == "3G":
                    self.assert_same("map", "--output=json", "empty")
                else:
                    self.assert_read_alike("empty", "qcow")

    def test_data(self):
        self.create_old("data", writes=self.WRITES)
        self.assert_read_alike("data", "qcow")
        self.assert_same("info", "data")
        self.assert_same("map", "--output=json", "-s", "1M", "-l", "100k", "data")

    def test_compressed(self):
        self.create_old("data", writes=self.WRITES)
        with open(self.path("noise"), "wb") as file:
            file.write(self.content("data") + random.Random(1).randbytes(100 * KIB + 512))
        for source, source_format in (("data", "qcow"), ("noise", "raw")):
            with self.subTest(source=source):
                self.compress(source, "compressed", source_format)
                self.assert_read_alike("compressed", "qcow")
                # written to afterwards: plain and compressed clusters beside each other
                self.io_old("write -P 11 4k 4k", "write -P 12 60k 512", name="compressed")
                self.assert_read_alike("compressed", "qcow")

    def test_overlay(self):
        """An overlay has clusters of a sector; its backing file may be of any format."""
        self.create("base.qcow2", writes=self.WRITES)
        self.qemu("convert", "-O", "raw", "base.qcow2", "base.raw")
        self.create_old("base.qcow", writes=self.WRITES)
        for image_format in ("qcow2", "raw", "qcow"):
            with self.subTest(backing=image_format):
                self.create_old("over", "10M", f"base.{image_format}", image_format,
                                writes=["write -P 1 1100k 5k", "write -P 2 9M 1536"])
                self.assert_read_alike("over", "qcow")

    def test_below_an_overlay(self):
        self.create_old("base", writes=self.WRITES)
        self.create("over.qcow2", "9M", backing="base", backing_format="qcow",
                    writes=["write -P 1 1100k 64k", "write -z 5M 32k"])
        self.assert_read_alike("over.qcow2", "qcow2")
        self.compress("base", "small")
        self.create("top.qcow2", None, backing="small", backing_format="qcow")
        self.assert_read_alike("top.qcow2", "qcow2")
        self.assert_same("compare", "base", "top.qcow2")

    def test_below_ours(self):
        """Overlays and links of ours lead to it."""
        self.create_old("base", writes=self.WRITES)
        self.assert_same("create", "-f", "qcow2", "-b", "base", "-F", "qcow", "over.qcow2")
        self.create("other.qcow2")
        self.assert_same("rebase", "-u", "-b", "base", "-F", "qcow", "other.qcow2")
        for name in ("over.qcow2", "other.qcow2"):
            self.assert_same("info", name)
            self.assert_same("compare", "base", name)
            self.qemu("compare", "base", name)
        self.assert_same("rebase", "-b", "", "over.qcow2")
        self.qemu("compare", "base", "over.qcow2")

    def test_converted(self):
        self.create_old("data", writes=self.WRITES)
        self.compress("data", "compressed")
        for name in ("data", "compressed"):
            for words in (["-O", "raw"], ["-O", "qcow2"], ["-c", "-O", "qcow2"]):
                self.assert_same("convert", *words, name, "made")
                self.qemu("compare", name, "made")
            for part in ("count=300", "skip=250"):
                self.assert_same("dd", f"if={name}", "of=part", "bs=4k", part)
                self.qemu("dd", f"if={name}", "of=theirs", "bs=4k", part)
                self.assertTrue(self.content("part") == self.content("theirs"), part)

    def test_encrypted(self):
        self.qemu("create", "-q", "-f", "qcow", *img.SECRET, "-o",
                  "encrypt.format=aes,encrypt.key-secret=key", "secret", "1M")
        self.io("write -P 1 0 64k", name="driver=qcow,encrypt.format=aes,encrypt.key-secret=key,"
                "file.filename=secret", options=[*img.SECRET, "--image-opts"])
        self.assert_same("info", "secret")
        self.assert_same("info", "--output=json", "secret")
        self.assert_differs("no keys", "convert", "-O", "raw", "secret", "made",
                            stderr="it is encrypted \\(aes\\)")
        self.assertFalse(os.path.exists(self.path("made")))

    def test_random(self):
        """Random sizes, writes and compression, in chains; one seed makes them again."""
        chance = random.Random(img.SEED)
        print(f"# seed {img.SEED}")
        for n in range(max(img.ROUNDS // 5, 3)):
            with self.subTest(round=n, seed=img.SEED):
                self.random_chain(chance, f"r{n}")

    def random_chain(self, chance, name):
        size = chance.randrange(1, 4000) * SECTOR
        self.create_old(name, str(size), writes=self.random_writes(chance, size))
        if chance.random() < 0.5:
            self.compress(name, name + "c")
            name += "c"
            self.io_old(*self.random_writes(chance, size)[:2], name=name)
        self.assert_read_alike(name, "qcow")
        size = chance.randrange(1, 4000) * SECTOR
        self.create_old(name + "o", str(size), name, writes=self.random_writes(chance, size))
        self.assert_read_alike(name + "o", "qcow")

    @staticmethod
    def random_writes(chance, size):
        writes = []
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(0, size, SECTOR)
            length = min(size - at, chance.randrange(1, 100) * SECTOR)
            writes.append(f"write -P {chance.randrange(1, 256)} {at} {length}")
        return writes


class Words(Qcow1Case):
    """What is said about an image of this format that is asked for too much."""

    def test_unsupported(self):
        self.create_old("old")
        for words in (["check", "old"], ["check", "-f", "qcow", "old"], ["snapshot", "-l", "old"],
                      ["snapshot", "-c", "x", "old"], ["snapshot", "-a", "x", "old"],
                      ["snapshot", "-d", "x", "old"], ["convert", "-l", "x", "old", "made"],
                      ["measure", "-O", "qcow2", "old"], ["measure", "-O", "qcow", "old"],
                      ["amend", "-f", "qcow", "-o", "help"], ["amend", "-o", "compat=v3", "old"],
                      ["resize", "old", "9M"], ["rebase", "-u", "-b", "", "old"],
                      ["info", "-f", "qcow2", "old"]):
            with self.subTest(words=words):
                self.assert_same(*words)

    def test_nothing_is_written(self):
        """QEMU writes to such an image; here it is refused before anything changes."""
        self.create_old("old", writes=["write -P 1 0 8k"])
        self.create("over.qcow2", backing="old", backing_format="qcow",
                    writes=["write -P 2 0 64k"])
        before = self.content("old"), self.content("over.qcow2")
        for words in (["commit", "over.qcow2"], ["bench", "-w", "-c", "2", "-f", "qcow", "old"],
                      ["bitmap", "--add", "old", "b"]):
            with self.subTest(words=words):
                done = img.ours(*words, folder=self.folder)
                self.assertEqual(done.status, 1, done)
                self.assertRegex(done.stderr.decode(), "read-only|not supported")
                self.assertEqual((self.content("old"), self.content("over.qcow2")), before)

    def test_merged_up(self):
        self.create_old("old", writes=["write -P 1 0 8k", "write -P 1 1M 64k"])
        self.create("over.qcow2", backing="old", backing_format="qcow",
                    writes=["write -P 2 0 64k"])
        self.qemu("convert", "-O", "raw", "over.qcow2", "before")
        done = img.ours("merge", "over.qcow2", folder=self.folder)
        self.assertEqual((done.status, done.stderr), (0, b""))
        self.qemu("compare", "before", "over.qcow2")
        self.assertNotIn(b"backing", self.qemu("info", "over.qcow2"))

    def test_no_such_images_are_made(self):
        self.create_old("old")
        for words in (["create", "-f", "qcow", "made", "1M"],
                      ["create", "-f", "qcow", "-o", "help"],
                      ["convert", "-O", "qcow", "old", "made"],
                      ["dd", "-O", "qcow", "if=old", "of=made"]):
            with self.subTest(words=words):
                self.assert_differs("qemu-img makes them", *words,
                                    stderr="Format driver 'qcow' does not support image creation")

    def test_unknown_formats(self):
        """A format that nobody has is still unknown."""
        self.create_old("old")
        for words in (["info", "-f", "foo", "old"], ["convert", "-O", "foo", "old", "made"],
                      ["create", "-f", "foo", "made", "1M"],
                      ["dd", "-O", "foo", "if=old", "of=made"], ["measure", "-O", "foo", "old"]):
            with self.subTest(words=words):
                self.assert_same(*words)


class Hostile(Qcow1Case):
    """Headers with one field bent: refused as QEMU refuses them, in its words."""

    BENT = [(32, "B", 8), (32, "B", 17), (32, "B", 255), (33, "B", 5), (33, "B", 14), (33, "B", 0),
            (24, ">Q", 0), (24, ">Q", 1), (24, ">Q", 2 ** 64 - 1), (24, ">Q", 2 ** 63),
            (36, ">I", 2), (8, ">QI", 48, 1024)]

    def test_headers(self):
        self.create_old("sound")
        whole = self.content("sound")
        for at, layout, *values in self.BENT:
            with self.subTest(at=at, values=values):
                with open(self.path("bent"), "wb") as file:
                    file.write(whole)
                self.poke("bent", at, struct.pack(layout, *values))
                self.assert_same("info", "-f", "qcow", "bent")
                self.assert_same("map", "-f", "qcow", "bent")

    def test_other_versions(self):
        self.create("new.qcow2")
        their, our = self.both("info", "-f", "qcow", "new.qcow2")
        # QEMU adds a hint on a second line
        self.assertEqual((our.status, our.stderr.splitlines()[0]),
                         (their.status, their.stderr.splitlines()[0]))

    def test_beyond_the_end(self):
        """QEMU reads zeros where the file has ended; we say that something is missing."""
        self.create_old("sound", writes=["write -P 1 0 8k"])
        whole = self.content("sound")
        with open(self.path("cut"), "wb") as file:
            file.write(whole[:-5000])
        self.assert_differs("missing data is no zeros", "convert", "-O", "raw", "cut", "made",
                            stderr="was truncated")
        with open(self.path("cut"), "wb") as file:
            file.write(whole[:50])
        self.assert_differs("a table that is not there", "info", "cut",
                            stderr="L1 table .* beyond the end of the file")

    def test_every_byte(self):
        """Whatever a byte of the metadata becomes, sinter-img ends by itself, and soon."""
        chance = random.Random(img.SEED)
        self.create_old("sound", "1M", writes=["write -P 1 0 8k"])
        self.compress("sound", "bent")
        whole = self.content("bent")
        for _ in range(150):
            with open(self.path("bent"), "wb") as file:
                file.write(whole)
            at = chance.choice([chance.randrange(48), chance.randrange(min(len(whole), 9000))])
            self.poke("bent", at, bytes([chance.choice([0, 1, 0x7f, 0x80, 0xff])]))
            for words in (["info"], ["map"], ["convert", "-O", "raw"]):
                done = img.ours(*words, "-f", "qcow", "bent", *(["-"] if len(words) > 1 else []),
                                folder=self.folder, stdout=img.subprocess.DEVNULL)
                self.assertIn(done.status, (0, 1), f"byte {at}: {done}")
                self.assertEqual(done.status == 0, done.stderr == b"", f"byte {at}: {done}")


if __name__ == "__main__":
    unittest.main()
