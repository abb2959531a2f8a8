# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reading out with sinter-img convert beside qemu-img: the same file, the same words, the same
exit status; and standard output, which qemu-img does not have."""

import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

# T is a new file, E8 and E1 exist with 8 and 1 MiB
SAME = """
convert -O raw plain.qcow2 T
convert -f qcow2 -O raw plain.qcow2 T
convert plain.qcow2 T
convert -O raw over.qcow2 T
convert -O raw -f raw over.qcow2 T
convert -O raw v2.qcow2 subclusters.qcow2 odd.raw T
convert -O raw compressed.qcow2 zstd.qcow2 T
convert -p -O raw plain.qcow2 T
convert -p -q -O raw plain.qcow2 T
convert -q -O raw plain.qcow2 T
convert -O raw -S 0 plain.qcow2 T
convert -O raw -S 64k plain.qcow2 T
convert -O raw -S 100 plain.qcow2 T
convert -O raw -S 32M plain.qcow2 T
convert -O raw -S x plain.qcow2 T
convert -O raw -S 0 -C plain.qcow2 T
convert -O raw -C plain.qcow2 T
convert -O raw -c plain.qcow2 T
convert -O raw -c -C plain.qcow2 T
convert -O raw -m 1 plain.qcow2 T
convert -O raw -m 16 plain.qcow2 T
convert -O raw -m 17 plain.qcow2 T
convert -O raw -m 0 plain.qcow2 T
convert -O raw -m x plain.qcow2 T
convert -O raw -W plain.qcow2 T
convert -O raw -W -m 4 plain.qcow2 T
convert -O raw -r 1G plain.qcow2 T
convert -O raw -r x plain.qcow2 T
convert -O raw -t none plain.qcow2 T
convert -O raw -t writeback -T none plain.qcow2 T
convert -O raw -T foo plain.qcow2 T
convert -O raw -t unsafe plain.qcow2 T
convert -O raw -t directsync plain.qcow2 T
convert -O raw -t writethrough plain.qcow2 T
convert -O raw -l first snapshots.qcow2 T
convert -O raw -l 1 snapshots.qcow2 T
convert -O raw -l nope snapshots.qcow2 T
convert -O raw -l snapshot.id=1 snapshots.qcow2 T
convert -O raw -l snapshot.name=first snapshots.qcow2 T
convert -O raw -l snapshot.id=1,snapshot.name=first snapshots.qcow2 T
convert -O raw -l snapshot.id=2,snapshot.name=first snapshots.qcow2 T
convert -O raw -l snapshot.foo=2 snapshots.qcow2 T
convert -O raw -l first snapshots.qcow2 plain.qcow2 T
convert -O raw -l first plain.qcow2 T
convert -O raw -l first sparse.raw T
convert -O raw -n plain.qcow2 T
convert -O raw -n plain.qcow2 E8
convert -O raw -n plain.qcow2 E1
convert -O raw -n --target-is-zero plain.qcow2 E8
convert -O raw --target-is-zero plain.qcow2 E8
convert -n --target-image-opts plain.qcow2 driver=raw,file.filename=E8
convert --target-image-opts plain.qcow2 driver=raw,file.filename=E8
convert -n -o preallocation=off plain.qcow2 E8
convert -O raw -o preallocation=off plain.qcow2 T
convert -O raw -o preallocation=full plain.qcow2 T
convert -O raw -o preallocation=falloc plain.qcow2 T
convert -O raw -o preallocation=foo plain.qcow2 T
convert -O raw -o foo=bar plain.qcow2 T
convert -O raw -o size=5M plain.qcow2 T
convert -O raw -B base plain.qcow2 T
convert -O raw -B plain.qcow2 -F qcow2 over.qcow2 T
convert -O raw -F qcow2 over.qcow2 T
convert -O raw -o backing_file=plain.qcow2 over.qcow2 T
convert -O raw --bitmaps v2.qcow2 T
convert -O raw --bitmaps sparse.raw T
convert -O raw --skip-broken-bitmaps plain.qcow2 T
convert -O raw --bitmaps bitmaps.qcow2 bitmaps.qcow2 T
convert -O raw --salvage plain.qcow2 T
convert -O raw --salvage -C plain.qcow2 T
convert -O nope plain.qcow2 T
convert -O raw nope.qcow2 T
convert -O raw -f nope plain.qcow2 T
convert -O raw plain.qcow2 nowhere/T
convert -O raw plain.qcow2 folder
convert -O raw plain.qcow2 file:T
convert -O raw -U plain.qcow2 T
convert -O raw --image-opts driver=qcow2,file.filename=plain.qcow2 T
convert -O raw --image-opts driver=raw,file.filename=plain.qcow2 T
convert -O raw missing.qcow2 T
convert -O raw empty.raw T
convert -O raw odd.raw T
convert -O raw dirty.qcow2 T
convert -O raw data-file.qcow2 T
convert
convert plain.qcow2
convert -z x
"""
# The words are the same; QEMU leaves an incomplete target behind, and ours is never seen.
LEAVES_NOTHING = """
convert -O raw -t foo plain.qcow2 T
convert -O raw -o preallocation=metadata plain.qcow2 T
convert -O raw --bitmaps bitmaps.qcow2 T
convert -O raw --bitmaps plain.qcow2 T
"""
TARGETS = {"T": None, "E8": 8 << 20, "E1": 1 << 20}


class ReadOut(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.stock = img.Stock(self)

    def targets_renew(self):
        for name, size in TARGETS.items():
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
            if size:
                with open(self.path(name), "wb") as file:
                    file.write(b"old" * (size // 3 + 1))
                    file.truncate(size)

    def contents(self):
        found = {}
        for name in TARGETS:
            if os.path.exists(self.path(name)):
                with open(self.path(name), "rb") as file:
                    found[name] = file.read()
        return found

    def done_by(self, side, words):
        self.targets_renew()
        return side(*words, folder=self.folder), self.contents()

    def assert_same_file(self, *words):
        their, theirs = self.done_by(img.theirs, words)
        our, ours = self.done_by(img.ours, words)
        self.assertTrue(our.same(their), f"=== qemu-img\n{their}\n=== sinter-img\n{our}")
        self.assertEqual(sorted(ours), sorted(theirs))
        for name, content in theirs.items():
            self.assertTrue(ours[name] == content, f"{name}: other content")
        return our

    def test_arguments(self):
        for line in SAME.strip().splitlines():
            with self.subTest(line=line):
                self.assert_same_file(*line.split())

    def test_nothing_half_done(self):
        for line in LEAVES_NOTHING.strip().splitlines():
            with self.subTest(line=line):
                their, theirs = self.done_by(img.theirs, line.split())
                our, ours = self.done_by(img.ours, line.split())
                self.assertTrue(our.same(their), f"=== qemu-img\n{their}\n=== sinter-img\n{our}")
                self.assertIn("T", theirs)
                self.assertNotIn("T", ours)

    def test_every_image(self):
        for name in sorted(set(self.stock.NAMES + self.stock.BROKEN)
                           - {"luks.qcow2", "aes.qcow2", "loop.qcow2"}):
            with self.subTest(image=name):
                self.assert_same_file("convert", "-O", "raw", name, "T")

    def test_standard_output(self):
        """The bytes that a file would have, zeros and all; no percentages between them."""
        for name in self.stock.NAMES:
            if name in ("luks.qcow2", "aes.qcow2"):
                continue
            with self.subTest(image=name):
                _, files = self.done_by(img.theirs, ["convert", "-O", "raw", name, "T"])
                for words in ([], ["-p"], ["-m", "1", "-T", "none"]):
                    our = img.ours("convert", "-O", "raw", *words, name, "-", folder=self.folder)
                    self.assertEqual((our.status, our.stderr), (0, b""))
                    self.assertTrue(our.stdout == files["T"], "other content")

    def test_standard_output_of_a_snapshot(self):
        _, files = self.done_by(img.theirs, ["convert", "-O", "raw", "-l", "first",
                                             "snapshots.qcow2", "T"])
        our = img.ours("convert", "-l", "first", "snapshots.qcow2", "-", folder=self.folder)
        self.assertEqual(our.status, 0, our)
        self.assertTrue(our.stdout == files["T"], "other content")

    def test_a_reader_that_hangs_up(self):
        """An error, not a signal and not a success."""
        with subprocess.Popen([img.SINTER_IMG, "convert", "-O", "raw", "plain.qcow2", "-"],
                              cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.read(1)
            process.stdout.close()
            said = process.stderr.read().decode()
        self.assertEqual(process.returncode, 1)
        self.assertRegex(said, "standard output.*Broken pipe")

    def test_salvage(self):
        """What cannot be read is zeros in the copy, and said; the rest is there."""
        self.qemu("convert", "-O", "raw", "compressed.qcow2", "whole")
        with open(self.path("whole"), "rb") as file:
            whole = file.read()
        size = os.path.getsize(self.path("compressed.qcow2"))
        self.poke("compressed.qcow2", 5 << 16, b"\xff" * (size - (5 << 16)))
        strict = img.ours("convert", "-O", "raw", "compressed.qcow2", "T", folder=self.folder)
        self.assertEqual(strict.status, 1)
        self.assertFalse(os.path.exists(self.path("T")))
        for side in (img.theirs, img.ours):
            done, files = self.done_by(side, ["convert", "--salvage", "-O", "raw",
                                              "compressed.qcow2", "T"])
            self.assertEqual(done.status, 0, done)
            self.assertIn(b"warning: error while reading offset ", done.stderr)
            self.assertEqual(len(files["T"]), len(whole))
            for at in range(0, len(whole), 65536):
                piece = files["T"][at:at + 65536]
                self.assertIn(piece, (whole[at:at + 65536], bytes(len(piece))))

    def test_differences(self):
        self.targets_renew()
        self.assert_differs("a source as the target is named", "convert", "-O", "raw",
                            "plain.qcow2", "plain.qcow2", stderr="one of the files to")
        self.assert_differs("a source's backing file too", "convert", "-O", "raw", "over.qcow2",
                            "plain.qcow2", stderr="one of the files to read")
        self.assert_differs("protocols are none of ours", "convert", "-O", "raw", "plain.qcow2",
                            "nbd://127.0.0.1:9/x", stderr="Unknown protocol 'nbd'")


if __name__ == "__main__":
    unittest.main()
