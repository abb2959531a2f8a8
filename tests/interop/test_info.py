# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an image says about itself: lists, encryption, and that asking opens that one file only."""

import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402


@unittest.skipUnless(qemu.QEMU_IMG and qemu.QEMU_IO, "lacks qemu-img and qemu-io")
class Info(unittest.TestCase):
    def setUp(self):
        self.folder = qemu.Folder().__enter__()
        self.addCleanup(self.folder.__exit__)
        self.image = self.folder.file("a.qcow2")

    def lines(self, verb):
        return qemu.engine(verb, self.image, "qcow2").stdout.decode().splitlines()

    def test_lists(self):
        qemu.qemu_img("create", "-q", "-f", "qcow2", self.image, "64M")
        self.assertEqual(self.lines("list"), [])
        qemu.qemu_img("snapshot", "-c", "one", self.image)
        qemu.qemu_img("resize", "-q", self.image, "65M")
        qemu.qemu_img("snapshot", "-c", "two words", self.image)
        qemu.qemu_img("bitmap", "--add", self.image, "b0")
        qemu.qemu_img("bitmap", "--add", "--disable", "-g", "2M", self.image, "b1")
        self.assertEqual(self.lines("list"), [
            f"snapshot 1 one 0 {64 * qemu.MIB}",
            f"snapshot 2 two words 0 {65 * qemu.MIB}",
            "bitmap b0 65536 0 1",
            f"bitmap b1 {2 * qemu.MIB} 0 0",
        ])
        info = self.lines("info")
        self.assertIn("snapshots=2", info)
        self.assertIn("bitmaps=2", info)

    def create_encrypted(self, kind, *options):
        qemu.qemu_img("create", "-q", "--object", "secret,id=s,data=abc", "-f", "qcow2", "-o",
                      ",".join([f"encrypt.format={kind}", "encrypt.key-secret=s", *options]),
                      self.image, "4M")

    def test_luks(self):
        self.create_encrypted("luks", "encrypt.iter-time=10")
        info = json.loads(qemu.qemu_img("info", "--output=json", self.image))
        luks = info["format-specific"]["data"]["encrypt"]
        ours = self.lines("luks")
        self.assertEqual(ours[0].split(), [
            luks["cipher-alg"], luks["cipher-mode"], luks["ivgen-alg"], "-", luks["hash-alg"],
            luks["uuid"], str(luks["payload-offset"]), str(luks["master-key-iters"])])
        self.assertEqual([line.split() for line in ours[1:]], [
            [str(int(slot["active"])), str(slot.get("iters", 0)), str(slot["key-offset"]),
             str(slot.get("stripes", 0))] for slot in luks["slots"]])
        self.assertIn("encryption=luks", self.lines("info"))
        # nothing is allocated yet: the map can be had without the key
        self.assertEqual(len(json.loads(qemu.engine("map", self.image, "qcow2").stdout)), 1)

    def test_aes(self):
        self.create_encrypted("aes")
        self.assertIn("encryption=aes", self.lines("info"))
        done = qemu.engine("luks", self.image, "qcow2", check=False)
        self.assertEqual(done.returncode, 1)

    @unittest.skipUnless(shutil.which("strace"), "lacks strace")
    def test_opens_one_file(self):
        base, data = self.folder.file("base"), self.folder.file("data")
        qemu.qemu_img("create", "-q", "-f", "raw", base, "1M")
        qemu.qemu_img("create", "-q", "-f", "qcow2", "-b", base, "-F", "raw", "-o",
                      f"data_file={data}", self.image)
        log = self.folder.file("trace")
        done = subprocess.run(["strace", "-f", "-e", "trace=open,openat,openat2,creat", "-o", log,
                               qemu.ENGINE_TOOL, "info", self.image, "qcow2"],
                              env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"},
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(log, encoding="utf-8") as f:
            opened = [name for name in re.findall(r'open\w*\(.*?"([^"]*)"', f.read())
                      if name.startswith(self.folder.path)]
        self.assertEqual(opened, [self.image])


if __name__ == "__main__":
    unittest.main()
