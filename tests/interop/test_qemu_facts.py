# SPDX-License-Identifier: LGPL-2.1-or-later
"""Facts that QEMU's own tests of qcow2 look at, verb by verb; the numbers are those of its tests."""

import json
import os
import shutil
import unittest

from img import KIB, MIB, ImgCase, ours
from test_write import tool_io


class Facts(ImgCase):
    def done(self, *args, status=0, stderr=""):
        done = ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, f"{args}: {done}")
        self.assertRegex(done.stderr.decode(), stderr or "^")
        return done

    def reads(self, name, image_format="qcow2"):
        self.qemu("convert", "-f", image_format, "-O", "raw", name, "read.raw")
        return self.content("read.raw")

    def test_020_commit(self):
        """Into a smaller and a larger base; a base that cannot be written stays as it was."""
        for base_mib, top_mib in ((4, 8), (8, 4)):
            self.create("base", f"{base_mib}M", writes=["write -P 1 1M 1M"])
            self.create("top", f"{top_mib}M", backing="base", writes=["write -P 2 1536k 1M"])
            content = self.reads("top")
            self.done("commit", "top")
            self.assertTrue(self.reads("top") == content)
            self.assertTrue(self.reads("base")[:len(content)] == content)
            self.assertEqual(len(self.reads("base")), max(base_mib, top_mib) * MIB)
            self.qemu("check", "base")
        self.io("write -P 3 0 64k", name="top")
        before = self.content("base")
        with self.writer("base"):
            self.done("commit", "top", status=1, stderr="lock")
        self.assertTrue(self.content("base") == before)
        self.done("commit", "-d", "top")
        self.io("read -P 3 0 64k", name="base")

    def test_036_features(self):
        """Unknown bits: incompatible ones refuse, autoclear ones are cleared by a writer only."""
        self.create("image", "1M")
        for byte, names in ((72, "8000000000000000"), (72, "c000000000000000")):
            self.poke("image", byte, bytes([int(names[:2], 16)]))
            self.done("info", "image", status=1, stderr=f"Unknown incompatible feature: {names}")
            self.assert_same("info", "image")
        self.poke("image", 72, b"\0")
        # the corrupt bit: one line says what follows
        self.poke("image", 79, b"\2")
        self.done("check", "image", stderr="^Note image-corrupt: .* marked as corrupt.*not written to "
                                           "until a repair \\(-r all\\).*\n$")
        self.done("bench", "-q", "-w", "-c", "1", "image", status=1, stderr="marked as corrupt")
        self.poke("image", 79, b"\0")
        self.poke("image", 88, b"\x80")
        self.done("info", "image")
        self.assertEqual(self.content("image")[88], 0x80)
        self.done("bench", "-q", "-w", "-c", "1", "image")
        self.assertEqual(self.content("image")[88], 0)

    def test_036_names_beside_other_errors(self):
        """An unknown bit is named from the table, and first, whatever else is wrong."""
        bit = 1 << 40
        for at, value, bits in ((96, 9, bit), (20, 12, bit | 1 << 4), (36, 0x7fffffff, bit),
                                (40, 0x123, bit), (48, 0x123, bit), (24, 1 << 63, bit),
                                (32, 9, bit), (16, 2000, bit), (104, 9 << 56, bit | 1 << 3),
                                (100, 96, bit), (0, 0x514649fb << 32 | 3, bit | 3 << 41)):
            self.create("image", "1M")
            table = self.content("image").index(bytes.fromhex("6803f857")) + 8
            self.poke("image", 72, bits.to_bytes(8, "big"))
            self.poke("image", table, bytes([0, 40]) + b"my feature".ljust(46, b"\0"))
            self.poke("image", at, value.to_bytes(8 if at in (0, 24, 40, 48, 104) else 4, "big"))
            for words in (("info",), ("convert", "-O", "raw")):
                self.assert_same(*words, "image", *(["out"] if words[0] == "convert" else []))

    def test_049_options(self):
        """How sizes, cluster sizes and the other options are read, and what is no value."""
        sizes = ["1024", "1024b", "1k", "1K", "1M", "1G", "1T", "1024.0", "1024.0b", "1.5k", "1.5K",
                 "1.5M", "1.5G", "1.5T", "1kilobyte", "foobar", "1.5", "0x400", "1e3", "1 M", "9E",
                 "16E", " 1k", "+1k", ""]
        for size in sizes:
            self.assert_same("create", "-f", "qcow2", "image", size)
            if size != "9E":    # negative, says qemu-img here; too large, as in the other place
                self.assert_same("create", "-f", "qcow2", "-o", f"size={size}", "image")
        for size in ("-1024", "-1k"):
            self.assert_same("create", "-f", "qcow2", "image", "--", size)
            self.assert_same("create", "-f", "qcow2", "-o", f"size={size}", "image")
        for option in (*(f"cluster_size={size}" for size in
                         ("1024", "1024b", "1k", "1K", "1M", "1024.0", "1024.0b", "0.5k", "0.5K",
                          "0.5M", "1234", "64", "4M", "0", "k")),
                       "compat=0.10", "compat=1.1", "compat=0.42", "compat=foobar", "compat=v2",
                       "compat=v3", "compat=", "preallocation=off", "preallocation=metadata",
                       "preallocation=1234", "encryption=off", "compat=1.1,lazy_refcounts=off",
                       "compat=1.1,lazy_refcounts=on", "compat=0.10,lazy_refcounts=off",
                       "compat=0.10,lazy_refcounts=on", "lazy_refcounts=maybe", "lazy_refcounts",
                       "refcount_bits=0", "refcount_bits=128", "refcount_bits=x",
                       "compression_type=lzo", "extended_l2=on,cluster_size=8k"):
            self.assert_same("create", "-f", "qcow2", "-o", option, "image", "64M")

    def test_054_size(self):
        """What does not fit the L1 table is refused, in creation and in resizing."""
        self.assert_same("create", "-f", "qcow2", "-o", "cluster_size=512", "large", "1024G")
        self.create("image", "4G", "cluster_size=512")
        self.done("resize", "image", "1024G", status=1)
        self.qemu("check", "image")
        self.assertEqual(json.loads(self.qemu("info", "--output=json", "image"))["virtual-size"],
                         4 << 30)

    def test_080_header(self):
        """Values that would make a program allocate or read without bounds."""
        for at, value in ((8, (1 << 63) - 1), (16, 0xffffffff), (16, 1024), (36, 0x7fffffff),
                          (40, 0x123456789abcdef0), (48, 0x123400), (56, 0x7fffffff), (56, 1 << 31),
                          (60, 0x7fffffff), (60, 70000), (64, 0x7fff00000000f000), (100, 104 - 8),
                          (100, 0x7fffffff), (20, 64), (20, 8), (96, 64)):
            self.create("image", "64M")
            self.poke("image", at, value.to_bytes(8 if at in (8, 40, 48, 64) else 4, "big"))
            their, our = self.both("convert", "-O", "raw", "image", "out.raw")
            self.assertEqual(our.status != 0, their.status != 0, f"{at}: {value}\n{their}\n{our}")

    def test_112_refcounts(self):
        """Narrow counts: more references than they hold, or wider counts, never a wrong one."""
        for bits in (1, 2, 64):
            self.create("image", "1M", f"refcount_bits={bits}", writes=["write -P 1 0 256k"])
            content = self.reads("image")
            for i in range(5):
                done = ours("snapshot", "-c", f"s{i}", "image", folder=self.folder)
                self.qemu("check", "image")
                self.assertTrue(self.reads("image") == content, done)
            self.io("write -P 2 0 64k", name="image")
            self.qemu("check", "image")
        self.create("image", "1M", "refcount_bits=64", writes=["write -P 1 0 256k"])
        for _ in range(2):
            self.qemu("snapshot", "-c", "s", "image")
        before = self.content("image")
        self.done("amend", "-o", "refcount_bits=1", "image", status=1)
        self.assertTrue(self.content("image") == before)
        self.done("amend", "-o", "refcount_bits=2", "image", status=0)
        self.qemu("check", "image")
        self.done("create", "-f", "qcow2", "-o", "refcount_bits=7", "x", "1M", status=1)
        self.done("create", "-f", "qcow2", "-o", "refcount_bits=8,compat=0.10", "x", "1M", status=1)

    def test_122_convert(self):
        """Onto a backing file, compressed or not; into images that hold something else."""
        self.create("base", "4M", writes=["write -P 17 0 4M"])
        self.create("top", "4M", backing="base", writes=["write -P 0 0 1M", "write -z 1M 64k",
                                                         "write -P 34 3M 1M"])
        content = self.reads("top")
        for words in ([], ["-c"], ["-S", "0"], ["-c", "-S", "0"], ["-W", "-m", "8"]):
            self.done("convert", "-O", "qcow2", "-B", "base", "-F", "qcow2", *words, "top", "new")
            self.assertTrue(self.reads("new") == content, words)
            self.done("convert", "-O", "qcow2", *words, "top", "new")
            self.assertTrue(self.reads("new") == content, words)
            self.qemu("check", "new")
        for options in ("", "cluster_size=4k", "extended_l2=on"):
            self.create("there", "4M", options, writes=["write -P 9 0 4M"])
            self.done("convert", "-n", "-O", "qcow2", "top", "there")
            self.assertTrue(self.reads("there") == content, options)

    def test_138_offsets(self):
        """A table whose entries lead far beyond the file is damage, not memory."""
        self.create("image", "64M", writes=["write -P 1 0 64k"])
        table = int.from_bytes(self.content("image")[48:56], "big")
        for entry in (1 << 55, 1 << 62, (1 << 63) - 65536):
            self.poke("image", table + 8, entry.to_bytes(8, "big"))
            self.assertIn(ours("check", "image", folder=self.folder).status, (1, 2))
            self.assertTrue(self.reads("image")[:64 * KIB] == bytes([1]) * 64 * KIB)

    def test_163_shrink(self):
        """In steps down to nothing, and up again: what was cut off reads as zeros."""
        for options in ("", "cluster_size=512", "extended_l2=on", "refcount_bits=1"):
            self.create("image", "5M", options, writes=["write -P 255 0 5M"])
            self.done("resize", "image", "2M", status=1, stderr="--shrink")
            for size in (2 * MIB, MIB + 512, 512):
                self.done("resize", "--shrink", "image", str(size))
                self.qemu("check", "image")
                self.assertTrue(self.reads("image") == b"\xff" * size, options)
            self.done("resize", "image", "5M")
            self.assertTrue(self.reads("image") == b"\xff" * 512 + bytes(5 * MIB - 512))

    def test_190_measure(self):
        """Huge images with and without bitmaps: where there is nothing to be carried, none is
        counted."""
        self.create("huge", "2T", "cluster_size=2M")
        plain = (("-O", "raw"), ("-O", "qcow2", "-o", "cluster_size=64k"),
                 ("-O", "qcow2", "-o", "cluster_size=2M"), ("-O", "qcow2", "-o", "compat=0.10"))
        for words in plain:
            self.assert_same("measure", *words, "-f", "qcow2", "huge")
        self.qemu("bitmap", "--add", "--granularity", "512", "-f", "qcow2", "huge", "b1")
        self.qemu("bitmap", "--add", "-g", "2M", "-f", "qcow2", "huge", "b2")
        self.assert_same("measure", "-O", "qcow2", "--size", "10M")
        self.assert_same("measure", "-O", "raw", "-f", "qcow2", "huge")
        self.assert_same("measure", "-O", "qcow2", "-o", "compat=0.10", "-f", "qcow2", "huge")
        self.assertNotIn(b"bitmaps", self.done("measure", "-O", "qcow2", "-f", "raw",
                                               "huge").stdout)
        for cluster in (64 * KIB, 2 * MIB):
            most = 0    # the clusters of each bitmap, its table, and the directory
            for granularity in (512, 2 * MIB):
                n = -(-(2 << 40) // granularity // 8 // cluster)
                most += n * cluster + -(-n * 8 // cluster) * cluster
            most += cluster
            said = json.loads(self.done("measure", "--output=json", "-O", "qcow2", "-o",
                                        f"cluster_size={cluster}", "-f", "qcow2", "huge").stdout)
            theirs = json.loads(self.qemu("measure", "--output=json", "-O", "qcow2", "-o",
                                          f"cluster_size={cluster}", "-f", "qcow2", "huge"))
            self.assertEqual(theirs["bitmaps"], most)
            self.assertLessEqual(said["bitmaps"], most)     # empty ones take no clusters
            self.assertEqual((said["required"], said["fully-allocated"]),
                             (theirs["required"], theirs["fully-allocated"]))

    def test_252_beyond_the_backing_file(self):
        """Zeros beyond the end of the backing file are zeros in whatever they are converted into."""
        self.create("base", "1M", writes=["write -P 1 0 1M"])
        self.create("top", "3M", backing="base", writes=["write -P 2 512k 64k", "discard 2M 64k"])
        content = self.reads("top")
        self.create("target", "3M", writes=["write -P 7 0 3M"])
        self.done("convert", "-n", "-O", "qcow2", "top", "target")
        self.assertTrue(self.reads("target") == content)
        shutil.copy(self.path("top"), self.path("copy"))
        self.done("resize", "--shrink", "copy", "512k")
        self.done("resize", "copy", "3M")
        self.assertTrue(self.reads("copy") == content[:512 * KIB] + bytes(3 * MIB - 512 * KIB))
        self.done("rebase", "-b", "", "top")
        self.assertTrue(self.reads("top") == content)
        self.assertLess(os.path.getsize(self.path("top")), 2 * MIB)

    def requests(self, name, *lines):
        done = tool_io(self.path(name), "qcow2", lines)
        self.assertEqual(done.returncode, 0, done.stderr)

    def bitmaps(self, name, n):
        """The allocated and the zero bits of the first extended L2 entries."""
        content = self.content(name)
        l1 = int.from_bytes(content[40:48], "big")
        table = int.from_bytes(content[l1:l1 + 8], "big") & 0x00fffffffffffe00
        entries = (content[table + 16 * i + 8:table + 16 * i + 16] for i in range(n))
        return [(int.from_bytes(e[4:], "big"), int.from_bytes(e[:4], "big")) for e in entries]

    def test_271_subclusters(self):
        """Each request touches the subclusters it has to and no others, with and without a backing
        file: QEMU's writer and ours leave the same bits."""
        kib = KIB
        steps = ((0, 1 * kib, "write"), (3 * kib, 512, "write"), (5 * kib, kib, "write"),
                 (6 * kib, 2 * kib, "write"), (8 * kib, 6 * kib, "write"),
                 (15 * kib, 4 * kib, "write"), (32 * kib, kib, "write"),
                 (63 * kib, 4 * kib, "write"), (2 * kib, 2 * kib, "zero"), (0, 64 * kib, "zero"),
                 (0, 64 * kib, "write"), (0, 32 * kib, "zero"), (3 * kib, 512, "write"),
                 (0, 64 * kib, "write"), (0, 64 * kib, "discard"), (3 * kib, 512, "write"),
                 (128 * kib, 192 * kib, "write"), (200 * kib, 40 * kib, "zero"))
        for backing in (None, "base"):
            self.create("base", "1M", writes=["write -P 255 0 1M"])
            for name in ("ours", "theirs"):
                self.create(name, "1M", "extended_l2=on", backing=backing)
            for i, (offset, length, kind) in enumerate(steps):
                words = {"write": f"write -P {i + 1}", "zero": "write -z", "discard": "discard"}
                self.io(f"{words[kind]} {offset} {length}", name="theirs",
                        options=("-d", "unmap"))
                self.requests("ours", f"{kind} {offset} {length} {i + 1}", "flush")
                for our, their in zip(self.bitmaps("ours", 5), self.bitmaps("theirs", 5)):
                    # where nothing is below, what is not allocated is zero without a bit
                    self.assertEqual(our if backing else our[0], their if backing else their[0],
                                     f"{backing}: {kind} {offset} {length}")
                self.qemu("check", "ours")
            self.assertTrue(self.reads("ours") == self.reads("theirs"))

    def test_303_bitmaps(self):
        """What is told of bitmaps: names, granularities, and which of them record."""
        for kind in ("zlib", "zstd"):
            self.create("image", "10M", f"compression_type={kind}")
            self.qemu("bitmap", "--add", "-g", "32768", "-f", "qcow2", "image", "bitmap-1")
            self.io(*(f"write {i}M 1M" for i in range(6)), name="image")
            self.qemu("bitmap", "--add", "-g", "65536", "-f", "qcow2", "--disable", "image",
                      "bitmap-2")
            self.io("write 6M 1M", "write 7M 1M", name="image")
            self.assert_same("info", "--output=json", "image")
            self.assert_same("info", "image")
            dump = json.loads(self.done("dump", "--all", "--tables=bitmaps", "--output=json",
                                        "image").stdout)
            # bit 1 of the flags: the bitmap records
            self.assertEqual([(b["name"], b["granularity-bits"], b["flags"] & 2, b["type"])
                              for b in dump["bitmaps"]],
                             [("bitmap-1", 15, 2, 1), ("bitmap-2", 16, 0, 1)])


if __name__ == "__main__":
    unittest.main()
