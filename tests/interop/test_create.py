# SPDX-License-Identifier: LGPL-2.1-or-later
"""New images beside those of qemu-img: the same bytes, or with preallocation the same map."""

import json
import os
import random
import stat
import subprocess
import unittest

import qemu

SEED = int(os.environ.get("SINTER_SEED", random.SystemRandom().randrange(1 << 31)))
ROUNDS = int(os.environ.get("SINTER_ROUNDS", "60"))
WRITE_TOOL = os.environ.get("SINTER_WRITE_TOOL", "write-tool")


def create(path, fmt, size, *options, check=True):
    return qemu.run(WRITE_TOOL, "create", path, fmt, str(size), *options, check=check)


def content(path):
    with open(path, "rb") as f:
        return f.read()


class Options:
    """Random options that go together."""

    def __init__(self, rand):
        self.bits = bits = rand.choice([9, 10, 12, 14, 16, 16, 16, 18, 21])
        self.refcount_bits = 16
        self.size = rand.choice([0, rand.randrange(1, 4000) * 512, rand.randrange(1, 400) << 20,
                                 rand.randrange(1, 64) << 30 if bits > 9 else 1 << 30])
        self.words = [f"cluster_size={1 << bits}"]
        if rand.random() < 0.2:
            self.words.append("compat=0.10")
        else:
            self.refcount_bits = 1 << rand.randrange(7)
            self.words.append(f"refcount_bits={self.refcount_bits}")
            self.words.append(f"lazy_refcounts={rand.choice(['on', 'off'])}")
            self.words.append(f"compression_type={rand.choice(['zlib', 'zstd'])}")
            if bits >= 14 and rand.random() < 0.5:
                self.words.append("extended_l2=on")
        self.backing = rand.random() < 0.4

    def clusters(self):
        """Of an empty image: header, refcount table and block, L1."""
        entry = 16 if "extended_l2=on" in self.words else 8
        tables = -(-self.size // ((1 << self.bits) // entry << self.bits))
        return 3 + -(-tables * 8 // (1 << self.bits))

    def counts_in_a_block(self):
        return (8 << self.bits) // self.refcount_bits


@unittest.skipUnless(qemu.QEMU_IMG, "lacks qemu-img")
class Create(unittest.TestCase):
    def setUp(self):
        self.folder = qemu.Folder()
        self.folder.__enter__()
        self.addCleanup(self.folder.__exit__, None, None, None)
        self.ours = self.folder.file("ours")
        self.theirs = self.folder.file("theirs")
        self.base = self.folder.file("base.raw")
        with open(self.base, "wb") as f:
            f.truncate(1 << 20)

    def create_both(self, size, words, backing=()):
        names = ["-b", backing[0], "-F", backing[1]] if backing else []
        own = [f"backing_file={backing[0]}", f"backing_fmt={backing[1]}"] if backing else []
        qemu.qemu_img("create", "-q", "-f", "qcow2", "-o", ",".join(words), *names, self.theirs,
                      str(size))
        create(self.ours, "qcow2", size, *words, *own)

    def forget(self):
        for path in (self.ours, self.theirs):
            os.unlink(path)

    def test_same_bytes(self):
        print(f"# SINTER_SEED={SEED}")
        for seed in range(SEED, SEED + ROUNDS):
            options = Options(random.Random(seed))
            backing = ("base.raw", "raw") if options.backing else ()
            with self.subTest(SINTER_SEED=seed, size=options.size, words=options.words,
                              backing=backing):
                self.create_both(options.size, options.words, backing)
                qemu.qemu_img("check", self.ours)
                if options.clusters() <= options.counts_in_a_block():
                    self.assertTrue(content(self.ours) == content(self.theirs), "bytes differ")
                self.forget()

    def test_large_tables(self):
        """Where blocks or tables are more than one the places differ, the image is sound."""
        for size, words in ((60 << 30, ["cluster_size=512"]),
                            (128 << 30, ["cluster_size=512", "refcount_bits=64"]),
                            (64 << 40, ["cluster_size=65536", "refcount_bits=64"])):
            with self.subTest(size=size, words=words):
                create(self.ours, "qcow2", size, *words)
                qemu.qemu_img("check", self.ours)
                info = json.loads(qemu.qemu_img("info", "--output=json", self.ours))
                self.assertEqual(info["virtual-size"], size)
                os.unlink(self.ours)

    def map_of(self, path):
        """Where the image has host space; which of it is a hole there is not its business."""
        runs = []
        for extent in json.loads(qemu.qemu_img("map", "--output=json", path)):
            if runs and runs[-1][2] == extent["present"]:
                runs[-1][1] += extent["length"]
            else:
                runs.append([extent["start"], extent["length"], extent["present"]])
        return runs

    def test_preallocation(self):
        for mode in ("metadata", "falloc", "full"):
            for words in ([], ["cluster_size=512"], ["cluster_size=4096", "refcount_bits=1"],
                          ["extended_l2=on"], ["cluster_size=2097152"], ["compat=0.10"]):
                with self.subTest(mode=mode, words=words):
                    self.create_both(9 << 20, words + [f"preallocation={mode}"])
                    qemu.qemu_img("check", self.ours)
                    ours, theirs = os.stat(self.ours), os.stat(self.theirs)
                    self.assertAlmostEqual(ours.st_size, theirs.st_size, delta=4 << 21)
                    if mode != "metadata":
                        self.assertGreaterEqual(ours.st_blocks * 512, 9 << 20)
                    else:
                        self.assertLess(ours.st_blocks * 512, 9 << 20)
                    self.assertEqual(self.map_of(self.ours), self.map_of(self.theirs))
                    self.forget()

    def test_data_file(self):
        for raw in ("on", "off"):
            words = [f"data_file={self.folder.file('d')}", f"data_file_raw={raw}"]
            self.create_both(9 << 20, words)
            self.assertTrue(content(self.ours) == content(self.theirs), "bytes differ")
            self.assertEqual(os.stat(self.folder.file("d")).st_size, 9 << 20)
            qemu.qemu_img("check", self.ours)
            self.forget()

    def test_raw(self):
        for mode in ("off", "falloc", "full"):
            create(self.ours, "raw", 1000001, f"preallocation={mode}")
            self.assertEqual(os.stat(self.ours).st_size, 1000448)
            os.unlink(self.ours)

    def test_born_private_and_replaced(self):
        create(self.ours, "qcow2", 1 << 20)
        self.assertEqual(stat.S_IMODE(os.stat(self.ours).st_mode), 0o600)
        os.chmod(self.ours, 0o640)
        qemu.run(qemu.QEMU_IO, "-f", "qcow2", "-c", "write -P 7 0 1M", self.ours)
        create(self.ours, "qcow2", 2 << 20)
        qemu.qemu_img("check", self.ours)
        self.assertEqual(stat.S_IMODE(os.stat(self.ours).st_mode), 0o640)

    def check_refused(self, text, *words, size=1 << 20):
        done = create(self.ours, "qcow2", size, *words, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.decode(), f"{self.ours}: {text}\n")
        self.assertFalse(os.path.exists(self.ours))

    def test_refused_as_qemu_does(self):
        cases = (["cluster_size=1000"], ["cluster_size=4194304"], ["refcount_bits=3"],
                 ["compat=0.10", "refcount_bits=8"], ["compat=0.10", "lazy_refcounts=on"],
                 ["compat=0.10", "extended_l2=on"], ["compat=0.10", "compression_type=zstd"],
                 ["extended_l2=on", "cluster_size=8192"], ["data_file_raw=on"],
                 ["compat=0.10", "data_file=x"],
                 ["data_file=x", "data_file_raw=on", "backing_file=base.raw", "backing_fmt=raw"],
                 ["preallocation=metadata", "backing_file=base.raw", "backing_fmt=raw"])
        for words in cases:
            with self.subTest(words=words):
                done = qemu.run(qemu.QEMU_IMG, "create", "-q", "-f", "qcow2", "-o",
                                ",".join(words), self.ours, "1M", check=False)
                prefix = f"qemu-img: {self.ours}: "
                theirs = done.stderr.decode()
                self.assertTrue(theirs.startswith(prefix), theirs)
                if os.path.exists(self.ours):
                    os.unlink(self.ours)
                self.check_refused(theirs[len(prefix):].strip(), *words)
        self.check_refused("The image size is too large for file format 'qcow2' (try using a "
                           "larger cluster size)", "cluster_size=512", size=1 << 40)

    def test_never_over_its_backing_file(self):
        done = create(self.base, "qcow2", 1 << 20, "backing_file=base.raw", "backing_fmt=raw",
                      check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"same filename as the backing file", done.stderr)
        self.assertEqual(content(self.base), bytes(1 << 20))

    @unittest.skipUnless(qemu.QEMU_IO, "lacks qemu-io")
    def test_never_over_one_in_use(self):
        create(self.ours, "qcow2", 1 << 20)
        before = content(self.ours)
        with subprocess.Popen([qemu.QEMU_IO, "-f", "qcow2", self.ours], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            holder.stdin.write("read 0 512\n")
            holder.stdin.flush()
            while "ops" not in holder.stdout.readline():
                pass
            done = create(self.ours, "qcow2", 2 << 20, check=False)
            holder.stdin.close()
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"lock", done.stderr)
        self.assertEqual(content(self.ours), before)


if __name__ == "__main__":
    unittest.main()
