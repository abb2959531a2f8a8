# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that are hard to rescue: real file systems, filled with files, and most metadata lost.

The disk has a GPT and a partition each for FAT, ext4, XFS, btrfs and swap, made by their own mkfs.
It becomes a qcow2 image with small clusters, so that it has many L2 tables: written in the order of
the disk, or in pieces in a random order, as a guest writes. `Hard` damages a copy and knows where
each guest cluster was.
"""

import os
import random
import shutil
import struct
import subprocess
import zlib

MIB = 1 << 20
SECTOR = 512
OFFSET_MASK = 0x00fffffffffffe00
CLUSTER = 4096
PER_TABLE = CLUSTER // 8
COMMANDS = ("mkfs.ext4", "mkfs.xfs", "mkfs.vfat", "mkfs.btrfs", "mkswap", "sfdisk", "mcopy",
            "qemu-img", "qemu-io")

GPT_TYPES = {"vfat": "C12A7328-F81F-11D2-BA4B-00A0C93EC93B",
             "swap": "0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"}
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"


def tool(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def missing():
    return [name for name in COMMANDS if not tool(name)]


def run(*args, stdin=b""):
    done = subprocess.run([tool(args[0]), *args[1:]], input=stdin, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise AssertionError(f"{args}: {done.stdout.decode(errors='replace')}")
    return done.stdout


def fill(folder, n_bytes, rng):
    """Files of text and of random bytes, from small ones to some MiB, in a few directories."""
    n = 0
    while n_bytes > 0:
        size = min(n_bytes, rng.choice((700, 5000, 40000, 300000, 2 * MIB, 5 * MIB)))
        place = os.path.join(folder, f"d{n % 7}")
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, f"f{n:05}.bin"), "wb") as file:
            if n % 3:
                file.write(rng.randbytes(size))
            else:
                line = f"file {n} of {folder}: a line of text\n".encode()
                file.write((line * (size // len(line) + 1))[:size])
        n_bytes -= size
        n += 1


def proto(folder):
    """The prototype file of mkfs.xfs that copies a folder."""
    def lines(path, indent):
        for name in sorted(os.listdir(path)):
            full = os.path.join(path, name)
            if os.path.isdir(full):
                yield f"{indent}{name} d--755 0 0"
                yield from lines(full, indent + " ")
                yield f"{indent}$"
            else:
                yield f"{indent}{name} ---644 0 0 {full}"
    return "\n".join(["/none", "0 0", "d--755 0 0", *lines(folder, " "), "$", ""])


def make_volume(kind, path, folder):
    if kind == "ext4":
        run("mkfs.ext4", "-q", "-F", "-d", folder, path)
    elif kind == "xfs":
        with open(path + ".proto", "w", encoding="ascii") as file:
            file.write(proto(folder))
        small = ["--unsupported"] if os.path.getsize(path) < 300 * MIB else []
        run("mkfs.xfs", *small, "-q", "-f", "-p", path + ".proto", path)
    elif kind == "vfat":
        run("mkfs.vfat", "-F", "32", path)
        run("mcopy", "-s", "-i", path, *(os.path.join(folder, d) for d in sorted(os.listdir(folder))), "::/")
    elif kind == "btrfs":
        run("mkfs.btrfs", "-q", "--rootdir", folder, path)
    else:
        run("mkswap", path)


def make_disk(path, size, volumes, rng):
    """@volumes: (kind, MiB of the partition, MiB of files)."""
    folder = path + ".parts"
    os.makedirs(folder)
    start, script = 1, ["label: gpt"]
    with open(path, "wb") as disk:
        disk.truncate(size)
    for kind, size_mib, _ in volumes:
        script.append(f"start={start * MIB // SECTOR}, size={size_mib * MIB // SECTOR}, "
                      f"type={GPT_TYPES.get(kind, LINUX)}")
        start += size_mib
    run("sfdisk", "-q", path, stdin="\n".join(script).encode() + b"\n")
    start = 1
    for kind, size_mib, fill_mib in volumes:
        part, files = os.path.join(folder, kind), os.path.join(folder, kind + ".files")
        os.makedirs(files)
        fill(files, fill_mib * MIB, rng)
        with open(part, "wb") as file:
            file.truncate(size_mib * MIB)
        make_volume(kind, part, files)
        run_copy(part, path, start * MIB)
        start += size_mib
    shutil.rmtree(folder)


def data_ranges(file):
    """(offset, length) of what is no hole."""
    end, at = os.fstat(file.fileno()).st_size, 0
    while at < end:
        try:
            first = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        at = os.lseek(file.fileno(), first, os.SEEK_HOLE)
        yield first, at - first


def run_copy(source, target, offset):
    with open(source, "rb") as src, open(target, "r+b") as dst:
        for first, length in list(data_ranges(src)):
            src.seek(first)
            while length:
                block = src.read(min(length, MIB))
                if block.strip(b"\0"):
                    dst.seek(offset + first)
                    dst.write(block)
                first += len(block)
                length -= len(block)


def to_image(raw, image):
    run("qemu-img", "convert", "-O", "qcow2", "-o", f"cluster_size={CLUSTER}", raw, image)


def to_image_shuffled(raw, image, rng):
    """Written in pieces of 64 KiB to 4 MiB in a random order, by QEMU."""
    run("qemu-img", "create", "-q", "-f", "qcow2", "-o", f"cluster_size={CLUSTER}", image,
        str(os.path.getsize(raw)))
    commands = []
    folder = image + ".pieces"
    os.makedirs(folder)
    with open(raw, "rb") as file:
        for first, length in list(data_ranges(file)):
            while length:
                size = min(length, rng.choice((64 << 10, 256 << 10, MIB, 4 * MIB)))
                file.seek(first)
                block = file.read(size)
                # zeros stay unallocated, as with convert
                lead = len(block) - len(block.lstrip(b"\0"))
                lead -= lead % CLUSTER
                block = block[lead:].rstrip(b"\0")
                block += bytes(-len(block) % CLUSTER)
                if block:
                    name = os.path.join(folder, str(len(commands)))
                    with open(name, "wb") as piece:
                        piece.write(block)
                    commands.append(f"write -q -s {name} {first + lead} {len(block)}")
                first += size
                length -= size
    rng.shuffle(commands)
    run("qemu-io", "-f", "qcow2", image, stdin="\n".join(commands).encode() + b"\n")
    shutil.rmtree(folder)


class Mapping:
    """Where an image with plain L2 entries has its tables and its guest clusters."""

    def __init__(self, path):
        self.tables = {}    # slot → host offset
        self.clusters = {}  # guest cluster → host offset
        with open(path, "rb") as file:
            header = file.read(112)
            bits, = struct.unpack_from(">I", header, 20)
            self.cluster, self.per_table = 1 << bits, (1 << bits) // 8
            self.n_l1, self.l1 = struct.unpack_from(">IQ", header, 36)
            self.reftable, self.n_reftable = struct.unpack_from(">QI", header, 48)
            file.seek(self.l1)
            l1 = struct.unpack(f">{self.n_l1}Q", file.read(8 * self.n_l1))
            for slot, entry in enumerate(l1):
                if entry & OFFSET_MASK:
                    self.tables[slot] = entry & OFFSET_MASK
                    file.seek(entry & OFFSET_MASK)
                    self.take(slot, struct.unpack(f">{self.per_table}Q", file.read(self.cluster)))
            file.seek(self.reftable)
            self.refblocks = [e for e in struct.unpack(f">{self.n_reftable * self.per_table}Q",
                                                       file.read(self.n_reftable * self.cluster)) if e]

    def take(self, slot, entries):
        for i, entry in enumerate(entries):
            if entry & OFFSET_MASK:
                self.clusters[slot * self.per_table + i] = entry & OFFSET_MASK


class Hard:
    """A damaged copy of an image, and what is right."""

    def __init__(self, image, copy, rng):
        self.right = Mapping(image)
        self.path = copy
        self.rng = rng
        shutil.copy(image, copy)

    def overwrite(self, offset, data):
        with open(self.path, "r+b") as file:
            file.seek(offset)
            file.write(data)

    def lose_tables(self, n):
        for slot in self.rng.sample(sorted(self.right.tables), n):
            self.overwrite(self.right.tables[slot], self.rng.randbytes(self.right.cluster))

    def lose_l1(self):
        self.overwrite(self.right.l1, self.rng.randbytes(self.right.n_l1 * 8))

    def lose_refcounts(self):
        for block in self.right.refblocks:
            self.overwrite(block, self.rng.randbytes(self.right.cluster))
        self.overwrite(self.right.reftable, self.rng.randbytes(self.right.n_reftable * self.right.cluster))

    def lose_start(self):
        self.overwrite(0, bytes(64 << 10))

    def wrong(self):
        """Guest clusters that are mapped to other host clusters than they were."""
        return [guest for guest, host in Mapping(self.path).clusters.items()
                if self.right.clusters.get(guest) != host]

    def share(self, raw, got):
        """The part of the guest clusters with content that read the same in the raw file @got."""
        n_all = n_same = 0
        with open(raw, "rb") as right, open(got, "rb") as other:
            for guest in self.right.clusters:
                right.seek(guest * CLUSTER)
                block = right.read(CLUSTER)
                if not block.strip(b"\0"):
                    continue
                other.seek(guest * CLUSTER)
                n_all += 1
                n_same += block == other.read(CLUSTER)
        return n_same / n_all


def checksum(path):
    value = 0
    with open(path, "rb") as file:
        while block := file.read(MIB):
            value = zlib.crc32(block, value)
    return value
