# SPDX-License-Identifier: LGPL-2.1-or-later
"""defragment: the disk reads the same, by QEMU's judgement, its clusters are in order, and a kill
anywhere leaves the old or the new image. check --exit-kind: one status for each kind of damage."""

import json
import os
import random
import subprocess
import unittest

import img
from img import KIB, MIB, SEED, ImgCase, ours

CUT_TOOL = os.environ.get("SINTER_CUT_TOOL", "cut-tool")
CLUSTER = 64 * KIB


class DefragmentCase(ImgCase):
    def setUp(self):
        super().setUp()
        self.rand = random.Random(SEED)
        print(f"# SINTER_SEED={SEED}")

    def scatter(self, name, options="", backing=None):
        self.create(name, "8M", options, backing=backing)
        places = self.rand.sample(range(0, 128), 60)
        self.io(*(f"write -P {1 + place} {place * CLUSTER} 64k" for place in places),
                f"write -z {5 * CLUSTER} 64k", "write -P 200 3M 4k", name=name)

    def in_order(self, name):
        """The host offsets of what the image itself holds, in the order of the disk."""
        return [extent["offset"]
                for extent in json.loads(self.qemu("map", "--output=json", name))
                if extent["depth"] == 0 and extent["data"] and "offset" in extent]

    def run_it(self, *words, status=0):
        done = ours("defragment", *words, folder=self.folder)
        self.assertEqual(done.status, status, done)
        return done


class Defragment(DefragmentCase):
    def test_images(self):
        self.create("base.qcow2", "8M", writes=["write -P 250 0 6M"])
        for options, backing in (("", None), ("", "base.qcow2"), ("compat=0.10", "base.qcow2"),
                                 ("extended_l2=on,cluster_size=64k", "base.qcow2"),
                                 ("cluster_size=4k,refcount_bits=1", None),
                                 ("lazy_refcounts=on,compression_type=zstd", "base.qcow2")):
            with self.subTest(options=options, backing=backing):
                self.scatter("one.qcow2", options, backing)
                os.chmod(self.path("one.qcow2"), 0o640)
                self.qemu("convert", "-O", "raw", "one.qcow2", "before.raw")
                before = json.loads(self.qemu("info", "--output=json", "one.qcow2"))
                self.run_it("one.qcow2")
                self.qemu("compare", "-F", "raw", "one.qcow2", "before.raw")
                self.qemu("check", "one.qcow2")
                after = json.loads(self.qemu("info", "--output=json", "one.qcow2"))
                for info in (before, after):
                    info.pop("actual-size")
                self.assertEqual(after, before)
                self.assertEqual(os.stat(self.path("one.qcow2")).st_mode & 0o777, 0o640)
                offsets = self.in_order("one.qcow2")
                self.assertEqual(offsets, sorted(offsets))
                self.assertLessEqual(after.get("actual-size", 0), 9 * MIB)
                os.unlink(self.path("one.qcow2"))

    def test_only_its_own(self):
        """What the backing file holds is not copied."""
        self.create("base.qcow2", "8M", writes=["write -P 250 0 8M"])
        self.scatter("one.qcow2", backing="base.qcow2")
        held = sum(extent["length"] for extent in
                   json.loads(self.qemu("map", "--output=json", "one.qcow2"))
                   if extent["depth"] == 0)
        self.run_it("one.qcow2")
        self.assertEqual(sum(extent["length"] for extent in
                             json.loads(self.qemu("map", "--output=json", "one.qcow2"))
                             if extent["depth"] == 0), held)
        self.assertLess(os.path.getsize(self.path("one.qcow2")), 6 * MIB)

    def test_compressed_and_bitmaps(self):
        self.scatter("plain.qcow2")
        self.qemu("convert", "-c", "-O", "qcow2", "plain.qcow2", "one.qcow2")
        self.io("write -P 9 7M 64k", "write -P 8 1M 64k", name="one.qcow2")
        self.qemu("bitmap", "--add", "one.qcow2", "b")
        self.io("write -P 7 2M 64k", name="one.qcow2")
        self.qemu("convert", "-O", "raw", "one.qcow2", "before.raw")
        before = json.loads(self.qemu("check", "--output=json", "one.qcow2"))
        bitmaps = json.loads(self.qemu("info", "--output=json", "one.qcow2"))
        self.run_it("one.qcow2")
        self.qemu("compare", "-F", "raw", "one.qcow2", "before.raw")
        after = json.loads(self.qemu("check", "--output=json", "one.qcow2"))
        self.assertEqual(after["compressed-clusters"], before["compressed-clusters"])
        self.assertEqual(json.loads(self.qemu("info", "--output=json", "one.qcow2"))
                         ["format-specific"], bitmaps["format-specific"])

    def test_dry_run(self):
        self.scatter("one.qcow2")
        before = self.content("one.qcow2")
        report = json.loads(self.run_it("-n", "--output=json", "one.qcow2").stdout)
        self.assertEqual(self.content("one.qcow2"), before)
        counted = json.loads(self.qemu("check", "--output=json", "one.qcow2"))
        self.assertEqual(report["before"]["fragmented-clusters"], counted["fragmented-clusters"])
        self.assertNotIn("after", report)

    def test_refused(self):
        self.scatter("one.qcow2")
        self.qemu("snapshot", "-c", "s", "one.qcow2")
        self.scatter("linked.qcow2")
        os.link(self.path("linked.qcow2"), self.path("other.qcow2"))
        self.create("data.qcow2", options="data_file=data.data")
        self.qemu("create", "-q", "-f", "raw", "disk.raw", "1M")
        for name, why in (("one.qcow2", b"internal snapshots"), ("linked.qcow2", b"several names"),
                          ("data.qcow2", b"external data file"), ("disk.raw", b"format 'raw'")):
            with self.subTest(name=name):
                before = self.content(name)
                self.assertIn(why, self.run_it(name, status=1).stderr)
                self.assertEqual(self.content(name), before)
        self.scatter("busy.qcow2")
        with self.writer("busy.qcow2"):
            self.assertIn(b"lock", self.run_it("busy.qcow2", status=1).stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if name.startswith(".")], [])

    def test_killed(self):
        self.create("base.qcow2", "8M", writes=["write -P 250 0 8M"])
        self.scatter("made.qcow2", backing="base.qcow2")
        self.qemu("convert", "-O", "raw", "made.qcow2", "before.raw")
        n_killed = 0
        for nth in (1, 2, 5, 9, 14, 20, 25, 30, 35, 40, 45, 50):
            subprocess.run(["cp", self.path("made.qcow2"), self.path("one.qcow2")], check=True)
            done = subprocess.run([CUT_TOOL, "calls", "kill", str(nth), "all", img.SINTER_IMG,
                                   "defragment", "-q", "one.qcow2"], cwd=self.folder, check=False)
            if not os.path.getsize(self.path("calls")):
                self.skipTest("the kernel has no seccomp notifications")
            n_killed += done.returncode == 137
            with self.subTest(nth=nth):
                self.qemu("compare", "-F", "raw", "one.qcow2", "before.raw")
                self.qemu("check", "one.qcow2")
        self.assertGreater(n_killed, 3)


class ExitKind(ImgCase):
    """Each kind of damage has its own status; the worst counts."""

    def header(self, name, at, size=8):
        return int.from_bytes(self.content(name)[at:at + size], "big")

    def damage(self, name, kind):
        table = self.header(name, self.header(name, 40)) & 0x00fffffffffffe00
        block = self.header(name, self.header(name, 48))
        pokes = {
            "leaks": [(block + 2 * 60, (1).to_bytes(2, "big"))],
            "dirty": [(79, b"\1")],
            "marked-corrupt": [(79, b"\2")],
            "copied-flags": [(table, b"\0")],
            "refcounts": [(block + 2 * (self.header(name, table) >> 16 & 0xffff), b"\0\0")],
            "mapping": [(table, (0x7fff0000).to_bytes(8, "big"))],
            "header": [(20, (40).to_bytes(4, "big"))],
            "snapshots": [(60, (3).to_bytes(4, "big")), (64, (1 << 40).to_bytes(8, "big"))],
            "not-checked": [(72, b"\x80")],
        }
        for at, data in pokes[kind]:
            self.poke(name, at, data)

    def status(self, name, *words):
        return ours("check", "--exit-kind", *words, name, folder=self.folder).status

    def make(self, name):
        self.create(name, "8M", "lazy_refcounts=on", writes=["write -P 1 0 1M"])
        os.truncate(self.path(name), 5 * MIB)

    def test_kinds(self):
        expected = {"leaks": 3, "dirty": 4, "marked-corrupt": 5, "copied-flags": 6, "snapshots": 8,
                    "refcounts": 9, "mapping": 11, "header": 12, "not-checked": 1}
        self.make("sound.qcow2")
        self.assertEqual(self.status("sound.qcow2"), 0)
        for kind, status in expected.items():
            with self.subTest(kind=kind):
                self.make("one.qcow2")
                self.damage("one.qcow2", kind)
                self.assertEqual(self.status("one.qcow2"), status)
                os.unlink(self.path("one.qcow2"))

    def test_json(self):
        self.make("one.qcow2")
        self.damage("one.qcow2", "mapping")
        done = ours("check", "--output=json", "one.qcow2", folder=self.folder)
        self.assertEqual(json.loads(done.stdout)["sinter"]["kind"], "mapping")

    def test_worst_of_a_chain(self):
        self.make("base.qcow2")
        self.create("top.qcow2", "8M", backing="base.qcow2")
        self.damage("base.qcow2", "refcounts")
        self.damage("base.qcow2", "leaks")
        self.assertEqual(self.status("top.qcow2"), 0)
        self.assertEqual(self.status("top.qcow2", "--backing-chain"), 9)
        os.unlink(self.path("base.qcow2"))
        self.assertEqual(self.status("top.qcow2", "--backing-chain"), 13)


if __name__ == "__main__":
    unittest.main()
