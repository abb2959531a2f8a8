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


@unittest.skipUnless(qemu.QEMU_IMG and qemu.QEMU_IO, "lacks qemu-img and qemu-io")
class Bitmaps(unittest.TestCase):
    """Enabled bitmaps record exactly what QEMU's own record: one image each, the same requests."""

    def flags(self, path):
        info = json.loads(qemu.qemu_img("info", "--output=json", path))
        return {b["name"]: b["flags"] for b in info["format-specific"]["data"]["bitmaps"]}

    def bits(self, path, name):
        """Bits of a bitmap as stored, by way of its tables."""
        with open(path, "rb") as f:
            image = f.read()
        def number(at, n):
            return int.from_bytes(image[at:at + n], "big")
        cluster, at = 1 << number(20, 4), number(100, 4)
        while number(at, 4) != 0x23852875:
            at += 8 + (number(at + 4, 4) + 7) // 8 * 8
        entry = number(at + 8 + 16, 8)
        for _ in range(number(at + 8, 4)):
            name_bytes, extra = number(entry + 18, 2), number(entry + 20, 4)
            found = image[entry + 24 + extra:entry + 24 + extra + name_bytes].decode()
            if found == name:
                out = b""
                for i in range(number(entry + 8, 4)):
                    bits = number(number(entry, 8) + i * 8, 8)
                    host = bits & 0x00fffffffffffe00
                    out += image[host:host + cluster] if host else \
                        (b"\xff" if bits & 1 else b"\0") * cluster
                return out
            entry += (24 + extra + name_bytes + 7) // 8 * 8
        raise AssertionError(f"no bitmap {name}")

    def test_recorded_as_qemu_does(self):
        for cluster in (512, 4096, 65536):
            with self.subTest(cluster=cluster), qemu.Folder() as folder:
                paths = [folder.file("ours"), folder.file("theirs")]
                for path in paths:
                    qemu.qemu_img("create", "-q", "-f", "qcow2", "-o", f"cluster_size={cluster}",
                                  path, "32M")
                    qemu.qemu_img("bitmap", "--add", "-g", "512", path, "fine")
                    qemu.qemu_img("bitmap", "--add", "-g", "1M", path, "coarse")
                    qemu.qemu_img("bitmap", "--add", "--disable", path, "off")
                done = tool_io(paths[0], "qcow2", ["write 65536 70000 1", "zero 9437184 65536",
                                                   "write 33550000 4432 7"])
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                qemu.run(qemu.QEMU_IO, "-f", "qcow2", "-c", "write -P 1 65536 70000", "-c",
                         "write -z 9437184 65536", "-c", "write -P 7 33550000 4432", paths[1])
                for name in ("fine", "coarse", "off"):
                    self.assertTrue(self.bits(paths[0], name) == self.bits(paths[1], name), name)
                self.assertEqual(self.flags(paths[0]),
                                 {"fine": ["auto"], "coarse": ["auto"], "off": []})
                qemu.qemu_img("check", paths[0])

    def test_not_trusted_after_a_kill(self):
        with qemu.Folder() as folder:
            path = folder.file("image")
            qemu.qemu_img("create", "-q", "-f", "qcow2", path, "1M")
            qemu.qemu_img("bitmap", "--add", path, "b")
            with subprocess.Popen([WRITE_TOOL, "io", path, "qcow2"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True) as tool:
                tool.stdin.write("write 0 512 1\nsay written\n")
                tool.stdin.flush()
                self.assertEqual(tool.stdout.readline(), "written\n")
                tool.kill()
            self.assertEqual(self.flags(path), {"b": ["in-use", "auto"]})


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
        """QEMU leaves lazy reference counts behind when it is killed: they are put right."""
        qemu.qemu_img("create", "-q", "-f", "qcow2", "-o", "lazy_refcounts=on", self.image, "8M")
        qemu.run(qemu.QEMU_IO, "-f", "qcow2", "-c", "write -P 7 1M 300k", "-c", "flush",
                 "-c", "abort", self.image, check=False)
        with open(self.image, "rb") as f:
            f.seek(79)
            self.assertEqual(f.read(1), b"\x01")
        done = tool_io(self.image, "qcow2", ["write 0 512 1"])
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.image, "rb") as f:
            f.seek(79)
            self.assertEqual(f.read(1), b"\x00")
        qemu.qemu_img("check", "-q", self.image)
        qemu.run(qemu.QEMU_IO, "-f", "qcow2", "-c", "read -P 7 1M 300k", "-c", "read -P 1 0 512",
                 self.image)

    def test_dirty_and_damaged(self):
        """What is wrong beyond the counts is not for opening to repair."""
        qemu.run(qemu.QEMU_IO, "-f", "qcow2", "-c", "write 0 64k", self.image)
        self.poke(79, b"\x01")
        with open(self.image, "r+b") as f:
            f.seek(40)
            l1 = int.from_bytes(f.read(8), "big")
            f.seek(l1)
            l2 = int.from_bytes(f.read(8), "big") & 0x00fffffffffffe00
            f.seek(l2)
            f.write((l2 | 1 << 63).to_bytes(8, "big"))
        self.check_refused("Could not repair dirty image")

    def test_corrupt(self):
        self.poke(79, b"\x02")
        self.check_refused("is marked as corrupt")

    def test_unknown_feature(self):
        self.poke(72, b"\x80")
        self.check_refused("Unsupported qcow2 feature")

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
            self.check_refused("locked by process")
            holder.stdin.close()

    def test_cluster_counted_free(self):
        """A damage that would hand a table out as free space."""
        self.poke(0x20006, bytes(2))  # of the L1 table, which lies in cluster 3
        self.check_refused("its refcount is 0")

    def test_table_counted_twice(self):
        qemu.qemu_io(self.image, "write 0 64k")
        self.poke(0x20008, b"\0\2")  # of the L2 table
        self.check_refused("is marked as not shared")


if __name__ == "__main__":
    unittest.main()
