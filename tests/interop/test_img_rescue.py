# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img rescue on images whose tables, L1 table, refcounts or header are lost, with real file
systems on the disk. Nothing may be given back at a wrong place and be called certain; nothing but the
first sector may be overwritten. Prints what each way gets back, beside qemu-img check -r all."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
import img  # noqa: E402
import hard_image  # noqa: E402
from hard_image import CLUSTER, MIB, Hard  # noqa: E402
from lib import tap  # noqa: E402

# 1024: the image of `./run test long`
SIZE_MIB = int(os.environ.get("SINTER_RESCUE_MIB", "128"))
VOLUMES = {
    128: [("vfat", 34, 3), ("ext4", 24, 9), ("xfs", 64, 9)],
    1024: [("vfat", 40, 12), ("ext4", 300, 180), ("xfs", 320, 120), ("btrfs", 256, 60), ("swap", 64, 0)],
}

# What is lost, as methods of Hard; the least share that must be got back, certain and likely.
DAMAGES = {
    "L1 table": (lambda hard: hard.lose_l1(), 0.03, 0.15),
    "59% of L2 tables": (lambda hard: hard.lose_tables(len(hard.right.tables) * 118 // 200), 0.01, 0.01),
    "59% of L2, L1, refcounts": (lambda hard: (hard.lose_tables(len(hard.right.tables) * 118 // 200),
                                               hard.lose_l1(), hard.lose_refcounts()), 0.001, 0.001),
    "first 64 KiB": (lambda hard: hard.lose_start(), 0.03, 0.15),
}


def digest_of(path, start, end):
    with open(path, "rb") as file:
        file.seek(start)
        return hash(file.read(end - start))


@unittest.skipIf(hard_image.missing(), f"not installed: {' '.join(hard_image.missing())}")
class Rescue(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rng = random.Random(img.SEED)
        tap.comment(f"SINTER_SEED={img.SEED}")
        cls.folder = tempfile.mkdtemp(prefix="sinter-rescue-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.raw = os.path.join(cls.folder, "disk.raw")
        cls.images = {way: os.path.join(cls.folder, way + ".qcow2") for way in ("in order", "shuffled")}
        hard_image.make_disk(cls.raw, SIZE_MIB * MIB, VOLUMES[SIZE_MIB], cls.rng)
        hard_image.to_image(cls.raw, cls.images["in order"])
        hard_image.to_image_shuffled(cls.raw, cls.images["shuffled"], cls.rng)

    def setUp(self):
        self.damaged = os.path.join(self.folder, "damaged.qcow2")
        self.got = os.path.join(self.folder, "got.raw")

    def rescue(self, *args, good=(0,)):
        undo = [] if any("--undo-file" in arg for arg in args) else ["--undo-file=none"]
        done = img.run(img.SINTER_IMG, ["rescue", "-f", "qcow2", "--output=json", *undo, *args], self.folder)
        self.assertIn(done.status, good, done)
        return json.loads(done.stdout)

    def share(self, hard):
        hard_image.run("qemu-img", "convert", "-O", "raw", "-f", "qcow2", hard.path, self.got)
        return hard.share(self.raw, self.got)

    def by_qemu(self, image, hard):
        """What `qemu-img check -r all` gets back; 0 where the image does not open."""
        subprocess.run([img.QEMU_IMG, "check", "-q", "-r", "all", "-f", "qcow2", hard.path],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, timeout=600)
        try:
            return self.share(hard)
        except AssertionError:
            return 0.0

    def assert_only_added(self, before, after, start):
        end = os.path.getsize(before)
        self.assertEqual(digest_of(before, start, end), digest_of(after, start, end))

    def assert_sound(self, path):
        for program in (img.QEMU_IMG, img.SINTER_IMG):
            done = img.run(program, ["check", "-f", "qcow2", path], self.folder)
            self.assertIn(done.status, (0, 3), done)

    def damage(self, image, what):
        hard = Hard(image, self.damaged, self.rng)
        DAMAGES[what][0](hard)
        return hard

    def apply(self, hard, how):
        """The share that is right afterwards, and the clusters at a wrong place."""
        before = hard.path + ".before"
        shutil.copy(hard.path, before)
        told = self.rescue(how, "--no-backing", hard.path)
        self.assertEqual(told["applied"], how.replace("--apply-", "") if "-l" in how else "certain")
        self.assert_only_added(before, hard.path, CLUSTER if told["header-lost"] else 512)
        self.assert_sound(hard.path)
        return self.share(hard), hard.wrong()

    def test_share(self):
        tap.comment(f"{'lost':28} {'written':10} {'certain':>8} {'likely':>8} {'wrong':>6} {'qemu-img':>9}")
        for what, (_, least, least_likely) in DAMAGES.items():
            for way, image in self.images.items():
                with self.subTest(what=what, way=way):
                    hard = self.damage(image, what)
                    copy = hard.path + ".damaged"
                    shutil.copy(hard.path, copy)
                    certain, wrong = self.apply(hard, "--apply")
                    self.assertEqual(wrong, [])
                    self.assertGreaterEqual(certain, least)
                    shutil.copy(copy, hard.path)
                    likely, wrong = self.apply(hard, "--apply-likely")
                    self.assertGreaterEqual(likely, max(certain, least_likely))
                    shutil.copy(copy, hard.path)
                    tap.comment(f"{what:28} {way:10} {certain:8.1%} {likely:8.1%} {len(wrong):6} "
                             f"{self.by_qemu(image, hard):9.1%}")

    def test_broken_entries(self):
        """Single entries with a flipped bit are inferred; the disk then reads as before."""
        hard = Hard(self.images["in order"], self.damaged, self.rng)
        flipped = 0
        for slot, table in sorted(hard.right.tables.items()):
            middle = slot * hard_image.PER_TABLE + 200
            hosts = [hard.right.clusters.get(guest) for guest in range(middle - 1, middle + 2)]
            if None in hosts or hosts[2] - hosts[0] != 2 * CLUSTER:
                continue
            hard.overwrite(table + 200 * 8 + 7, b"\x02")
            flipped += 1
        self.assertGreater(flipped, 3)
        told = self.rescue("--apply", hard.path)
        self.assertEqual([step["step"] for step in told["steps"]], ["l2-entry"] * flipped)
        self.assertEqual(hard.wrong(), [])
        self.assertEqual(self.share(hard), 1.0)

    def test_overlay(self):
        """Clusters that the guest wrote in part agree with the backing file where they belong."""
        overlay = os.path.join(self.folder, "overlay.qcow2")
        hard_image.run("qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=16384",
                       "-b", self.raw, "-F", "raw", overlay)
        with open(self.raw, "rb") as file:
            places = [at for first, length in hard_image.data_ranges(file)
                      for at in range(first - first % CLUSTER, first + length, CLUSTER)]
        writes = [f"write -q -P {self.rng.randrange(1, 256)} {at} {CLUSTER}"
                  for at in self.rng.sample(places, min(600, len(places) // 8))]
        hard_image.run("qemu-io", "-f", "qcow2", overlay, stdin="\n".join(writes).encode() + b"\n")
        hard = Hard(overlay, self.damaged, self.rng)
        hard.lose_l1()
        hard.lose_refcounts()
        told = self.rescue("--apply", hard.path)
        self.assertEqual(hard.wrong(), [])
        self.assertGreater(sum("backing file" in step["reasons"] for step in told["steps"]), 0, told["steps"])
        self.assertGreater(len(hard_image.Mapping(hard.path).clusters), len(hard.right.clusters) // 2)
        self.assert_sound(hard.path)
        hard.lose_l1()
        hard = Hard(overlay, self.damaged, self.rng)
        hard.lose_tables(len(hard.right.tables))
        told = self.rescue("--apply-likely", hard.path)
        got = hard_image.Mapping(hard.path).clusters
        tap.comment(f"overlay without its L2 tables: {len(got)} of {len(hard.right.clusters)} clusters "
                    f"got a place, {len(hard.wrong())} of them a wrong one")
        self.assertGreater(len(got), len(hard.right.clusters) // 4)

    def test_undo(self):
        """The undo file brings back the damaged image, byte for byte."""
        for what in ("59% of L2, L1, refcounts", "first 64 KiB"):
            with self.subTest(what=what):
                hard = self.damage(self.images["in order"], what)
                before, undo = hard_image.checksum(hard.path), hard.path + ".taken-back"
                self.rescue("--apply-likely", "--no-backing", f"--undo-file={undo}", hard.path)
                self.assertNotEqual(hard_image.checksum(hard.path), before)
                done = img.run(img.SINTER_IMG, ["undo", "-q", undo], self.folder)
                self.assertEqual(done.status, 0, done)
                self.assertEqual(hard_image.checksum(hard.path), before)
                os.unlink(undo)

    def test_sound(self):
        """An image without damage has nothing to rescue."""
        for image in self.images.values():
            before = hard_image.checksum(image)
            told = self.rescue("--apply-likely", image)
            self.assertEqual((told["steps"], told["unplaced"], told["applied"]), ([], [], "none"))
            self.assertEqual(hard_image.checksum(image), before)

    def test_asks(self):
        """Without a header the backing file cannot be known; nothing is written before it is."""
        hard = self.damage(self.images["in order"], "first 64 KiB")
        before = hard_image.checksum(hard.path)
        told = self.rescue("--apply-likely", hard.path, good=(1,))
        self.assertIn("backing file", told["question"])
        self.assertEqual(told["cluster-size"], CLUSTER)
        self.assertEqual(told["virtual-size"], SIZE_MIB * MIB)
        self.rescue("--no-backing", hard.path, good=(2,))
        self.assertEqual(hard_image.checksum(hard.path), before)

    def test_lost_found(self):
        """Data without a place is in files named by where it was, and stays in the image."""
        hard = self.damage(self.images["in order"], "59% of L2, L1, refcounts")
        folder = os.path.join(self.folder, "lost+found")
        os.makedirs(folder)
        told = self.rescue("--apply", "--lost-found", folder, hard.path)
        names = {f"host-{piece['host-offset']:016x}": piece for piece in told["unplaced"]}
        self.assertEqual(sorted(os.listdir(folder)), sorted(names))
        placed = set(hard_image.Mapping(hard.path).clusters.values())
        held = set()
        with open(hard.path, "rb") as image:
            for name, piece in names.items():
                image.seek(piece["host-offset"])
                with open(os.path.join(folder, name), "rb") as copy:
                    self.assertEqual(copy.read(), image.read(piece["bytes"]))
                held.update(range(piece["host-offset"], piece["host-offset"] + piece["bytes"], CLUSTER))
        with open(hard.path, "rb") as image:
            for host in hard.right.clusters.values():
                image.seek(host)
                if host not in placed and host not in held:
                    self.assertEqual(image.read(CLUSTER).strip(b"\0"), b"", hex(host))


if __name__ == "__main__":
    unittest.main()
