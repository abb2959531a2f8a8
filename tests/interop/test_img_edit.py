# SPDX-License-Identifier: LGPL-2.1-or-later
"""edit and undo: what qemu-img and qemu-io say of an image that was changed, and that it is restored."""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

CLUSTER = 64 * img.KIB

# arguments of edit, and what is said of them
WRONG = [
    ([], "Must specify what to change"),
    (["--set-flag", "dirty", "--clear-flag", "dirty"],
     "Cannot mix '--set-flag' and '--clear-flag'"),
    (["--set-flag", "bogus"], "there is no flag 'bogus'"),
    (["--set-flag", "incompatible:64"], "there is no flag 'incompatible:64'"),
    (["--write", "5"], "'5' is not of the form OFFSET:HEX"),
    (["--write", "5:123"], "'123' must be 1 to 8 bytes, each with two hexadecimal digits"),
    (["--write", "5:"], "'' must be 1 to 8 bytes, each with two hexadecimal digits"),
    (["--write", "5:001122334455667788"], "must be 1 to 8 bytes"),
    (["--write", "5:zz"], "'zz' must be 1 to 8 bytes"),
    (["--write", "1G:00"], "offset 1073741824 is beyond the end of the file at"),
    (["--copy-cluster", "5"], "'5' is not of the form FROM:TO"),
    (["--copy-cluster", "64k:5"], "offset 5 is not a multiple of the cluster size of 65536"),
    (["--copy-cluster", "64k:1G"], "the cluster at offset 1073741824 is beyond the end of the"),
    (["--copy-cluster", "64k:0"], "the cluster of the header cannot be replaced"),
    (["--copy-cluster", "64k:64k"], "source and destination are the same cluster"),
    (["--empty-l1", "1G"], "guest offset 1073741824 is beyond the L1 table"),
    (["--empty-l2", "1G"], "guest offset 1073741824 is beyond the L1 table"),
    (["--undo-file", "image", "--set-flag", "dirty"], "the undo file 'image' already exists"),
]


class EditCase(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.create("image", writes=["write -P 1 0 64k", "write -P 2 1M 64k", "write -P 3 4M 64k"])
        self.before = self.content("image")

    def ours(self, *words, status=0):
        done = img.ours(*words, folder=self.folder)
        self.assertEqual(done.status, status, f"{words}: {done}")
        return done

    def edit(self, *words, name="image"):
        return self.ours("edit", "--yes", *words, name).stdout.decode()

    def undo(self, name="image"):
        self.ours("undo", f"{name}.undo")
        self.assertTrue(self.content(name) == self.before, "not restored")
        os.unlink(self.path(f"{name}.undo"))

    def check(self, status=0):
        done = img.theirs("check", "--output=json", "image", folder=self.folder)
        self.assertEqual(done.status, status, done)
        return json.loads(done.stdout)


class Edit(EditCase):
    def test_flags(self):
        info = lambda: json.loads(self.qemu("info", "--output=json", "image"))
        self.edit("--set-flag", "dirty")
        self.assertTrue(info()["dirty-flag"])
        self.undo()
        self.edit("--set-flag", "corrupt")
        self.assertTrue(info()["format-specific"]["data"]["corrupt"])
        self.edit("--undo-file=second", "--clear-flag", "corrupt")
        self.assertFalse(info()["format-specific"]["data"]["corrupt"])
        self.assertTrue(self.content("image") == self.before)
        self.ours("undo", "second")
        self.assertTrue(info()["format-specific"]["data"]["corrupt"])
        self.undo()
        self.edit("--set-flag", "lazy-refcounts")
        self.assertTrue(info()["format-specific"]["data"]["lazy-refcounts"])
        self.undo()
        self.edit("--set-flag", "incompatible:40")
        done = img.theirs("info", "image", folder=self.folder)
        self.assertIn(b"Unknown incompatible feature", done.stderr)
        self.undo()

    def test_write(self):
        self.edit("--write", "0x50000:00112233")
        self.assertEqual(self.content("image")[0x50000:0x50005].hex(), "00112233" + "01")
        self.undo()
        # as many bytes as fit, at the end of the file
        end = len(self.before) - 8
        self.edit("--write", f"{end}:ffeeddccbbaa9988")
        self.assertEqual(self.content("image")[end:].hex(), "ffeeddccbbaa9988")
        self.undo()

    def test_write_raw(self):
        self.qemu("create", "-q", "-f", "raw", "raw", "1000")
        self.edit("-f", "raw", "--write", "998:abcd", name="raw")
        self.assertEqual(self.content("raw")[997:1001].hex(), "00abcd00")
        done = self.ours("edit", "--yes", "-f", "raw", "--set-flag", "dirty", "raw", status=1)
        self.assertIn(b"an image of format 'raw' has no flags and tables", done.stderr)

    def test_copy_cluster(self):
        """One guest cluster gets the content of another, as qemu-io sees it."""
        extents = json.loads(self.qemu("map", "--output=json", "image"))
        host = {entry["start"]: entry["offset"] for entry in extents if entry["data"]}
        self.edit("--copy-cluster", f"{host[0]}:{host[img.MIB]}")
        self.io("read -P 1 1M 64k", name="image")
        self.assertEqual(self.check()["check-errors"], 0)
        self.undo()
        self.io("read -P 2 1M 64k", name="image")

    def test_empty_entries(self):
        self.edit("--empty-l2", "1M")
        self.io("read -P 0 1M 64k", "read -P 1 0 64k", name="image")
        self.assertEqual(self.check(3)["leaks"], 1)
        self.undo()
        self.edit("--empty-l1", "0")
        self.io("read -P 0 0 8M", name="image")
        self.assertEqual(self.check(3)["leaks"], 4)
        self.undo()
        self.check()

    def test_extended_l2(self):
        self.create("image", options="extended_l2=on", writes=["write -P 1 0 8k"])
        self.before = self.content("image")
        self.assertIn("16 bytes at offset", self.edit("--empty-l2", "0"))
        self.io("read -P 0 0 64k", name="image")
        self.undo()

    def test_shared_table(self):
        self.qemu("snapshot", "-c", "one", "image")
        self.before = self.content("image")
        said = self.edit("--empty-l2", "1M")
        self.assertIn("Note: internal snapshots that share this L2 table change as well.", said)
        self.undo()

    def test_wrong(self):
        for words, text in WRONG:
            with self.subTest(words=words):
                done = self.ours("edit", "--yes", *words, "image", status=1)
                self.assertIn(text, done.stderr.decode())
                self.assertTrue(self.content("image") == self.before)
                self.assertFalse(os.path.exists(self.path("image.undo")))
        self.create("v2", options="compat=0.10")
        done = self.ours("edit", "--yes", "--set-flag", "dirty", "v2", status=1)
        self.assertIn(b"a version 2 image has no feature flags", done.stderr)
        self.poke("image", 40, b"\x7f" + bytes(7))
        done = self.ours("edit", "--yes", "--empty-l1", "0", "image", status=1)
        self.assertIn(b"the L1 table at offset 9151314442816847872 is not in the file", done.stderr)

    def test_nothing_to_change(self):
        said = self.edit("--clear-flag", "dirty")
        self.assertIn("Nothing was changed: the bytes are there already.", said)
        self.assertFalse(os.path.exists(self.path("image.undo")))

    def test_in_use(self):
        with self.writer("image"):
            done = self.ours("edit", "--yes", "--set-flag", "dirty", "image", status=1)
            self.assertIn(b"lock", done.stderr)

    def test_no_undo_file(self):
        said = self.edit("--undo-file=none", "--set-flag", "dirty")
        self.assertNotIn("undo", said)
        self.assertEqual(sorted(os.listdir(self.folder)), ["image"])

    def test_no_file_is_overwritten(self):
        for name in ("image.undo", "image.undo.1"):
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write("other")
        self.assertIn("undo image.undo.2", self.edit("--set-flag", "dirty").replace("'", ""))
        self.assertEqual(self.content("image.undo.1"), b"other")
        self.assertEqual(os.stat(self.path("image.undo.2")).st_mode & 0o777, 0o600)

    def test_not_a_terminal(self):
        done = self.ours("edit", "--set-flag", "dirty", "image", status=1)
        self.assertIn(b"use --yes", done.stderr)
        self.assertRegex(done.stdout.decode(), "before 00 .*\n  after  00 00 00 00 00 00 00 01")
        self.assertTrue(self.content("image") == self.before)

    def ask(self, answer):
        """Runs edit on a terminal."""
        leader, follower = pty.openpty()
        try:
            os.write(leader, answer)
            return subprocess.run([img.SINTER_IMG, "edit", "--set-flag", "dirty", "image"],
                                  cwd=self.folder, stdin=follower, capture_output=True,
                                  check=False)
        finally:
            os.close(leader)
            os.close(follower)

    def test_question(self):
        for answer in (b"n\n", b"\n", b"\x04"):
            done = self.ask(answer)
            self.assertEqual(done.returncode, 1, answer)
            self.assertTrue(done.stdout.endswith(b"Change the image? [y/N] "), done)
            self.assertIn(b"Nothing was changed", done.stderr)
            self.assertTrue(self.content("image") == self.before)
        self.assertEqual(self.ask(b"y\n").returncode, 0)
        self.undo()


class Undo(EditCase):
    def setUp(self):
        super().setUp()
        self.edit("--empty-l2", "1M")

    def refused(self, text, *words, lines=1):
        before = self.content("image")
        done = self.ours("undo", *words, status=1)
        self.assertRegex(done.stderr.decode(), text)
        self.assertEqual(done.stderr.count(b"\n"), lines, done)
        self.assertTrue(self.content("image") == before)

    def test_list(self):
        said = self.ours("undo", "--dry-run", "image.undo").stdout.decode()
        self.assertRegex(said, r"image: .*/image\noperation: edit --empty-l2\ndate: 20\d\d-.*\n"
                               r"complete: yes\n")
        self.assertRegex(said, r"0x40000 +4096")
        told = json.loads(self.ours("undo", "-n", "--output=json", "image.undo").stdout)
        self.assertEqual(told["ranges"], [{"offset": 0x40000, "length": 4096}])
        self.assertEqual((told["complete"], told["restored"]), (True, False))
        self.assertEqual(told["file-size"], len(self.before))
        self.assertFalse(self.content("image") == self.before)
        told = json.loads(self.ours("undo", "--output=json", "image.undo").stdout)
        self.assertTrue(told["restored"])
        self.assertTrue(self.content("image") == self.before)

    def test_twice_and_quiet(self):
        for _ in range(2):
            done = self.ours("undo", "-q", "image.undo")
            self.assertEqual((done.stdout, done.stderr), (b"", b""))
            self.assertTrue(self.content("image") == self.before)

    def test_moved(self):
        os.rename(self.path("image"), self.path("elsewhere"))
        self.ours("undo", "image.undo", status=1)
        self.assertIn(b"Restored 'elsewhere'", self.ours("undo", "image.undo", "elsewhere").stdout)
        self.assertTrue(self.content("elsewhere") == self.before)

    def test_written_since(self):
        """A guest that writes where the changed table is."""
        self.io("write -P 9 2M 64k", name="image")
        self.refused(r"'.*image' (was changed at offset \d+|has \d+ bytes instead of \d+)",
                     "image.undo")

    def test_another_image(self):
        self.create("other", "9M", writes=["write -P 1 0 64k"])
        done = self.ours("undo", "image.undo", "other", status=1)
        self.assertRegex(done.stderr.decode(), "other' ")
        self.qemu("check", "other")

    def test_in_use(self):
        with self.writer("image"):
            self.refused("locked by process", "image.undo", lines=2)

    def test_not_an_undo_file(self):
        self.refused("undo file 'image': it is not an undo file", "image")
        self.refused("nowhere", "nowhere")
        self.refused("Expecting an undo file", *["image.undo"] * 3, lines=2)
        shutil.copy(self.path("image.undo"), self.path("bad"))
        self.poke("bad", 20, b"\xff")
        self.refused("undo file 'bad': its header is damaged", "bad")

    def test_cut(self):
        """Without its end an undo file is that of an interrupted operation."""
        size = os.path.getsize(self.path("image.undo"))
        os.truncate(self.path("image.undo"), size - 512)
        said = self.ours("undo", "-n", "image.undo").stdout.decode()
        self.assertIn("complete: no, the operation was interrupted\n", said)
        self.ours("undo", "image.undo")
        self.assertTrue(self.content("image") == self.before)


if __name__ == "__main__":
    unittest.main()
