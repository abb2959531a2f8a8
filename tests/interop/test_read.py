# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random chains over all features: our map and content against qemu-img's, to the byte."""

import json
import os
import random
import unittest

import sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import qemu  # noqa: E402

ROUNDS = int(os.environ.get("SINTER_INTEROP_ROUNDS", "25"))
SEED = int(os.environ.get("SINTER_SEED", random.SystemRandom().randrange(1 << 32)))


@unittest.skipUnless(qemu.QEMU_IMG and qemu.QEMU_IO, "lacks qemu-img and qemu-io")
class RandomChains(unittest.TestCase):
    def each(self, check):
        """Calls check(images, path, format) with a fresh chain, once for each round."""
        spoiled = 0
        for seed in range(SEED, SEED + ROUNDS):
            images = None
            with self.subTest(SINTER_SEED=seed), qemu.Folder() as folder:
                images = qemu.RandomImages(seed, folder)
                try:
                    check(images, *images.chain(images.random.randrange(1, 5)))
                except qemu.Spoiled:
                    spoiled += 1
                except AssertionError as e:
                    history = "\n".join(images.log)
                    raise AssertionError(f"SINTER_SEED={seed}\n{history}\n{e}") from e
        self.assertLessEqual(spoiled, ROUNDS // 2)

    def check_map(self, path, fmt):
        ours = json.loads(qemu.engine("map", path, fmt).stdout)
        theirs = json.loads(qemu.qemu_img("map", "--output=json", "-f", fmt, path))
        keys = ("start", "length", "depth", "present", "zero", "data", "offset")
        theirs = [{key: extent[key] for key in keys if key in extent} for extent in theirs]
        self.assertEqual(ours, theirs)

    def expected(self, images, path, fmt, *words):
        raw = images.folder.file("expected.raw")
        done = qemu.run(qemu.QEMU_IMG, "convert", "-f", fmt, "-O", "raw", *words, path, raw,
                        check=False)
        if b"error while reading" in done.stderr and not words:
            # QEMU let the image's compressed clusters be overwritten; we must see that as well
            self.assertNotEqual(qemu.engine("cat", path, fmt, check=False).returncode, 0)
            raise qemu.Spoiled(path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(raw, "rb") as f:
            return f.read()

    def test_map(self):
        self.each(lambda images, path, fmt: self.check_map(path, fmt))

    def test_content(self):
        self.each(self.check_content)

    def check_content(self, images, path, fmt):
        expected = self.expected(images, path, fmt)
        self.assertTrue(qemu.engine("cat", path, fmt).stdout == expected, "content differs")
        pieces = qemu.engine("pieces", path, fmt, str(SEED)).stdout
        self.assertTrue(pieces == expected, "content in pieces differs")

    def test_snapshots(self):
        self.each(self.check_snapshots)

    def check_snapshots(self, images, path, fmt):
        if fmt != "qcow2" or os.path.exists(path + ".data"):
            return
        size = json.loads(qemu.qemu_img("info", "--output=json", path))["virtual-size"]
        before = {}
        for name in ("first", "2", "third"):
            content = self.expected(images, path, fmt)
            if qemu.run(qemu.QEMU_IMG, "snapshot", "-c", name, path, check=False).returncode != 0:
                break  # a refcount too narrow to count two owners
            before[name] = content
            images.write(path, size, 64 * qemu.KIB)
        for name, content in before.items():
            theirs = self.expected(images, path, fmt, "-l", f"snapshot.name={name}")
            self.assertTrue(theirs == content, "QEMU's own snapshot differs")
            # the names here are also ids, or stand for the snapshot with that id
            ours = qemu.engine("cat", path, fmt, name).stdout
            self.assertTrue(ours == content, f"snapshot '{name}' differs")
        self.check_map(path, fmt)

    def test_info(self):
        self.each(self.check_info)

    def check_info(self, images, path, fmt):
        theirs = json.loads(qemu.qemu_img("info", "--output=json", "-f", fmt, path))
        ours = dict(line.split("=", 1) for line in
                    qemu.engine("info", path, fmt).stdout.decode().splitlines())
        specific = theirs.get("format-specific", {}).get("data", {})
        expected = {
            "format": theirs["format"],
            "virtual-size": str(theirs["virtual-size"]),
            "allocated": str(theirs["actual-size"]),
            "backing": theirs.get("backing-filename", "-"),
            "backing-format": theirs.get("backing-filename-format", "-"),
            "trouble": "-",
        }
        if fmt == "qcow2":
            expected |= {
                "cluster-size": str(theirs["cluster-size"]),
                "refcount-bits": str(specific.get("refcount-bits", 16)),
                "compression": specific.get("compression-type", "zlib"),
                "extended-l2": str(int(specific.get("extended-l2", False))),
                "lazy-refcounts": str(int(specific.get("lazy-refcounts", False))),
                "data-file": specific.get("data-file", "-"),
                "data-file-raw": str(int(specific.get("data-file-raw", False))),
            }
        self.assertEqual({key: ours[key] for key in expected}, expected)


if __name__ == "__main__":
    unittest.main()
