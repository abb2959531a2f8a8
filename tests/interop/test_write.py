# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the engine writes, judged by QEMU's tools: random requests on random images of theirs."""

import json
import os
import random
import subprocess
import unittest

import qemu

SEED = int(os.environ.get("SINTER_SEED", random.SystemRandom().randrange(1 << 31)))
ROUNDS = int(os.environ.get("SINTER_ROUNDS", "60"))
WRITE_TOOL = os.environ.get("SINTER_WRITE_TOOL", "write-tool")


def tool_io(path, fmt, lines):
    return subprocess.run([WRITE_TOOL, "io", path, fmt], input="\n".join(lines) + "\n", text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


class Disk:
    """What the guest must see, and random requests that change it."""

    def __init__(self, rand, content, cluster, discards):
        self.random, self.content, self.cluster = rand, bytearray(content), cluster
        self.discards = discards

    def range(self):
        rand, size = self.random, len(self.content)
        offset = rand.randrange(size)
        length = rand.choice([rand.randrange(1, 3000), rand.randrange(1, 4 * self.cluster)])
        if rand.random() < 0.5:
            offset = offset // self.cluster * self.cluster
            length = -(-length // self.cluster) * self.cluster
        return offset, min(length, size - offset)

    def request(self):
        kind = self.random.choice(["write"] * 5 + ["zero", "discard", "flush"])
        offset, length = self.range()
        if kind == "flush":
            return kind
        if kind == "discard":
            offset = offset // self.cluster * self.cluster
            length = length // self.cluster * self.cluster
            if not self.discards or length == 0:
                return "flush"
        byte = self.random.randrange(1, 256) if kind == "write" else 0
        self.content[offset:offset + length] = bytes([byte]) * length
        return f"{kind} {offset} {length} {byte}"


@unittest.skipUnless(qemu.QEMU_IMG and qemu.QEMU_IO, "lacks qemu-img and qemu-io")
class Write(unittest.TestCase):
    def content(self, folder, path, fmt, *words):
        raw = folder.file("expected.raw")
        done = qemu.run(qemu.QEMU_IMG, "convert", "-f", fmt, "-O", "raw", *words, path, raw,
                        check=False)
        if b"error while reading" in done.stderr:
            raise qemu.Spoiled(path)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(raw, "rb") as f:
            return f.read()

    def each(self, check):
        print(f"# SINTER_SEED={SEED}")
        spoiled = 0
        for seed in range(SEED, SEED + ROUNDS):
            with self.subTest(SINTER_SEED=seed), qemu.Folder() as folder:
                images = qemu.RandomImages(seed, folder)
                try:
                    path, fmt = images.chain(images.random.randrange(1, 4))
                    self.require_sound(path, fmt)
                    check(images, folder, path, fmt)
                except qemu.Spoiled:
                    spoiled += 1
                except AssertionError as e:
                    history = "\n".join(images.log)
                    raise AssertionError(f"SINTER_SEED={seed}\n{history}\n{e}") from e
        self.assertLessEqual(spoiled, ROUNDS // 2)

    def require_sound(self, path, fmt):
        """QEMU's own writes break some images (narrow refcounts): those are no ground to stand
        on."""
        if fmt == "qcow2" and qemu.run(qemu.QEMU_IMG, "check", path, check=False).returncode != 0:
            raise qemu.Spoiled(path)

    def disk(self, images, folder, path, fmt):
        info = json.loads(qemu.qemu_img("info", "--output=json", "-f", fmt, path))
        old = info.get("format-specific", {}).get("data", {}).get("compat") == "0.10"
        return Disk(images.random, self.content(folder, path, fmt),
                    info.get("cluster-size", 4096), fmt == "qcow2" and not old)

    def run_requests(self, images, disk, path, fmt):
        lines = [disk.request() for _ in range(images.random.randrange(1, 60))]
        images.log.append("; ".join(lines))
        done = tool_io(path, fmt, lines)
        self.assertEqual(done.returncode, 0, done.stderr)

    def check_result(self, folder, path, fmt, expected):
        if fmt == "qcow2":
            done = qemu.run(qemu.QEMU_IMG, "check", path, check=False)
            self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())
        self.assertTrue(self.content(folder, path, fmt) == expected, "content differs")

    def test_random(self):
        self.each(self.check_random)

    def check_random(self, images, folder, path, fmt):
        disk = self.disk(images, folder, path, fmt)
        self.run_requests(images, disk, path, fmt)
        self.check_result(folder, path, fmt, disk.content)

    def test_snapshots(self):
        self.each(self.check_snapshots)

    def check_snapshots(self, images, folder, path, fmt):
        if fmt != "qcow2" or os.path.exists(path + ".data"):
            return
        before = {}
        disk = self.disk(images, folder, path, fmt)
        for name in ("one", "two"):
            if qemu.run(qemu.QEMU_IMG, "snapshot", "-c", name, path, check=False).returncode != 0:
                # a refcount too narrow to count two owners; QEMU leaks what it had begun with
                qemu.run(qemu.QEMU_IMG, "check", "-r", "leaks", path, check=False)
                break
            before[name] = bytes(disk.content)
            self.run_requests(images, disk, path, fmt)
        self.require_sound_after(path)
        self.check_result(folder, path, fmt, disk.content)
        for name, content in before.items():
            found = self.content(folder, path, fmt, "-l", f"snapshot.name={name}")
            self.assertTrue(found == content, f"snapshot '{name}' changed")
        if before:
            qemu.qemu_img("snapshot", "-d", "one", path)
            self.run_requests(images, disk, path, fmt)
            self.check_result(folder, path, fmt, disk.content)

    def require_sound_after(self, path):
        done = qemu.run(qemu.QEMU_IMG, "check", path, check=False)
        self.assertEqual(done.returncode, 0, (done.stdout + done.stderr).decode())


class Refused(unittest.TestCase):
    def setUp(self):
        self.folder = qemu.Folder()
        self.folder.__enter__()
        self.addCleanup(self.folder.__exit__, None, None, None)
        self.image = self.folder.file("image")
        qemu.qemu_img("create", "-q", "-f", "qcow2", self.image, "1M")

    def check_refused(self, text):
        with open(self.image, "rb") as f:
            before = f.read()
        done = tool_io(self.image, "qcow2", ["write 0 512 1"])
        self.assertEqual(done.returncode, 1)
        self.assertIn(text, done.stderr)
        with open(self.image, "rb") as f:
            self.assertEqual(f.read(), before)

    def poke(self, offset, data):
        with open(self.image, "r+b") as f:
            f.seek(offset)
            f.write(data)

    def test_dirty(self):
        self.poke(79, b"\x01")
        self.check_refused("was not closed")

    def test_corrupt(self):
        self.poke(79, b"\x02")
        self.check_refused("is marked corrupt")

    def test_unknown_feature(self):
        self.poke(72, b"\x80")
        self.check_refused("Unsupported qcow2 feature")

    def test_enabled_bitmap(self):
        qemu.qemu_img("bitmap", "--add", self.image, "b")
        self.check_refused("the bitmap 'b' records")
        qemu.qemu_img("bitmap", "--disable", self.image, "b")
        done = tool_io(self.image, "qcow2", ["write 0 512 1"])
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        qemu.qemu_img("check", self.image)

    def test_unknown_autoclear_bits_go(self):
        self.poke(88, b"\x80")
        self.assertEqual(tool_io(self.image, "qcow2", ["write 0 512 1"]).returncode, 0)
        with open(self.image, "rb") as f:
            f.seek(88)
            self.assertEqual(f.read(8), bytes(8))

    def test_in_use(self):
        with subprocess.Popen([qemu.QEMU_IO, "-f", "qcow2", self.image], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as holder:
            holder.stdin.write("read 0 512\n")
            holder.stdin.flush()
            while "ops" not in holder.stdout.readline():
                pass
            self.check_refused("it is held by process")
            holder.stdin.close()

    def test_cluster_counted_free(self):
        """A damage that would hand a table out as free space."""
        self.poke(0x20006, bytes(2))  # of the L1 table, which lies in cluster 3
        self.check_refused("counts as free")

    def test_table_counted_twice(self):
        qemu.qemu_io(self.image, "write 0 64k")
        self.poke(0x20008, b"\0\2")  # of the L2 table
        self.check_refused("is marked as used once")


if __name__ == "__main__":
    unittest.main()
