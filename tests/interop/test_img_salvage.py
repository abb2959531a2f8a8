# SPDX-License-Identifier: LGPL-2.1-or-later
"""salvage: what QEMU can read of an intact disk is in the copy; of a damaged one, or one on a bad
medium, everything but what is listed; an interrupted run is continued from its map file."""

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "images"))

import damages  # noqa: E402
import img  # noqa: E402
from damages import base  # noqa: E402
from img import KIB, MIB, SEED, ImgCase, ours

CUT_TOOL = os.environ.get("SINTER_CUT_TOOL", "cut-tool")
MEDIUM = os.environ.get("SINTER_BAD_MEDIUM_LIBRARY", "")
SECTOR, CLUSTER = 512, 64 * KIB
BLOCK = re.compile(r"^(0x[0-9A-F]+)  (0x[0-9A-F]+)  ([?*/+-])$")


def read_map(path):
    """[(offset, size, status)], after what the manual of ddrescue demands of the file."""
    with open(path, encoding="ascii") as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("#")]
    assert re.match(r"^0x[0-9A-F]+ +[?*/+F-] +1$", lines[0]), lines[0]
    blocks = [(int(found[1], 16), int(found[2], 16), found[3])
              for found in map(BLOCK.match, lines[1:])]
    at = 0
    for offset, size, _ in blocks:
        assert offset == at and size > 0, blocks
        at += size
    return blocks


class SalvageCase(ImgCase):
    def setUp(self):
        super().setUp()
        self.rand = random.Random(SEED)
        print(f"# SINTER_SEED={SEED}")

    def chain(self, size="8M", options=""):
        """base.qcow2 and top.qcow2, with data in both."""
        self.create("base.qcow2", size, writes=["write -P 1 0 3M", "write -P 2 5M 1M"])
        self.create("top.qcow2", size, options, backing="base.qcow2",
                    writes=[f"write -P {3 + i} {i * 128 * KIB + 64 * KIB} 64k"
                            for i in range(40)] + ["write -z 6M 128k"])

    def sum(self, *names):
        return [hashlib.sha256(self.content(name)).hexdigest() for name in names]

    def salvage(self, *words, status, env=None):
        done = subprocess.run([img.SINTER_IMG, "salvage", *words], cwd=self.folder,
                              env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        self.assertEqual(done.returncode, status, done)
        return done.stdout.decode()

    def report(self, *words, status, env=None):
        return json.loads(self.salvage("--output=json", *words, status=status, env=env))

    def expected(self, name):
        """What QEMU reads of it."""
        self.qemu("convert", "-O", "raw", name, "expected.raw")
        return bytearray(self.content("expected.raw"))

    def host_offsets(self, name):
        """Guest offset to host offset of what the top image itself holds, by cluster."""
        found = {}
        for extent in json.loads(self.qemu("map", "--output=json", name)):
            if extent["depth"] == 0 and extent["data"]:
                for at in range(0, extent["length"], CLUSTER):
                    found[extent["start"] + at] = extent["offset"] + at
        return found

    def l2_table(self, name):
        with open(self.path(name), "rb") as file:
            file.seek(40)
            file.seek(int.from_bytes(file.read(8), "big"))
            return int.from_bytes(file.read(8), "big") & 0x00fffffffffffe00

    def assert_lost(self, report, lost):
        """The report lists these ranges of (offset, length), and nothing else, as lost."""
        found = [(one["offset"], one["length"]) for one in report["ranges"]
                 if one["state"] == "lost"]
        self.assertEqual(found, lost)
        self.assertEqual(report["lost"], sum(length for _, length in lost))

    def assert_copy(self, name, expected, lost):
        """The copy is @expected, with zeros where something is lost."""
        expected = bytearray(expected)
        for offset, length in lost:
            expected[offset:offset + length] = bytes(length)
        copy = self.expected(name)
        self.assertEqual(len(copy), len(expected))
        wrong = [i for i in range(0, len(copy), SECTOR)
                 if copy[i:i + SECTOR] != expected[i:i + SECTOR]]
        self.assertEqual(wrong, [])


class Intact(SalvageCase):
    def test_formats(self):
        """A chain, a compressed image, one with subclusters, raw: the copy equals the original."""
        self.chain()
        self.qemu("convert", "-c", "-O", "qcow2", "top.qcow2", "compressed.qcow2")
        self.qemu("convert", "-O", "qcow2", "-o", "extended_l2=on", "top.qcow2", "extended.qcow2")
        self.qemu("convert", "-O", "raw", "top.qcow2", "disk.raw")
        for name in ("top.qcow2", "compressed.qcow2", "extended.qcow2", "disk.raw"):
            for words in ([], ["-O", "raw"], ["-O", "qcow2", "-o", "cluster_size=4k"]):
                with self.subTest(name=name, words=words):
                    before = self.sum("base.qcow2", name)
                    report = self.report(*words, name, "copy", status=0)
                    self.assertEqual(report["ranges"], [])
                    self.assertEqual(report["read"], 8 * MIB)
                    self.qemu("compare", name, "copy")
                    self.assertEqual(self.sum("base.qcow2", name), before)
                    if words != ["-O", "raw"] and (words or name != "disk.raw"):
                        self.qemu("check", "copy")
                    os.unlink(self.path("copy"))

    def test_snapshot(self):
        self.create("one.qcow2", writes=["write -P 1 0 1M"])
        self.qemu("snapshot", "-c", "then", "one.qcow2")
        self.io("write -P 2 0 1M", name="one.qcow2")
        self.salvage("-l", "then", "-O", "raw", "one.qcow2", "copy", status=0)
        self.assertEqual(self.content("copy")[:MIB], b"\1" * MIB)


class Damaged(SalvageCase):
    def test_entries(self):
        """Random damage to L2 entries: these clusters are lost, and the rest is there."""
        for round_ in range(8):
            self.chain()
            expected = self.expected("top.qcow2")
            table = self.l2_table("top.qcow2")
            clusters = sorted(self.rand.sample(range(0, 128, 2), self.rand.randrange(1, 12)))
            for cluster in clusters:
                entry = self.rand.choice([1 << 63, 0x7f << 40, 0x200, 0x10000, 4, 1 << 59])
                self.poke("top.qcow2", table + 8 * cluster, entry.to_bytes(8, "big"))
            with self.subTest(round=round_, clusters=clusters):
                report = self.report("top.qcow2", "copy", status=2)
                lost = [(cluster * CLUSTER, CLUSTER) for cluster in clusters]
                self.assert_lost(report, lost)
                self.assert_copy("copy", expected, lost)
                self.qemu("check", "copy")
            for name in ("copy", "top.qcow2", "base.qcow2"):
                os.unlink(self.path(name))

    def test_backing_missing(self):
        self.chain()
        expected = self.expected("top.qcow2")
        held = json.loads(self.qemu("map", "--output=json", "top.qcow2"))
        os.unlink(self.path("base.qcow2"))
        report = self.report("top.qcow2", "copy", status=2)
        self.assertIn("base.qcow2", report["backing-file-error"])
        self.assertEqual({one["cause"] for one in report["ranges"]}, {"backing-file-missing"})
        kept = {extent["start"] + at for extent in held if extent["depth"] == 0
                for at in range(0, extent["length"], CLUSTER)}
        lost = [(at, CLUSTER) for at in range(0, 8 * MIB, CLUSTER) if at not in kept]
        self.assertEqual(report["lost"], len(lost) * CLUSTER)
        self.assert_copy("copy", expected, lost)

    def test_header_of_backing_destroyed(self):
        self.chain()
        self.poke("base.qcow2", 0, bytes(512))
        report = self.report("top.qcow2", "copy", status=2)
        self.assertEqual({one["cause"] for one in report["ranges"]}, {"backing-file-missing"})

    def test_truncated(self):
        """Of a file that lost its end: all clusters before it are in the copy."""
        self.create("one.qcow2", writes=[f"write -P {1 + i} {i}M 64k" for i in range(8)])
        expected = self.expected("one.qcow2")
        hosts = self.host_offsets("one.qcow2")
        end = sorted(hosts.values())[5]
        os.truncate(self.path("one.qcow2"), end)
        lost = sorted((guest, CLUSTER) for guest, host in hosts.items() if host >= end)
        report = self.report("one.qcow2", "copy", status=2)
        self.assert_lost(report, lost)
        self.assertEqual({one["cause"] for one in report["ranges"]}, {"l2-entry-beyond-file"})
        self.assert_copy("copy", expected, lost)

    def test_data_file_missing(self):
        self.create("one.qcow2", options="data_file=one.data", writes=["write -P 1 1M 64k"])
        os.unlink(self.path("one.data"))
        report = self.report("one.qcow2", "copy", status=2)
        self.assert_lost(report, [(MIB, 64 * KIB)])
        self.assertEqual(report["ranges"][0]["cause"], "data-file-missing")

    def test_doubtful(self):
        """Reserved bits in an entry that leads somewhere: read, and told."""
        self.chain()
        expected = self.expected("top.qcow2")
        table = self.l2_table("top.qcow2")
        self.poke("top.qcow2", table + 8 * 3 + 7, b"\4")
        report = self.report("top.qcow2", "copy", status=3)
        self.assertEqual([(one["offset"], one["length"], one["state"]) for one in report["ranges"]],
                         [(3 * CLUSTER, CLUSTER, "doubtful")])
        self.assert_copy("copy", expected, [])

    def test_list_and_text(self):
        self.chain()
        self.poke("top.qcow2", self.l2_table("top.qcow2") + 8 * 3, (1 << 63).to_bytes(8, "big"))
        text = self.salvage("--list=lost.txt", "--fill=GONE", "top.qcow2", "copy", status=2)
        line = ("0x30000  0x10000  lost      l2-entry-empty: the L2 entry has the flag COPIED, but "
                "points to no cluster, in 'top.qcow2', at 0x")
        self.assertIn("  " + line, text)
        self.assertIn("lost: 64 KiB (65536 bytes)\n", text)
        self.assertTrue(self.content("lost.txt").decode().splitlines()[1].startswith(line))
        self.assertEqual(self.expected("copy")[3 * CLUSTER:4 * CLUSTER], b"GONE" * (CLUSTER // 4))

    def test_refused(self):
        self.chain()
        self.qemu("create", "-q", *img.SECRET, "-f", "qcow2", "-o",
                  "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10", "luks.qcow2",
                  "1M")
        before = self.sum("top.qcow2", "base.qcow2")
        for words in (["top.qcow2", "top.qcow2"], ["top.qcow2", "base.qcow2"],
                      ["luks.qcow2", "copy"], ["--fill=0xf", "top.qcow2", "copy"],
                      ["--fill=", "top.qcow2", "copy"], ["-O", "vmdk", "top.qcow2", "copy"],
                      ["-o", "backing_file=base.qcow2,backing_fmt=qcow2", "top.qcow2", "copy"],
                      ["--list=base.qcow2", "top.qcow2", "copy"],
                      ["--map=top.qcow2", "top.qcow2", "copy"]):
            with self.subTest(words=words):
                self.salvage(*words, status=1)
                self.assertEqual(self.sum("top.qcow2", "base.qcow2"), before)


class Corpus(SalvageCase):
    """Every kind of damage there is: what is neither lost nor doubtful is what it was."""

    # Nothing that the mapping holds tells that these were ever otherwise.
    ZEROED = "zeros are what empty entries are"
    OTHER = "the damage is a change of what the sound image holds, too"
    UNTOLD = {
        "header-cluster-bits-one-less": "half a cluster is a cluster",
        "l1-offset-on-a-hole": ZEROED,
        "l2-table-zeroed": ZEROED,
        "l2-table-zeroed-beside-snapshots": ZEROED,
        "l1-table-zeroed": ZEROED,
        "l1-table-zeroed-beside-snapshots": ZEROED,
        "run-entry-zeroed": ZEROED,
        "run-sector-of-table-zeroed": ZEROED,
        "file-cut-in-l2-table": OTHER,
        "legal-last-cluster-partial": OTHER,
        "legal-zero-cluster-with-host-space": OTHER,
    }

    def sound(self, one):
        """What the image reads as without the damage; None where QEMU cannot read it, or where
        it is too large to be compared here."""
        key = repr((one.base, sorted(one.options.items())))
        if key not in self.contents:
            base.build(one.base, **one.options).save(self.path("sound.qcow2"))
            done = img.theirs("convert", "-f", "qcow2", "-O", "raw", "sound.qcow2", "sound.raw",
                              folder=self.folder)
            readable = done.status == 0 and os.path.getsize(self.path("sound.raw")) <= 64 * MIB
            self.contents[key] = self.content("sound.raw") if readable else None
        return self.contents[key]

    def wrong(self, one, report, expected):
        """The sectors that are shown otherwise than they were, without a word."""
        copy = self.content("copy")
        told = {offset // SECTOR + i: part["state"] for part in report["ranges"]
                for offset in [part["offset"]] for i in range(part["length"] // SECTOR)}
        sectors = min(len(copy), len(expected)) // SECTOR
        return [i for i in range(sectors)
                if told.get(i) != "doubtful" and copy[i * SECTOR:(i + 1) * SECTOR] !=
                (bytes(SECTOR) if told.get(i) == "lost"
                 else expected[i * SECTOR:(i + 1) * SECTOR])]

    def test_nothing_is_shown_wrongly(self):
        self.contents = {}
        count = {0: 0, 1: 0, 2: 0, 3: 0}
        for one, path, _ in damages.write_corpus(self.folder):
            expected = self.sound(one)
            if expected is None or os.path.getsize(path) > 64 * MIB:
                continue
            with self.subTest(damage=one.name):
                before = self.sum(path)
                if os.path.exists(self.path("copy")):
                    os.unlink(self.path("copy"))
                done = ours("salvage", "--output=json", "-f", "qcow2", "-O", "raw", path, "copy",
                            folder=self.folder)
                self.assertIn(done.status, count, done)
                self.assertEqual(self.sum(path), before)
                count[done.status] += 1
                if done.status == 1:
                    self.assertFalse(os.path.exists(self.path("copy")))
                    continue
                wrong = self.wrong(one, json.loads(done.stdout), expected)
                if one.name in self.UNTOLD:
                    self.assertTrue(wrong, "no exception is needed")
                else:
                    self.assertEqual(wrong, [])
        print(f"# complete {count[0]}, lost {count[2]}, doubtful {count[3]}, refused {count[1]}")


@unittest.skipUnless(MEDIUM, "lacks the library for bad media")
class BadMedium(SalvageCase):
    def medium(self, name, ranges):
        text = ",".join(f"{offset}+{length}" for offset, length in ranges)
        preload = ":".join(filter(None, [os.environ.get("LD_PRELOAD"), MEDIUM]))
        return {"LD_PRELOAD": preload, "SINTER_BAD_MEDIUM": f"{self.path(name)}:{text}"}

    def bad_sectors(self, name, n):
        """([(host offset, length)], [(guest offset, length)]) in the top image's data, sorted."""
        bad, lost = [], []
        hosts = self.host_offsets(name)
        for guest in sorted(self.rand.sample(sorted(hosts), n)):
            at = self.rand.randrange(0, CLUSTER // SECTOR - 8) * SECTOR
            length = self.rand.randrange(1, 8) * SECTOR
            bad.append((hosts[guest] + at, length))
            lost.append((guest + at, length))
        return bad, lost

    def test_sectors(self):
        for round_ in range(4):
            self.chain()
            expected = self.expected("top.qcow2")
            bad, lost = self.bad_sectors("top.qcow2", 1 + 3 * round_)
            with self.subTest(bad=bad):
                report = self.report("--map=map", "--retries=1", "top.qcow2", "copy", status=2,
                                     env=self.medium("top.qcow2", bad))
                self.assert_lost(report, lost)
                self.assertEqual({(one["cause"], one["errno"]) for one in report["ranges"]},
                                 {("read-error", 5)})
                self.assert_copy("copy", expected, lost)
                self.assertEqual([(offset, size) for offset, size, status
                                  in read_map(self.path("map")) if status == "-"], lost)
                self.qemu("check", "copy")
                # the medium has recovered
                report = self.report("--map=map", "top.qcow2", "copy", status=0)
                self.assert_copy("copy", expected, [])
                self.assertEqual(read_map(self.path("map")), [(0, 8 * MIB, "+")])
            for name in ("copy", "map", "top.qcow2", "base.qcow2"):
                os.unlink(self.path(name))

    def test_page_cache(self):
        """Around the page cache, sectors are lost; through it, the pages that they are in."""
        try:
            self.chain()
            os.close(os.open(self.path("top.qcow2"), os.O_RDONLY | os.O_DIRECT))
        except OSError:
            self.skipTest("the file system has no O_DIRECT")
        guest, host = sorted(self.host_offsets("top.qcow2").items())[3]
        env = {**self.medium("top.qcow2", [(host + 9 * SECTOR, SECTOR)]),
               "SINTER_BAD_MEDIUM_PAGES": "1"}
        report = self.report("top.qcow2", "copy", status=2, env=env)
        self.assert_lost(report, [(guest + 8 * SECTOR, 8 * SECTOR)])
        report = self.report("-T", "none", "top.qcow2", "copy", status=2, env=env)
        self.assert_lost(report, [(guest + 9 * SECTOR, SECTOR)])

    def test_killed(self):
        """Killed anywhere: the copy has its name only when it is complete; the same command, given
        again, continues."""
        self.chain()
        expected = self.expected("top.qcow2")
        bad, lost = self.bad_sectors("top.qcow2", 3)
        env = self.medium("top.qcow2", bad)
        words = [img.SINTER_IMG, "salvage", "-q", "--map=map", "top.qcow2", "copy"]
        n_killed = 0
        for nth in [1, 2, 4, 8, 16, 32, 48, 64, 80, 100, 10_000]:
            for name in ("copy", "copy.part", "map"):
                if os.path.exists(self.path(name)):
                    os.unlink(self.path(name))
            done = subprocess.run([CUT_TOOL, "calls", "kill", str(nth), "all", *words],
                                  cwd=self.folder, env={**os.environ, **env}, check=False)
            if not os.path.getsize(self.path("calls")):
                self.skipTest("the kernel has no seccomp notifications")
            n_killed += done.returncode == 137
            with self.subTest(nth=nth):
                if not os.path.exists(self.path("map")) and os.path.exists(self.path("copy.part")):
                    os.unlink(self.path("copy.part"))       # as the message says
                if done.returncode == 137 and os.path.exists(self.path("copy")):
                    self.assertEqual({status for *_, status in read_map(self.path("map"))},
                                     {"+", "-"})
                if done.returncode == 137:
                    done = subprocess.run(words, cwd=self.folder, env={**os.environ, **env},
                                          check=False)
                self.assertEqual(done.returncode, 2)
                self.assertFalse(os.path.exists(self.path("copy.part")))
                self.assert_copy("copy", expected, lost)
                self.qemu("check", "copy")
        self.assertGreater(n_killed, 5)

    def test_table(self):
        """A bad sector in the L2 table loses what its 64 entries map."""
        self.chain()
        expected = self.expected("top.qcow2")
        bad = [(self.l2_table("top.qcow2") + SECTOR, SECTOR)]
        report = self.report("top.qcow2", "copy", status=2, env=self.medium("top.qcow2", bad))
        lost = [(64 * CLUSTER, 64 * CLUSTER)]
        self.assert_lost(report, lost)
        self.assertEqual(report["ranges"][0]["cause"], "l2-table-read-error")
        self.assert_copy("copy", expected, lost)


if __name__ == "__main__":
    unittest.main()
