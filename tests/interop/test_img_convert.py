# SPDX-License-Identifier: LGPL-2.1-or-later
"""convert into qcow2 images: sinter-img beside qemu-img. (Into raw ones: test_img_readout.py.)"""

import os
import random
import stat
import tempfile
import unittest

from img import SEED, ImgCase, ours, theirs
from twin import TwinCase

TO_QCOW2 = ["convert", "-O", "qcow2"]
OPTIONS = ["", "compat=0.10", "compat=v3", "extended_l2=on", "cluster_size=4k", "cluster_size=512",
           "cluster_size=2M", "refcount_bits=1", "refcount_bits=64", "lazy_refcounts=on",
           "compression_type=zstd", "preallocation=off", "preallocation=metadata",
           "preallocation=falloc", "preallocation=full", "preallocation=metadata,extended_l2=on",
           "size=3M", "size=30M", "nocow=off", "encryption=off"]
SOURCES = ["plain.qcow2", "over.qcow2", "v2.qcow2", "subclusters.qcow2", "compressed.qcow2",
           "zstd.qcow2", "small.qcow2", "disk.raw", "odd.raw", "empty.raw", "external.qcow2",
           "preallocated.qcow2", "large.qcow2"]


class ConvertCase(TwinCase):
    def make(self, folder):
        noise = ["write -P 7 1M 300k", "write -z 3M 128k", "write -P 9 5M 64k",
                 "write -P 0 6M 256k"]

        def create(name, size, options="", backing=None, writes=()):
            words = ["create", "-q", "-f", "qcow2", *(["-o", options] if options else [])]
            words += ["-b", backing, "-F", "qcow2"] if backing else []
            self.qemu(*words, name, size, folder=folder)
            if writes:
                self.io(*writes, name=name, folder=folder)

        create("plain.qcow2", "8M", writes=noise)
        create("over.qcow2", "10M", backing="plain.qcow2",
               writes=["write -P 3 1100k 100k", "write -z 5M 32k", "write -P 4 9M 64k"])
        create("v2.qcow2", "8M", "compat=0.10,cluster_size=4k", writes=noise)
        create("subclusters.qcow2", "7M", "extended_l2=on,cluster_size=128k",
               writes=["write -P 1 4k 4k", "write -z 64k 12k", "write -P 2 1M 128k"])
        create("small.qcow2", "1M", "cluster_size=512", writes=["write -P 1 5k 3k"])
        create("external.qcow2", "8M", "data_file=external.data", writes=noise)
        create("preallocated.qcow2", "4M", "preallocation=metadata", writes=["write -P 6 2M 64k"])
        create("large.qcow2", "5G", writes=["write -P 6 4G 64k", "write -P 7 5100M 1M"])
        self.fill(os.path.join(folder, "disk.raw"))
        for source, kind, name in (("disk.raw", "zlib", "compressed.qcow2"),
                                   ("disk.raw", "zstd", "zstd.qcow2")):
            self.qemu("convert", "-c", "-O", "qcow2", "-o", f"compression_type={kind}", source,
                      name, folder=folder)
        for name, content in (("odd.raw", b"x" * 1000), ("empty.raw", b"")):
            with open(os.path.join(folder, name), "wb") as file:
                file.write(content)

    def fill(self, path):
        """Text-like data, which compresses well, and noise, which does not."""
        rand = random.Random(5)
        with open(path, "wb") as file:
            for _ in range(40):
                kind = rand.randrange(3)
                n = rand.randrange(1, 200) * 1024
                if kind == 0:
                    file.write(rand.randbytes(n))
                elif kind == 1:
                    file.write((b"%d some text " % rand.randrange(99)) * (n // 12))
                else:
                    file.seek(n, os.SEEK_CUR)
            file.truncate(file.tell() // 512 * 512)

    def convert(self, *words, target="new", image_format="qcow2"):
        for folder in (self.theirs, self.ours):
            if os.path.exists(os.path.join(folder, target)) and "-n" not in words:
                os.unlink(os.path.join(folder, target))
        return self.assert_same(*words, target=target, image_format=image_format)


class QcowBitmaps:
    """The dirty bitmaps of an image: name to the numbers of the bits that are set."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        self.cluster = 1 << self.number(20, 4)

    def number(self, at, n):
        return int.from_bytes(self.data[at:at + n], "big")

    def marks(self):
        at = self.data.index(b"\x23\x85\x28\x75") + 8
        count, entry, marks = self.number(at, 4), self.number(at + 16, 8), {}
        for _ in range(count):
            table, entries = self.number(entry, 8), self.number(entry + 8, 4)
            name_bytes, extra = self.number(entry + 18, 2), self.number(entry + 20, 4)
            start = entry + 24 + extra
            name = self.data[start:start + name_bytes].decode()
            marks[name] = self.bits(table, entries)
            entry += -(-(24 + extra + name_bytes) // 8) * 8
        return marks

    def bits(self, table, entries):
        found = []
        for i in range(entries):
            value = self.number(table + 8 * i, 8)
            offset = value & 0x00fffffffffffe00
            part = self.data[offset:offset + self.cluster] if offset else \
                (b"\xff" if value & 1 else b"\0") * self.cluster
            found += [8 * (i * self.cluster + k) + bit for k, byte in enumerate(part)
                      for bit in range(8) if byte >> bit & 1]
        return found


class Convert(ConvertCase):
    def test_sources(self):
        for source in SOURCES:
            for words in ([], ["-c"]):
                with self.subTest(source=source, words=words):
                    self.convert(*TO_QCOW2, *words, source, "new")

    def test_options(self):
        for options in OPTIONS:
            for source in ("over.qcow2", "compressed.qcow2"):
                words = ["-o", options] if options else []
                with self.subTest(options=options, source=source):
                    self.convert(*TO_QCOW2, *words, source, "new")

    def test_compressed(self):
        for options in ("", "compression_type=zstd", "cluster_size=4k", "extended_l2=on",
                        "compat=0.10", "cluster_size=2M", "refcount_bits=8"):
            for source in ("compressed.qcow2", "zstd.qcow2", "disk.raw", "over.qcow2"):
                words = ["-o", options] if options else []
                with self.subTest(options=options, source=source):
                    self.convert(*TO_QCOW2, "-c", *words, source, "new")
                    sizes = [os.stat(os.path.join(folder, "new")).st_size
                             for folder in (self.theirs, self.ours)]
                    self.assertLessEqual(sizes[1], sizes[0] * 1.05 + (1 << 20 if "2M" in options
                                                                      else 1 << 16))

    def test_compressed_without_holes(self):
        """Zeros are explicit, and compressed like everything else."""
        for source in ("over.qcow2", "disk.raw"):
            self.convert(*TO_QCOW2, "-c", "-S", "0", source, "new")
            sizes = [os.stat(os.path.join(folder, "new")).st_size
                     for folder in (self.theirs, self.ours)]
            self.assertLessEqual(sizes[1], sizes[0] * 1.05 + (1 << 16))

    def test_flags(self):
        for words in (["-S", "0"], ["-S", "64k"], ["-S", "512"], ["-m", "1"], ["-m", "16", "-W"],
                      ["-W", "-c"], ["-C"], ["-t", "none"], ["-T", "none"], ["-t", "writethrough"],
                      ["-t", "unsafe"], ["-q"], ["-p"], ["-r", "1G"], ["--salvage"], ["-U"],
                      ["-f", "qcow2"], ["-c", "-S", "0"]):
            with self.subTest(words=words):
                self.convert(*TO_QCOW2, *words, "over.qcow2", "new")

    def test_map(self):
        """Where the map is what the option is about, it is the same."""
        for words in (["-S", "0"], ["-o", "preallocation=full"], ["-o", "preallocation=falloc"],
                      []):
            with self.subTest(words=words):
                self.convert(*TO_QCOW2, *words, "over.qcow2", "new")
                maps = [self.qemu("map", "--output=json", "new", folder=folder)
                        for folder in (self.theirs, self.ours)]
                self.assertEqual(*maps)

    def test_many(self):
        self.convert(*TO_QCOW2, "plain.qcow2", "small.qcow2", "disk.raw", "new")
        self.convert(*TO_QCOW2, "-c", "compressed.qcow2", "compressed.qcow2", "new")
        self.convert(*TO_QCOW2, "-c", "odd.raw", "compressed.qcow2", "new")

    def test_backing(self):
        for words in (["-B", "plain.qcow2", "-F", "qcow2"],
                      ["-o", "backing_file=plain.qcow2,backing_fmt=qcow2"],
                      ["-c", "-B", "plain.qcow2", "-F", "qcow2"],
                      ["-B", "plain.qcow2", "-F", "qcow2", "-o", "extended_l2=on"],
                      ["-B", "plain.qcow2", "-F", "qcow2", "-o", "compat=0.10"],
                      ["-B", "plain.qcow2", "-F", "qcow2", "-o", "cluster_size=4k"],
                      ["-B", "plain.qcow2", "-F", "qcow2", "-o", "cluster_size=2M"],
                      ["-B", "small.qcow2", "-F", "qcow2"], ["-B", "disk.raw", "-F", "raw"]):
            with self.subTest(words=words):
                self.convert(*TO_QCOW2, *words, "over.qcow2", "new")

    def test_data_file(self):
        for options in ("data_file=d", "data_file=d,data_file_raw=on",
                        "data_file=d,preallocation=full"):
            with self.subTest(options=options):
                self.convert(*TO_QCOW2, "-o", options, "over.qcow2", "new")
                content = []
                for folder in (self.theirs, self.ours):
                    with open(os.path.join(folder, "d"), "rb") as file:
                        content.append(file.read())
                if "raw" in options:
                    self.assertTrue(content[0] == content[1], "data files differ")
        self.assert_differs("said beforehand, and nothing is made", *TO_QCOW2, "-c", "-o",
                            "data_file=d2", "over.qcow2", "other",
                            stderr="not supported for images with a data file")
        self.assertFalse(os.path.exists(os.path.join(self.ours, "other")))
        self.assertFalse(os.path.exists(os.path.join(self.ours, "d2")))

    def test_snapshot(self):
        for folder in (self.theirs, self.ours):
            self.qemu("snapshot", "-c", "first", "plain.qcow2", folder=folder)
            self.io("write -P 1 0 3M", name="plain.qcow2", folder=folder)
        for words in (["-l", "first"], ["-l", "snapshot.name=first"], ["-l", "1"],
                      ["-c", "-l", "first"]):
            with self.subTest(words=words):
                self.convert(*TO_QCOW2, *words, "plain.qcow2", "new")
        self.assert_same(*TO_QCOW2, "-l", "second", "plain.qcow2", "new")

    def test_existing(self):
        for make, words in (
                (["-f", "qcow2", "new", "12M"], []),
                (["-f", "qcow2", "new", "12M"], ["-c"]),
                (["-f", "qcow2", "new", "12M"], ["--target-is-zero"]),
                (["-f", "qcow2", "-o", "extended_l2=on", "new", "12M"], []),
                (["-f", "qcow2", "-b", "v2.qcow2", "-F", "qcow2", "new", "10M"], []),
                (["-f", "qcow2", "-b", "plain.qcow2", "-F", "qcow2", "new", "10M"],
                 ["-B", "plain.qcow2", "-F", "qcow2"]),
                (["-f", "qcow2", "-o", "preallocation=full", "new", "10M"], [])):
            for source in ("over.qcow2", "compressed.qcow2")[:1 if words == ["-c"] else 2]:
                with self.subTest(make=make, words=words, source=source):
                    for folder in (self.theirs, self.ours):
                        self.qemu("create", "-q", *make, folder=folder)
                        # (qemu-img cannot compress over what is there; we can)
                        if not {"--target-is-zero", "-c"} & set(words):
                            self.io("write -P 8 0 4M", name="new", folder=folder)
                    self.convert(*TO_QCOW2, "-n", *words, source, "new")

    def test_existing_by_options(self):
        for folder in (self.theirs, self.ours):
            self.qemu("create", "-q", "-f", "qcow2", "new", "10M", folder=folder)
        for target in ("driver=qcow2,file.filename=new", "file.filename=new"):
            with self.subTest(target=target):
                self.assert_same("convert", "-n", "--target-image-opts", "over.qcow2", target)
                self.assert_alike("new")
        self.assert_same("convert", "-n", "--image-opts", "--target-image-opts",
                         "driver=qcow2,file.filename=over.qcow2", "driver=qcow2,file.filename=new")
        self.assert_alike("new")

    def bitmaps_of(self, name, folder):
        data = self.info(name, folder)["format-specific"]["data"]
        return data.get("bitmaps", [])

    def make_bitmaps(self, folder):
        for words in (["one"], ["-g", "1M", "two"], ["three"]):
            self.qemu("bitmap", "--add", *words[:-1], "plain.qcow2", words[-1], folder=folder)
        self.io("write -P 1 2M 1M", name="plain.qcow2", folder=folder)
        self.qemu("bitmap", "--disable", "plain.qcow2", "two", folder=folder)
        self.io("write -P 1 7M 64k", name="plain.qcow2", folder=folder)

    def break_bitmap(self, folder):
        """Sets the flag "in use" of the first entry in the directory."""
        with open(os.path.join(folder, "plain.qcow2"), "r+b") as file:
            data = file.read(4096)
            at = data.index(b"\x23\x85\x28\x75") + 8
            directory = int.from_bytes(data[at + 16:at + 24], "big")
            file.seek(directory + 15)
            flags = file.read(1)[0]
            file.seek(directory + 15)
            file.write(bytes([flags | 1]))

    def test_bitmaps(self):
        for folder in (self.theirs, self.ours):
            self.make_bitmaps(folder)
        for words in ([], ["-c"], ["-o", "cluster_size=4k"], ["-o", "data_file=d"]):
            with self.subTest(words=words):
                self.convert(*TO_QCOW2, "--bitmaps", *words, "plain.qcow2", "new")
                self.assertEqual(len(self.bitmaps_of("new", self.ours)), 3)
        self.convert(*TO_QCOW2, "--bitmaps", "over.qcow2", "new")
        self.assert_same(*TO_QCOW2, "--bitmaps", "-o", "compat=0.10", "plain.qcow2", "other")
        self.assert_same("convert", "--bitmaps", "plain.qcow2", "other")

    def test_bitmaps_marks(self):
        """A bitmap that was copied marks what its model does: both bits' tables are the same."""
        for folder in (self.theirs, self.ours):
            self.make_bitmaps(folder)
        self.convert(*TO_QCOW2, "--bitmaps", "plain.qcow2", "new")
        marks = [QcowBitmaps(os.path.join(folder, "new")).marks()
                 for folder in (self.theirs, self.ours)]
        self.assertEqual(*marks)
        self.assertIn("two", marks[0])

    def test_bitmaps_broken(self):
        for folder in (self.theirs, self.ours):
            self.make_bitmaps(folder)
            self.break_bitmap(folder)
        self.assert_same(*TO_QCOW2, "--bitmaps", "plain.qcow2", "new")
        self.convert(*TO_QCOW2, "--bitmaps", "--skip-broken-bitmaps", "plain.qcow2", "new")
        self.assert_same(*TO_QCOW2, "-n", "--bitmaps", "--skip-broken-bitmaps", "plain.qcow2",
                         "small.qcow2")

    def test_bitmaps_broken_over_a_former_image(self):
        """What fails at the bitmaps has not yet touched what it was to replace."""
        self.convert(*TO_QCOW2, "-o", "data_file=d", "over.qcow2", "new")
        self.make_bitmaps(self.ours)
        self.break_bitmap(self.ours)
        before = [open(os.path.join(self.ours, name), "rb").read() for name in ("new", "d")]
        done = ours(*TO_QCOW2, "--bitmaps", "-o", "data_file=d", "plain.qcow2", "new",
                    folder=self.ours)
        self.assertEqual(done.status, 1)
        self.assertIn(b"inconsistent", done.stderr)
        after = [open(os.path.join(self.ours, name), "rb").read() for name in ("new", "d")]
        self.assertTrue(after == before, "the former image has changed")

    def test_bitmaps_existing(self):
        for folder in (self.theirs, self.ours):
            self.make_bitmaps(folder)
            self.qemu("create", "-q", "-f", "qcow2", "new", "8M", folder=folder)
        self.convert(*TO_QCOW2, "-n", "--bitmaps", "plain.qcow2", "new")
        self.assert_differs("qemu-img begins with the last", *TO_QCOW2, "-n", "--bitmaps",
                            "plain.qcow2", "new",
                            stderr="Failed to create bitmap one: Bitmap already exists: one")

    def test_replaces(self):
        for folder in (self.theirs, self.ours):
            os.chmod(os.path.join(folder, "small.qcow2"), 0o640)
        self.assert_same(*TO_QCOW2, "over.qcow2", "small.qcow2", target="small.qcow2")
        mode = os.stat(os.path.join(self.ours, "small.qcow2")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o640)

    def test_private(self):
        for mode, expected in ((0o644, 0o644), (0o640, 0o600)):
            os.chmod(os.path.join(self.ours, "disk.raw"), mode)
            self.convert(*TO_QCOW2, "disk.raw", "new")
            found = os.stat(os.path.join(self.ours, "new")).st_mode
            self.assertEqual(stat.S_IMODE(found), expected)

    def test_nothing_left_behind(self):
        before = sorted(os.listdir(self.ours))
        self.convert(*TO_QCOW2, "-o", "data_file=d", "over.qcow2", "new")
        self.assertEqual(sorted(os.listdir(self.ours)), sorted(before + ["new", "d"]))

    def test_errors(self):
        for words in (
                [*TO_QCOW2], [*TO_QCOW2, "plain.qcow2"], [*TO_QCOW2, "nowhere", "new"],
                [*TO_QCOW2, "plain.qcow2", "nowhere/new"], [*TO_QCOW2, "plain.qcow2", "foo:new"],
                ["convert", "-O", "foo", "plain.qcow2", "new"],
                [*TO_QCOW2, "-c", "-o", "preallocation=metadata", "plain.qcow2", "new"],
                [*TO_QCOW2, "-c", "-o", "encrypt.format=luks", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "foo", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "compat=foo", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "preallocation=foo", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "compression_type=foo", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "cluster_size=3", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "cluster_size=foo", "plain.qcow2", "new"],
                [*TO_QCOW2, "-o", "", "plain.qcow2", "new"],
                [*TO_QCOW2, "-F", "qcow2", "plain.qcow2", "new"],
                [*TO_QCOW2, "-B", "plain.qcow2", "over.qcow2", "new"],
                [*TO_QCOW2, "-o", "backing_file=plain.qcow2", "over.qcow2", "new"],
                [*TO_QCOW2, "-B", "plain.qcow2", "-F", "foo", "over.qcow2", "new"],
                [*TO_QCOW2, "-B", "plain.qcow2", "-F", "qcow2", "v2.qcow2", "over.qcow2", "new"],
                [*TO_QCOW2, "-B", "plain.qcow2", "-F", "qcow2", "-o", "preallocation=metadata",
                 "over.qcow2", "new"],
                [*TO_QCOW2, "-n", "-B", "plain.qcow2", "v2.qcow2", "over.qcow2", "small.qcow2"],
                ["convert", "-B", "plain.qcow2", "-F", "qcow2", "over.qcow2", "new"],
                ["convert", "-c", "over.qcow2", "new"],
                [*TO_QCOW2, "-n", "over.qcow2", "new"],
                [*TO_QCOW2, "-n", "over.qcow2", "disk.raw"],
                [*TO_QCOW2, "-n", "over.qcow2", "small.qcow2"],
                [*TO_QCOW2, "-n", "-o", "compat=v3", "over.qcow2", "small.qcow2"],
                [*TO_QCOW2, "--target-is-zero", "over.qcow2", "new"],
                [*TO_QCOW2, "--target-image-opts", "over.qcow2", "new"],
                [*TO_QCOW2, "--skip-broken-bitmaps", "over.qcow2", "new"],
                [*TO_QCOW2, "-C", "-c", "over.qcow2", "new"],
                [*TO_QCOW2, "-C", "-S", "4k", "over.qcow2", "new"],
                [*TO_QCOW2, "-C", "--salvage", "over.qcow2", "new"],
                [*TO_QCOW2, "-m", "0", "over.qcow2", "new"],
                [*TO_QCOW2, "-m", "17", "over.qcow2", "new"],
                [*TO_QCOW2, "-S", "3", "over.qcow2", "new"],
                [*TO_QCOW2, "-r", "foo", "over.qcow2", "new"],
                [*TO_QCOW2, "-T", "foo", "over.qcow2", "new"],
                [*TO_QCOW2, "-t", "foo", "over.qcow2", "new"],
                [*TO_QCOW2, "-f", "foo", "over.qcow2", "new"],
                [*TO_QCOW2, "--bitmaps", "over.qcow2", "plain.qcow2", "new"],
                [*TO_QCOW2, "--bitmaps", "disk.raw", "new"],
                [*TO_QCOW2, "--bitmaps", "v2.qcow2", "new"],
                [*TO_QCOW2, "-X"], [*TO_QCOW2, "-B"]):
            with self.subTest(words=words):
                self.assert_same(*words)

    def test_backing_is_missing(self):
        self.assert_same(*TO_QCOW2, "-B", "nowhere", "-F", "raw", "over.qcow2", "new")
        self.assertFalse(os.path.exists(os.path.join(self.ours, "new")))

    def test_help(self):
        for words in (["-o", "help"], ["-o", "?", "plain.qcow2", "new"], ["-o", "help", "one"]):
            for kind in ([], ["-O", "qcow2"], ["-O", "raw"], ["-O", "foo"]):
                with self.subTest(words=words, kind=kind):
                    self.assert_same("convert", *kind, *words)

    def test_onto_what_is_read(self):
        for words in (["over.qcow2", "over.qcow2"], ["over.qcow2", "plain.qcow2"],
                      ["-B", "v2.qcow2", "-F", "qcow2", "over.qcow2", "v2.qcow2"]):
            with self.subTest(words=words):
                their, our = self.both(*TO_QCOW2, *words)
                self.assertEqual(our.status, 1, self.report(words, their, our))
                self.assertIn(b"lock", our.stderr)
                done = self.qemu("compare", "over.qcow2", os.path.join(self.stock, "over.qcow2"),
                                 folder=self.ours)
                self.assertIn(b"identical", done)
                self.renew()

    @unittest.skipUnless(os.path.exists("/dev/full"), "lacks /dev/full")
    def test_stdout_takes_raw(self):
        self.assert_differs("a qcow2 image has no place in a stream", *TO_QCOW2, "plain.qcow2",
                            "-", stderr="Only the format raw")

    def test_random(self):
        print(f"# SINTER_SEED={SEED}")
        rand = random.Random(SEED)
        for _ in range(25):
            words = []
            for flag in ("-c", "-W", "-C", "-q", "-n"):
                if rand.random() < 0.15:
                    words.append(flag)
            for flag, values in (("-m", ["1", "3", "16"]), ("-S", ["0", "4k", "64k"]),
                                 ("-t", ["none", "writeback"]), ("-o", OPTIONS[1:]),
                                 ("-B", ["plain.qcow2"])):
                if rand.random() < 0.25:
                    words += [flag, rand.choice(values)]
            if "-B" in words:
                words += ["-F", "qcow2"]
            # qemu-img cannot compress the end of a disk into the middle of an image
            if {"-c", "-n"} <= set(words):
                words.remove("-n")
            sources = rand.sample(SOURCES, 1 + (rand.random() < 0.15))
            with self.subTest(SINTER_SEED=SEED, words=words, sources=sources):
                for folder in (self.theirs, self.ours):
                    if "-n" in words:
                        self.qemu("create", "-q", "-f", "qcow2", "new", "6G", folder=folder)
                self.convert(*TO_QCOW2, *words, *sources, "new")


class Shared(unittest.TestCase):
    """Where the file system shares blocks, a copy that is not compressed takes none of its own."""

    def free_bytes(self, folder):
        os.sync()
        figures = os.statvfs(folder)
        return figures.f_bfree * figures.f_frsize

    def check(self, place):
        if not place:
            self.skipTest("no such file system is mounted")
        with tempfile.TemporaryDirectory(dir=place) as folder:
            with open(os.path.join(folder, "disk.raw"), "wb") as file:
                file.write(random.Random(7).randbytes(24 << 20))
            for source, kind, target in (("disk.raw", "qcow2", "one.qcow2"),
                                         ("one.qcow2", "qcow2", "two.qcow2"),
                                         ("two.qcow2", "raw", "back.raw")):
                with self.subTest(source=source, kind=kind):
                    before = self.free_bytes(folder)
                    done = ours("convert", "-O", kind, source, target, folder=folder)
                    self.assertEqual(done.status, 0, str(done))
                    self.assertLess(before - self.free_bytes(folder), 4 << 20)
                    done = theirs("compare", "disk.raw", "-f", "raw", target, folder=folder)
                    self.assertEqual(done.status, 0, str(done))
            self.assertEqual(theirs("check", "two.qcow2", folder=folder).status, 0)

    def test_xfs(self):
        self.check(os.environ.get("SINTER_TEST_XFS"))

    def test_btrfs(self):
        self.check(os.environ.get("SINTER_TEST_BTRFS"))


class Salvage(ImgCase):
    def test_ranges(self):
        """What cannot be read is told range by range, not for each cluster, and in all."""
        self.create("plain", "4M", writes=["write -P 7 0 4M"])
        self.qemu("convert", "-c", "-O", "qcow2", "plain", "packed")
        image = self.content("packed")
        number = lambda at: int.from_bytes(image[at:at + 8], "big")  # noqa: E731
        l2 = number(number(40)) & (1 << 56) - 512
        for cluster in (4, 5, 6, 7, 20):
            # more than the file holds
            self.poke("packed", l2 + 8 * cluster, (1 << 62 | 1 << 50).to_bytes(8, "big"))
        done = ours("convert", "--salvage", "-O", "raw", "packed", "out", folder=self.folder)
        self.assertEqual(done.status, 0, done)
        lines = done.stderr.decode().splitlines()
        self.assertEqual(len(lines), 3, lines)
        self.assertRegex(lines[0], "error while reading offset 262144, 262144 bytes become zeros")
        self.assertRegex(lines[1], "error while reading offset 1310720, 65536 bytes become zeros")
        self.assertRegex(lines[2], "warning: 327680 bytes in 2 ranges could not be read")
        content = self.content("out")
        for at in range(0, 4 << 20, 65536):
            self.assertEqual(content[at], 0 if at // 65536 in (4, 5, 6, 7, 20) else 7, at)


if __name__ == "__main__":
    unittest.main()
