# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands that could lose data or change what a guest reads, on images as people have them."""

import os
import random
import shutil
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "images")]
from img import KIB, MIB, SEED, ImgCase, ours, theirs  # noqa: E402
from random_image import random_chain  # noqa: E402


class SafetyCase(ImgCase):
    def ours(self, *args, status=0, stderr=""):
        done = ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, f"{args}: {done}")
        if stderr:
            self.assertRegex(done.stderr.decode(), stderr)
        return done

    def keep(self, *names):
        for name in names:
            shutil.copy(self.path(name), self.path("kept." + name))

    def assert_kept(self, *names):
        """Byte for byte as they were."""
        for name in names:
            self.assertTrue(self.content(name) == self.content("kept." + name), name)

    def reads(self, name, image_format="qcow2"):
        self.qemu("convert", "-f", image_format, "-O", "raw", name, "read.raw")
        return self.content("read.raw")


class RebaseOfStandalone(SafetyCase):
    """An image without a backing file gets one: what it never wrote are zeros all the same."""

    SIZE = 384 * KIB

    def rebase(self, options, new_format="qcow2", new_size=SIZE):
        self.create("disk.qcow2", str(self.SIZE), options, writes=["write -P 7 64k 64k"])
        content = self.reads("disk.qcow2")
        self.qemu("create", "-q", "-f", new_format, "new", str(new_size))
        self.io(f"write -P 9 0 {new_size}", name="new")
        self.ours("rebase", "-b", "new", "-F", new_format, "disk.qcow2")
        self.assertTrue(self.reads("disk.qcow2") == content, options)
        self.qemu("check", "disk.qcow2")

    def test_every_kind(self):
        for bits in (9, 12, 14, 16, 18, 21):
            for more in ("", ",extended_l2=on", ",compat=0.10", ",preallocation=metadata"):
                if "extended" in more and bits < 14:
                    continue
                with self.subTest(bits=bits, more=more):
                    self.rebase(f"cluster_size={1 << bits}{more}")

    def test_data_file(self):
        self.rebase("data_file=disk.data")

    def test_another_size(self):
        for size in (100 * KIB, 1 * MIB):
            for image_format in ("raw", "qcow2"):
                with self.subTest(size=size, image_format=image_format):
                    self.rebase("", image_format, size)

    def test_costs_no_more_than_the_new_one_holds(self):
        """Zeros are stored for what the new backing file holds, not for all of a large disk."""
        self.create("disk.qcow2", "4T", writes=["write -P 7 1T 64k"])
        self.create("new.qcow2", "4T", writes=["write -P 9 2T 64k"])
        self.ours("rebase", "-b", "new.qcow2", "-F", "qcow2", "disk.qcow2")
        self.assertLess(os.path.getsize(self.path("disk.qcow2")), 4 * MIB)
        self.io("read -P 0 2T 64k", "read -P 7 1T 64k", name="disk.qcow2")


class ProbedRaw(SafetyCase):
    """A raw file whose format nobody recorded: what a guest writes must not become its header."""

    # a header of version 2 with a backing file, as a guest may write it into its first sector
    def make(self, recorded=False):
        self.qemu("create", "-q", "-f", "raw", "base.raw", "1M")
        with open(self.path("base.raw"), "r+b") as file:
            file.write(b"boot" * 128)
        self.create("evil.qcow2", "1M", "compat=0.10,cluster_size=4k")
        self.qemu("rebase", "-u", "-b", "/etc/passwd", "-F", "raw", "evil.qcow2")
        self.create("top.qcow2", "1M", "compat=0.10", backing="base.raw", backing_format="raw")
        if not recorded:
            # the extension that says the format becomes one that nobody knows
            self.poke("top.qcow2", 72, b"\x12\x34\x56\x78")
        header = self.content("evil.qcow2")[:4096]
        with open(self.path("header"), "wb") as file:
            file.write(header)
        self.io("write -q -s header 0 4096", "write -q -P 5 512k 64k", name="top.qcow2")
        self.keep("base.raw")

    def refused(self, *args):
        self.ours(*args, status=1, stderr="is a raw image whose format is not recorded.*qcow2")
        self.assertFalse(self.content("base.raw").startswith(b"QFI"))

    def test_commit(self):
        self.make()
        self.assertNotEqual(theirs("commit", "top.qcow2", folder=self.folder).status, 0)
        before = self.reads("top.qcow2")
        self.refused("commit", "top.qcow2")
        self.assertTrue(self.reads("top.qcow2") == before)

    def test_merge(self):
        for words in (["merge", "--down", "top.qcow2"], ["merge", "--down", "--delete", "top.qcow2"]):
            self.make()
            self.refused(*words)
            self.assertTrue(os.path.exists(self.path("top.qcow2")))

    def test_other_bytes_are_fine(self):
        self.make()
        self.io("write -q -P 1 0 4096", name="top.qcow2")
        self.ours("commit", "top.qcow2")
        self.assertEqual(self.content("base.raw")[:4096], b"\1" * 4096)

    def test_recorded(self):
        """Recorded as raw it is what the guest writes to, whatever that is."""
        self.make(recorded=True)
        self.ours("commit", "top.qcow2")
        self.assertTrue(self.content("base.raw").startswith(b"QFI"))

    def test_convert(self):
        self.make(recorded=True)
        shutil.copy(self.path("base.raw"), self.path("copy.raw"))
        for words in (["convert", "-n", "top.qcow2", "copy.raw"],
                      ["convert", "-W", "-n", "top.qcow2", "copy.raw"]):
            with self.subTest(words=words):
                self.refused(*words)
                self.assertTrue(self.content("copy.raw")[:512] == b"boot" * 128)
        for words in (["convert", "-n", "-O", "raw", "top.qcow2", "copy.raw"],
                      ["convert", "top.qcow2", "new.raw"],
                      ["dd", "if=top.qcow2", "of=new.raw"]):
            self.ours(*words)

    def test_other_formats(self):
        """Headers of formats that QEMU knows and we do not read count as well."""
        for at, magic in ((0, b"KDMV"), (0, b"QED\0"), (64, b"\x7f\x10\xda\xbe")):
            self.make()
            self.io("write -q -P 1 0 4096", name="top.qcow2")
            with open(self.path("header"), "wb") as file:
                file.write(bytes(at) + magic + bytes(512 - at - len(magic)))
            self.io("write -q -s header 0 512", name="top.qcow2")
            self.ours("commit", "top.qcow2", status=1, stderr="whose format is not recorded")


class WronglyRecorded(SafetyCase):
    """The base is qcow2, and the overlay says that it is raw."""

    def setUp(self):
        super().setUp()
        self.create("base.qcow2", "4M", writes=["write -P 7 0 1M"])
        self.create("mid.qcow2", "4M", backing="base.qcow2", backing_format="raw",
                    writes=["write -P 8 1M 64k"])
        self.create("top.qcow2", "4M", backing="mid.qcow2", writes=["write -P 9 2M 64k"])
        self.keep("base.qcow2", "mid.qcow2", "top.qcow2")

    WORDS = "recorded as format 'raw', but starts with a header of format 'qcow2'.*-F qcow2"

    def test_refused(self):
        for words in (["commit", "mid.qcow2"], ["commit", "-b", "base.qcow2", "top.qcow2"],
                      ["merge", "mid.qcow2"], ["merge", "--down", "mid.qcow2"],
                      ["merge", "--up", "--delete", "mid.qcow2"], ["merge", "--dry-run", "mid.qcow2"],
                      ["merge", "--top", "top.qcow2", "--base", "base.qcow2", "top.qcow2"],
                      ["remove", "--delete", "top.qcow2", "mid.qcow2"],
                      ["remove", "--delete", "top.qcow2", "base.qcow2"]):
            with self.subTest(words=words):
                self.ours(*words, status=1, stderr=self.WORDS)
                self.assert_kept("base.qcow2", "mid.qcow2", "top.qcow2")
        self.assertEqual([name for name in os.listdir(self.folder) if "journal" in name], [])

    def test_the_way_on(self):
        self.ours("rebase", "-u", "-b", "base.qcow2", "-F", "qcow2", "mid.qcow2")
        self.ours("commit", "mid.qcow2")
        self.io("read -P 7 0 1M", "read -P 8 1M 64k", name="base.qcow2")

    def test_told(self):
        done = self.ours("check", "--backing-chain", "top.qcow2")
        self.assertRegex((done.stdout + done.stderr).decode(),
                         "'base.qcow2' is recorded as format 'raw', but starts with a header of "
                         "format 'qcow2'")
        done = self.ours("check", "--backing-chain", "--output=json", "top.qcow2")
        self.assertIn(b"backing-format-doubtful", done.stdout)
        self.ours("info", "--backing-chain", "top.qcow2",
                  stderr="'base.qcow2' is read as format 'raw', as recorded, but starts with a header "
                         "of format 'qcow2'")

    def test_luks_is_no_sign(self):
        """A disk that a guest has encrypted as a whole begins with a LUKS header."""
        with open(self.path("base.raw"), "wb") as file:
            file.write(b"LUKS\xba\xbe" + bytes(1 << 20))
        self.create("over.qcow2", None, backing="base.raw", backing_format="raw",
                    writes=["write -P 8 64k 64k"])
        self.ours("commit", "over.qcow2")


class Counts:
    """The stored reference counts of a qcow2 image."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.image = file.read()
        self.cluster = 1 << self.number(20, 4)
        self.order = self.number(96, 4) if self.number(4, 4) >= 3 else 4
        self.per_block = self.cluster * 8 >> self.order

    def number(self, at, n):
        return int.from_bytes(self.image[at:at + n], "big")

    def place(self, cluster):
        """(byte, bits to shift, mask) of a count; None where no block counts the cluster."""
        block = self.number(self.number(48, 8) + cluster // self.per_block * 8, 8)
        bit = cluster % self.per_block << self.order
        if self.order >= 3:
            return (block + bit // 8, 1 << self.order) if block else None
        return (block + bit // 8, bit % 8) if block else None

    def get(self, cluster):
        place = self.place(cluster)
        if not place:
            return 0
        if self.order >= 3:
            return self.number(place[0], place[1] // 8)
        return self.image[place[0]] >> place[1] & (1 << (1 << self.order)) - 1

    def put(self, cluster, count):
        at, bits = self.place(cluster)
        if self.order >= 3:
            data = count.to_bytes(bits // 8, "big")
        else:
            mask = (1 << (1 << self.order)) - 1
            data = bytes([self.image[at] & ~(mask << bits) & 0xff | count << bits])
        with open(self.path, "r+b") as file:
            file.seek(at)
            file.write(data)
        self.__init__(self.path)

    def n_clusters(self):
        return -(-len(self.image) // self.cluster)


class CountsTooLow(SafetyCase):
    """A reference count that is too low proves nothing: what is used is not freed, punched,
    overwritten or handed out again."""

    VERBS = (["snapshot", "-c", "new", "disk.qcow2"], ["snapshot", "-a", "two", "disk.qcow2"], ["resize", "--shrink", "disk.qcow2", "1M"],
             ["resize", "disk.qcow2", "16M"], ["bitmap", "--add", "disk.qcow2", "marks"],
             ["bench", "-q", "-w", "-c", "1", "-s", "64k", "disk.qcow2"],
             ["amend", "-o", "lazy_refcounts=on", "disk.qcow2"])

    def lower(self, name, wanted, to):
        counts = Counts(self.path(name))
        lowered = [cluster for cluster in range(counts.n_clusters())
                   if counts.get(cluster) == wanted]
        self.assertTrue(lowered)
        for cluster in lowered:
            counts.put(cluster, to)

    def test_shared_with_snapshots(self):
        self.create("disk.qcow2", "8M", writes=["write -P 7 0 2M"])
        self.qemu("snapshot", "-c", "one", "disk.qcow2")
        self.qemu("snapshot", "-c", "two", "disk.qcow2")
        self.lower("disk.qcow2", 3, 1)
        self.keep("disk.qcow2")
        for words in self.VERBS:
            with self.subTest(words=words):
                self.ours(*words, status=1, stderr="has 3 references, but its refcount is 1.*"
                                                   "sinter-img check -r all")
                self.assert_kept("disk.qcow2")

    def test_delete_counts_anew(self):
        """The deletion of a snapshot does not believe the counts: it writes true ones."""
        self.create("disk.qcow2", "8M", writes=["write -P 7 0 2M"])
        self.qemu("snapshot", "-c", "one", "disk.qcow2")
        self.qemu("snapshot", "-c", "two", "disk.qcow2")
        self.lower("disk.qcow2", 3, 1)
        content = self.reads("disk.qcow2")
        self.ours("snapshot", "-d", "one", "disk.qcow2")
        self.qemu("check", "disk.qcow2")
        self.assertTrue(self.reads("disk.qcow2") == content)
        self.qemu("snapshot", "-a", "two", "disk.qcow2")
        self.assertTrue(self.reads("disk.qcow2") == content)

    def test_used_twice_within_the_disk(self):
        """A cluster that two places of the disk use, as its count does not say, is not overwritten
        for one of them."""
        self.create("disk.qcow2", "8M", writes=["write -P 7 0 1M"])
        counts = Counts(self.path("disk.qcow2"))
        l2 = counts.number(counts.number(40, 8), 8) & (1 << 56) - 512
        self.poke("disk.qcow2", l2 + 8 * 3, counts.image[l2 + 8 * 9:l2 + 8 * 10])
        content = self.reads("disk.qcow2")
        self.keep("disk.qcow2")
        for at in ("192k", "576k"):
            self.ours("bench", "-q", "-w", "-c", "1", "-s", "4k", "-o", at, "disk.qcow2", status=1,
                      stderr="has 2 references, but its refcount is 1.*sinter-img check -r all")
        self.create("top.qcow2", "8M", backing="disk.qcow2", writes=["write -P 8 576k 64k"])
        self.ours("commit", "top.qcow2", status=1, stderr="has 2 references")
        self.assertTrue(self.reads("disk.qcow2") == content)

    def test_used_again(self):
        """Counted as free, but in use: it is not taken for new data."""
        self.create("disk.qcow2", "8M", writes=["write -P 7 0 1M"])
        counts = Counts(self.path("disk.qcow2"))
        counts.put(counts.n_clusters() // 2, 0)
        content = self.reads("disk.qcow2")
        self.keep("disk.qcow2")
        self.ours("bench", "-q", "-w", "-c", "1", "-s", "64k", "-o", "4M", "disk.qcow2", status=1,
                  stderr="refcount is 0.*sinter-img check -r all")
        self.assertTrue(self.reads("disk.qcow2") == content)

    def test_commit(self):
        """Neither in the base, where clusters are freed, nor in the overlay that is emptied."""
        for broken in ("base.qcow2", "top.qcow2"):
            with self.subTest(broken=broken):
                self.create("base.qcow2", "8M", writes=["write -P 7 0 2M"])
                self.create("top.qcow2", "8M", backing="base.qcow2",
                            writes=["write -P 8 1M 1M", "write -z 0 512k"])
                counts = Counts(self.path(broken))
                counts.put(counts.n_clusters() - 3, 0)
                content = self.reads("top.qcow2")
                self.ours("commit", "top.qcow2", status=1, stderr="sinter-img check -r all")
                self.assertTrue(self.reads("top.qcow2") == content)

    def test_lost_snapshot_table(self):
        """What a table that cannot be found refers to is not known to be free: another snapshot can
        be deleted, but every count stays that may be of the lost one."""
        self.create("disk.qcow2", "8M", writes=["write -P 7 0 1M"])
        self.qemu("snapshot", "-c", "one", "disk.qcow2")
        self.qemu("snapshot", "-c", "two", "disk.qcow2")
        table = Counts(self.path("disk.qcow2")).number(64, 8)
        self.poke("disk.qcow2", table, (1 << 40).to_bytes(8, "big"))
        content, before = self.reads("disk.qcow2"), Counts(self.path("disk.qcow2"))
        self.ours("snapshot", "-d", "two", "disk.qcow2")
        self.assertTrue(self.reads("disk.qcow2") == content)
        after = Counts(self.path("disk.qcow2"))
        lowered = [cluster for cluster in range(before.n_clusters())
                   if after.get(cluster) < before.get(cluster)]
        # not even what only the deleted snapshot used can be told from what the lost one uses
        self.assertEqual([cluster for cluster in lowered if before.get(cluster) > 1], [])

    def random_case(self, seed):
        """One count of a random image is lowered; then a verb that changes the image runs."""
        rand = random.Random(seed)
        chain = random_chain(seed, self.folder, max_layers=2)
        name = os.path.basename(chain.path)
        if chain.format != "qcow2" or theirs("check", "-f", "qcow2", name,
                                             folder=self.folder).status:
            return False
        counts = Counts(chain.path)
        used = [cluster for cluster in range(counts.n_clusters()) if counts.get(cluster)]
        cluster = rand.choice(used)
        counts.put(cluster, rand.randrange(counts.get(cluster)))
        content = self.reads(name)
        verbs = [["bitmap", "--add", name, "fresh"], ["resize", name, "+1M"],
                 ["bench", "-q", "-w", "-c", "3", "-s", "4k", "-d", "1", "--pattern", "1",
                  "-o", str(rand.randrange(max(1, len(content) - 12288)) // 512 * 512), name],
                 ["snapshot", "-c", "fresh", name]]
        verbs += [["snapshot", "-d", ident, name] for ident in sorted(chain.snapshots)]
        words = rand.choice(verbs)
        done = ours(*words, folder=self.folder)
        self.judge(words, done, name, content, chain)
        return done.status != 0

    def judge(self, words, done, name, content, chain):
        """Refused or not, every other state still shows what it did."""
        gone = words[2] if words[:2] == ["snapshot", "-d"] and not done.status else None
        for ident, wanted in chain.snapshots.items():
            if ident != gone:
                self.qemu("convert", "-f", "qcow2", "-l", f"snapshot.id={ident}", "-O", "raw", name,
                          "read.raw")
                found = self.content("read.raw")
                self.assertTrue(found == wanted[:len(found)], f"{words} {done} snapshot {ident}")
        if words[0] != "bench":
            self.assertTrue(self.reads(name)[:len(content)] == content, f"{words} {done}")

    def test_random(self):
        n_cases = 500 if os.environ.get("SINTER_TEST_LONG") else 40
        refused = 0
        for seed in range(SEED, SEED + n_cases):
            with self.subTest(SINTER_SEED=seed):
                refused += self.random_case(seed)
                for name in os.listdir(self.folder):
                    os.unlink(self.path(name))
        self.assertGreater(refused, n_cases // 4)


if __name__ == "__main__":
    unittest.main()
