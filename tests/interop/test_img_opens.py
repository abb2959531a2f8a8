# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs of sinter-img that change an image open it by its name once."""

import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

STRACE = shutil.which("strace")


@unittest.skipUnless(STRACE, "lacks strace")
class Opens(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.create("base")
        self.create("other")
        self.create("top", None, backing="base", writes=["write -P 1 0 1M"])

    def opens(self, name, *words):
        """How often `name` was opened; the verb must succeed."""
        log = self.path("trace")
        done = subprocess.run([STRACE, "-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-o",
                               log, img.SINTER_IMG, *words], cwd=self.folder, check=False,
                              env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},
                              stdin=subprocess.DEVNULL, capture_output=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(log, encoding="utf-8") as file:
            names = re.findall(r'open\w*\(.*?"([^"]*)"', file.read())
        return [os.path.basename(one) for one in names].count(name)

    def test_once(self):
        for words in (["amend", "-o", "lazy_refcounts=on", "top"],
                      ["amend", "-o", "refcount_bits=8", "top"], ["resize", "top", "9M"],
                      ["bitmap", "--add", "top", "b"], ["bitmap", "--clear", "top", "b"],
                      ["bitmap", "--remove", "top", "b"],
                      ["snapshot", "-c", "s", "top"], ["snapshot", "-l", "top"],
                      ["snapshot", "-a", "s", "top"], ["snapshot", "-d", "s", "top"],
                      ["rebase", "-u", "-b", "base", "-F", "qcow2", "top"],
                      ["rebase", "-b", "other", "-F", "qcow2", "top"],
                      ["commit", "-d", "top"], ["commit", "-t", "none", "top"],
                      ["commit", "-f", "qcow2", "top"], ["rebase", "-b", "", "top"],
                      ["info", "top"], ["map", "top"], ["check", "top"],
                      ["convert", "-O", "raw", "top", "made"]):
            with self.subTest(words=words):
                self.assertEqual(self.opens("top", *words), 1)

    def test_each_name(self):
        """A bitmap's source is opened as an image of its own, and one that is the target is in
        use."""
        for name in ("top", "other"):
            self.qemu("bitmap", "--add", name, "b")
        self.assertEqual(self.opens("top", "bitmap", "--merge", "b", "-b", "other", "-F", "qcow2",
                                    "top", "b"), 1)
        done = img.ours("bitmap", "--merge", "b", "-b", "top", "-F", "qcow2", "top", "b",
                        folder=self.folder)
        self.assertEqual(done.status, 1, done)
        self.assertIn(b"lock", done.stderr)

    def test_only_read(self):
        """A commit that leaves the image as it is needs no right to write to it."""
        os.chmod(self.path("top"), 0o444)
        if os.access(self.path("top"), os.W_OK):
            self.skipTest("root may write to every file")
        done = img.ours("commit", "-d", "top", folder=self.folder)
        self.assertEqual((done.status, done.stderr), (0, b""))
        done = img.ours("commit", "top", folder=self.folder)
        self.assertEqual(done.status, 1)
        self.assertIn(b"Permission denied", done.stderr)


if __name__ == "__main__":
    unittest.main()
