# SPDX-License-Identifier: LGPL-2.1-or-later
"""Internal snapshots of damaged images: the disk reverted to one of them where qemu-img and `snapshot
-a` refuse, and snapshots deleted. Judged by qemu-img and qemu-io."""

import json
import os
import pty
import re
import struct
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

KINDS = {"plain": "", "v2": "compat=0.10", "subclusters": "extended_l2=on",
         "narrow": "refcount_bits=2", "wide": "refcount_bits=64,cluster_size=4k"}


class SpareCase(img.ImgCase):
    def ours(self, *words, status=0):
        done = img.ours(*words, folder=self.folder)
        self.assertEqual(done.status, status, f"{words}: {done}")
        return done

    def make(self, kind="plain"):
        """Snapshots 'one' and 'two', and a disk that differs from both."""
        self.create("image", options=KINDS[kind], writes=["write -P 1 0 1M", "write -P 2 4M 1M"])
        self.qemu("snapshot", "-c", "one", "image")
        self.io("write -P 3 512k 1M", name="image")
        self.qemu("snapshot", "-c", "two", "image")
        self.io("write -P 4 4M 64k", "write -P 5 6M 64k", "write -P 6 64k 64k", name="image")
        self.states = {name: self.read(name) for name in ("one", "two")}

    def read(self, snapshot=None):
        words = ["-l", f"snapshot.name={snapshot}"] if snapshot else []
        self.qemu("convert", "-O", "raw", *words, "image", "content")
        return self.content("content")

    def entries(self, offset, n):
        with open(self.path("image"), "rb") as file:
            file.seek(offset)
            return struct.unpack(f">{n}Q", file.read(n * 8))

    def header(self):
        with open(self.path("image"), "rb") as file:
            return struct.unpack(">I I Q I I Q I I Q Q I I Q", file.read(72))

    def l1(self):
        """Places of the active L1 table and of its first L2 table."""
        offset = self.header()[8]
        return offset, self.entries(offset, 1)[0] & 0x00fffffffffffe00

    def spoil(self, how):
        l1, l2 = self.l1()
        if how == "l2-garbage":
            self.poke("image", l2, bytes(range(1, 256)) * 16)
        elif how == "l1-beyond":
            self.poke("image", l1, struct.pack(">Q", 1 << 50))
        elif how == "l1-lost":
            self.poke("image", 40, struct.pack(">Q", 1 << 50))
        elif how == "corrupt-bit":
            self.poke("image", l2, b"\x00\x00\x7f\xff\xff\xff\x00\x01")
            self.poke("image", 79, b"\x02")
        elif how == "refcounts":
            self.poke("image", l2, b"\xff" * 64)
            table = self.header()[9]
            self.poke("image", self.entries(table, 1)[0], b"\0" * 512)

    def assert_sound(self):
        done = img.theirs("check", "image", folder=self.folder)
        self.assertEqual(done.status, 0, done)
        self.ours("check", "-q", "image")


class FromSnapshot(SpareCase):
    def restore(self, snapshot="two"):
        return self.ours("check", "-r", "all", "--from-snapshot", snapshot, "--yes", "image")

    def trial(self, how, kind="plain", snapshot="two"):
        self.make(kind)
        self.spoil(how)
        before = self.content("image")
        done = img.ours("snapshot", "-a", snapshot, "image", folder=self.folder)
        self.assertNotEqual(done.status, 0, "the ordinary way does not refuse")
        self.assertTrue(self.content("image") == before)
        self.restore(snapshot)
        self.assert_sound()
        self.assertTrue(self.read() == self.states[snapshot], "another content")
        for name, content in self.states.items():
            self.assertTrue(self.read(name) == content, f"snapshot {name} changed")
        # the disk can be used, and what the snapshots have stays
        self.io("write -P 9 0 2M", "write -P 9 4M 1M", name="image")
        self.assert_sound()
        for name, content in self.states.items():
            self.assertTrue(self.read(name) == content, f"snapshot {name} changed by a write")
        return before

    def test_damages(self):
        for how in ("l2-garbage", "l1-beyond", "l1-lost", "corrupt-bit", "refcounts"):
            with self.subTest(how=how):
                self.trial(how)

    def test_kinds(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.trial("l2-garbage", kind, "one")

    def test_undo(self):
        before = self.trial("l1-lost")
        # the guest has written since
        done = self.ours("undo", "image.undo", status=1)
        self.assertIn(b"nothing was restored", done.stderr)
        self.make()
        self.spoil("l1-lost")
        before = self.content("image")
        self.restore()
        self.ours("undo", "image.undo.1")
        self.assertTrue(self.content("image") == before)

    def test_other_size(self):
        self.make()
        self.qemu("resize", "-q", "image", "12M")
        self.spoil("l2-garbage")
        self.restore()
        self.assert_sound()
        self.assertTrue(self.read() == self.states["two"])

    def test_a_damaged_snapshot_is_refused(self):
        self.make()
        self.spoil("l2-garbage")
        # the table of snapshot "one", which no other state uses
        table = self.header()[12]
        l2 = self.entries(self.entries(table, 1)[0], 1)[0] & 0x00fffffffffffe00
        self.poke("image", l2, b"\xff" * 512)
        before = self.content("image")
        done = self.ours("check", "-r", "all", "--from-snapshot", "one", "--yes", "image", status=1)
        self.assertIn(b"snapshot 'one' is damaged; choose another one", done.stderr)
        self.assertTrue(self.content("image")[:len(before)] == before)
        self.assertEqual(self.read_ours("two"), self.states["two"])

    def read_ours(self, snapshot):
        self.ours("convert", "-O", "raw", "-l", f"snapshot.name={snapshot}", "image", "content")
        return self.content("content")

    def test_what_would_be_lost(self):
        self.make()
        done = self.ours("check", "-r", "all", "--dry-run", "--from-snapshot", "two", "image")
        said = done.stdout.decode()
        self.assertRegex(said, r"0x400000 +65536 +changed")
        self.assertRegex(said, r"0x600000 +65536 +changed")
        self.assertIn("Reverting it loses 196608 changed bytes; 0 bytes cannot be read because of "
                      "damage.", said)
        _, l2 = self.l1()
        self.poke("image", l2 + 96 * 8, b"\0\0\0\0\0\0\1\1")
        done = self.ours("check", "-r", "all", "--dry-run", "--from-snapshot", "two", "image",
                         status=2)
        self.assertRegex(done.stdout.decode(), r"0x600000 +65536 +unreadable")
        done = self.ours("check", "-r", "all", "--output=json", "--yes", "--from-snapshot", "two",
                         "image")
        told = json.loads(done.stdout)["sinter"]["repair"]
        self.assertEqual(told["from-snapshot"], "two")
        self.assertEqual(told["lost"], [{"offset": 0x10000, "length": 65536, "state": "changed"},
                                        {"offset": 0x400000, "length": 65536, "state": "changed"},
                                        {"offset": 0x600000, "length": 65536,
                                         "state": "unreadable"}])
        done = self.ours("check", "-r", "all", "--dry-run", "--from-snapshot", "two", "image")
        self.assertIn(b"The disk does not differ from snapshot 'two'.", done.stdout)

    def test_questions(self):
        self.make()
        before = self.content("image")
        words = ["check", "-r", "all", "--from-snapshot", "two", "image"]
        done = self.ours(*words, status=1)
        self.assertIn(b"use --yes", done.stderr)
        for answer, status in ((b"n\n", 1), (b"y\n", 0)):
            self.assertTrue(self.content("image") == before)
            leader, follower = pty.openpty()
            os.write(leader, answer)
            done = subprocess.run([img.SINTER_IMG, *words], cwd=self.folder, stdin=follower,
                                  capture_output=True, check=False)
            os.close(leader)
            os.close(follower)
            self.assertEqual(done.returncode, status, done)
        self.assertTrue(self.read() == self.states["two"])

    def test_wrong(self):
        self.make()
        for words, text in ((["--from-snapshot", "no"], "there is no snapshot 'no'"),
                            (["--from-snapshot", "9"], "there is no snapshot '9'")):
            done = self.ours("check", "-r", "all", "--yes", *words, "image", status=1)
            self.assertIn(text, done.stderr.decode())
        self.create("data", options="data_file=data.raw")
        done = self.ours("check", "-r", "all", "--yes", "--from-snapshot", "x", "data", status=1)
        self.assertEqual(done.stderr.count(b"\n"), 1)


class Delete(SpareCase):
    def names(self):
        return re.findall(r"^\d+ +(\S+)", self.qemu("snapshot", "-l", "image").decode(), re.M)

    def test_except(self):
        self.make()
        self.qemu("snapshot", "-c", "three", "image")
        self.states["three"] = self.read("three")
        for kept in (["two", "three"], ["2"]):
            self.ours("snapshot", *(f"--delete-except={name}" for name in kept), "image")
            self.assert_sound()
        self.assertEqual(self.names(), ["two"])
        self.assertTrue(self.read("two") == self.states["two"])
        self.assertTrue(self.read() == self.states["three"])

    def test_unknown(self):
        self.make()
        before = self.content("image")
        done = self.ours("snapshot", "--delete-except=two", "--delete-except=no", "image", status=1)
        self.assertIn(b"there is no snapshot 'no'", done.stderr)
        done = self.ours("snapshot", "--delete-except=two", "-d", "one", "image", status=1)
        self.assertIn(b"Cannot mix", done.stderr)
        self.assertTrue(self.content("image") == before)

    def damaged(self, *words):
        """A snapshot is deleted from an image whose active tables are damaged."""
        self.make()
        extents = json.loads(self.qemu("map", "--output=json", "image"))
        host = [extent["offset"] for extent in extents if extent["start"] == 6 * img.MIB][0]
        self.spoil("l2-garbage")
        self.ours("snapshot", *words, "image")
        self.assertEqual(self.names(), ["two"])
        self.assertTrue(self.read("two") == self.states["two"])
        # what the damaged entries may have referred to is still counted and unchanged
        self.assertEqual(self.content("image")[host:host + 65536], b"\5" * 65536)
        done = img.ours("check", "--output=json", "image", folder=self.folder)
        self.assertGreater(json.loads(done.stdout)["leaks"], 0)
        self.ours("check", "-r", "all", "--yes", "--from-snapshot", "two", "image")
        self.assert_sound()
        self.assertTrue(self.read() == self.states["two"])

    def test_one_of_a_damaged_image(self):
        self.damaged("-d", "one")

    def test_others_of_a_damaged_image(self):
        self.damaged("--delete-except=two")

    def test_all_of_a_damaged_image_one_by_one(self):
        self.make()
        self.spoil("l1-beyond")
        for name in ("two", "one"):
            self.ours("snapshot", "-d", name, "image")
        self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
