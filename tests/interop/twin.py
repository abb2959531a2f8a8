# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs that make or change images: both programs run, each in a folder of its own that began
alike, and what they say and what they leave behind is compared."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

from img import QEMU_IMG, QEMU_IO, ours, theirs

# what depends on where the host put the bytes, or is our own way
UNLIKE = ("actual-size", "filename", "dirty-flag")


@unittest.skipUnless(QEMU_IMG and QEMU_IO, "lacks qemu-img and qemu-io")
class TwinCase(unittest.TestCase):
    """self.make(folder) fills a folder; it is called once, and the folder copied."""

    def setUp(self):
        self.top = tempfile.mkdtemp(prefix="sinter-twin-")
        self.addCleanup(shutil.rmtree, self.top)
        self.stock = os.path.join(self.top, "stock")
        os.mkdir(self.stock)
        self.make(self.stock)
        self.theirs = os.path.join(self.top, "theirs")
        self.ours = os.path.join(self.top, "ours")
        self.renew()

    def make(self, folder):
        """Fills the folder that every command finds."""

    def renew(self):
        for folder in (self.theirs, self.ours):
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run(["cp", "-a", "--sparse=always", self.stock, folder], check=True)

    def qemu(self, *args, folder):
        done = theirs(*args, folder=folder)
        self.assertEqual(done.status, 0, f"qemu-img {args}: {done}")
        return done.stdout

    def io(self, *commands, name, folder, image_format="qcow2"):
        words = [word for command in commands for word in ("-c", command)]
        done = subprocess.run([QEMU_IO, "-f", image_format, *words, name], cwd=folder, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def both(self, *args):
        return theirs(*args, folder=self.theirs), ours(*args, folder=self.ours)

    def report(self, args, their, our):
        return f"{' '.join(args)}\n=== qemu-img\n{their}\n=== sinter-img\n{our}"

    def assert_same(self, *args, target=None, image_format=None):
        """Both say the same, and leave images alike under the name target."""
        their, our = self.both(*args)
        text = self.report(args, their, our)
        self.assertTrue(our.same(their), text)
        if target and our.status == 0:
            self.assert_alike(target, image_format, text)
        return our

    def assert_differs(self, why, *args, status=1, stderr=None):
        """We do otherwise, for the reason given; it must be true that we differ."""
        their, our = self.both(*args)
        text = f"{why}: " + self.report(args, their, our)
        self.assertFalse(our.same(their), "no difference any more: " + text)
        self.assertEqual(our.status, status, text)
        if stderr is not None:
            self.assertRegex(our.stderr.decode(), stderr, text)
        return our

    def info(self, name, folder, image_format=None):
        words = ["-f", image_format] if image_format else []
        told = json.loads(self.qemu("info", "-U", "--output=json", *words, name, folder=folder))
        for key in UNLIKE:
            told.pop(key, None)
        # a full name leads into one folder or the other
        for key in ("full-backing-filename",):
            if key in told:
                told[key] = told[key].replace(self.theirs, "").replace(self.ours, "")
        return told

    def assert_alike(self, name, image_format=None, text=""):
        """The images have the same features, are sound, and hold the same content."""
        words = ["-f", image_format] if image_format else []
        self.assertEqual(self.info(name, self.ours, image_format),
                         self.info(name, self.theirs, image_format), text)
        if image_format != "raw" and self.info(name, self.ours)["format"] == "qcow2":
            done = theirs("check", *words, name, folder=self.ours)
            self.assertEqual(done.status, 0, f"{text}\n{done}")
        other = [word.replace("f", "F") for word in words]
        done = theirs("compare", *words, *other, os.path.join(self.theirs, name), name,
                      folder=self.ours)
        self.assertEqual(done.status, 0, f"{text}\n{done}")
