# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs QEMU's tools and ours on the same images, and makes random images of every kind."""

import os
import random
import shutil
import subprocess
import tempfile

QEMU_IMG = shutil.which("qemu-img")
QEMU_IO = shutil.which("qemu-io")
ENGINE_TOOL = os.environ.get("SINTER_ENGINE_TOOL", "engine-tool")
KIB, MIB = 1024, 1024 * 1024


def run(*args, check=True):
    """The finished process; with check, a failure raises with what the program said."""
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, args))}: exit {done.returncode}: "
                             f"{done.stderr.decode(errors='replace')}")
    return done


def qemu_img(*args):
    done = run(QEMU_IMG, *args, check=False)
    for _ in range(20):     # on a busy machine QEMU cannot time the making of a LUKS key
        if b"accurate CPU usage" not in done.stderr:
            break
        done = run(QEMU_IMG, *args, check=False)
    return done.stdout if done.returncode == 0 else run(QEMU_IMG, *args).stdout


class Spoiled(Exception):
    """QEMU itself broke the image (it marks it corrupt): nothing to compare."""


def qemu_io(path, *commands, image_format="qcow2"):
    """Requests one after the other. One that QEMU refuses (a refcount too narrow) is left out."""
    words = [word for command in commands for word in ("-c", command)]
    done = run(QEMU_IO, "-f", image_format, *words, path, check=False)
    if b"corrupt" in done.stdout + done.stderr:
        raise Spoiled(path)
    if b"Could not open" in done.stderr or b"can't open" in done.stderr:
        raise AssertionError(done.stderr.decode(errors="replace"))


def engine(*args, check=True):
    return run(ENGINE_TOOL, *args, check=check)


class Folder:
    """A temporary folder for images; a context manager."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="sinter-interop-")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def file(self, name):
        return os.path.join(self.path, name)


class RandomImages:
    """Chains of images with random features and random content. The seed says it all."""

    def __init__(self, seed, folder):
        self.random = random.Random(seed)
        self.folder = folder
        self.log = []

    def options(self):
        """Creation options for a qcow2 image that go together, and its cluster size."""
        rand = self.random
        bits = rand.choice([9, 10, 12, 14, 16, 16, 16, 18, 21])
        options = [f"cluster_size={1 << bits}"]
        if rand.random() < 0.15:
            return options + ["compat=0.10"], 1 << bits
        if bits >= 14 and rand.random() < 0.5:
            options.append("extended_l2=on")
        if rand.random() < 0.4:
            options.append("compression_type=zstd")
        if rand.random() < 0.2:
            options.append("lazy_refcounts=on")
        options.append(f"refcount_bits={rand.choice([1, 2, 4, 8, 16, 16, 32, 64])}")
        return options, 1 << bits

    def size(self):
        rand = self.random
        return rand.choice([rand.randrange(1, 200) * 512, rand.randrange(1, 300) * 64 * KIB,
                            rand.randrange(1, 40) * MIB, rand.randrange(1, 80000) * 512])

    def create(self, name, size, backing=None, backing_format=None, data_file=False):
        path = self.folder.file(name)
        options, cluster = self.options()
        plain = "compat=0.10" not in options
        if data_file and plain:
            options = [o for o in options if not o.startswith("compression")]
            options.append(f"data_file={path}.data")
            if not backing and self.random.random() < 0.5:
                options.append("data_file_raw=on")
        elif not backing and self.random.random() < 0.2 and "extended_l2=on" not in options:
            options.append(f"preallocation={self.random.choice(['metadata', 'falloc', 'full'])}")
        words = ["create", "-q", "-f", "qcow2", "-o", ",".join(options)]
        if backing:
            words += ["-b", backing, "-F", backing_format]
        self.log.append(f"{name}: {size} bytes, {','.join(options)}")
        qemu_img(*words, path, str(size))
        return path, cluster, data_file and plain

    def write(self, path, size, cluster, image_format="qcow2", external=False):
        """A few random requests, of every kind, aligned and not."""
        commands = []
        compat_v2 = any("compat=0.10" in line for line in self.log
                        if line.startswith(os.path.basename(path) + ":"))
        for _ in range(self.random.randrange(1, 25)):
            commands.append(self.request(size, cluster, image_format, external, compat_v2))
        self.log.append(f"{os.path.basename(path)}: " + "; ".join(commands))
        qemu_io(path, *commands, image_format=image_format)

    def request(self, size, cluster, image_format, external, compat_v2):
        rand = self.random
        offset = rand.randrange(0, size // 512) * 512
        length = min(size - offset, rand.randrange(1, 2 * max(cluster, 64 * KIB) // 512) * 512)
        pattern = rand.randrange(1, 256)
        kinds = ["write"] * 5 + ["zero", "discard", "small"]
        if image_format == "qcow2" and not external:
            kinds += ["compressed"] * 2
        kind = rand.choice(kinds)
        if kind == "zero":
            return f"write -z {rand.choice(['', '-u '])}{offset} {length}"
        if kind == "discard" and not compat_v2:
            return f"discard {offset} {length}"
        if kind == "compressed":
            offset = offset // cluster * cluster
            return f"write -c -P {pattern} {offset} {min(cluster, size - offset)}"
        if kind == "small":
            offset = rand.randrange(0, size)
            length = min(size - offset, rand.randrange(1, 5000))
        return f"write -P {pattern} {offset} {length}"

    def raw(self, name, size):
        path = self.folder.file(name)
        self.log.append(f"{name}: raw, {size} bytes")
        with open(path, "wb") as f:
            f.truncate(size)
        self.write(path, size, 64 * KIB, image_format="raw")
        return path

    def chain(self, depth):
        """The top of a chain: raw or qcow2 at the bottom, sizes that grow and shrink."""
        size = self.size()
        if self.random.random() < 0.3:
            path, fmt = self.raw("layer0", size), "raw"
        else:
            path, cluster, external = self.create("layer0", size,
                                                  data_file=self.random.random() < 0.2)
            self.write(path, size, cluster, external=external)
            fmt = "qcow2"
        for i in range(1, depth):
            if self.random.random() < 0.5:
                size = self.size()
            name = f"layer{i}"
            backing = self.random.choice([os.path.basename(path), path])
            path, cluster, external = self.create(name, size, backing, fmt,
                                                  data_file=self.random.random() < 0.1)
            self.write(path, size, cluster, external=external)
            fmt = "qcow2"
        return path, fmt
