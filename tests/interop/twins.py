# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs that change images: qemu-img on one copy, sinter-img on the other, and then both compared
by QEMU's tools."""

import json
import os
import shutil
import subprocess
import tempfile

import img
import qemu


class TwinCase(img.ImgCase):
    """A case with two folders of the same images: self.folder is qemu-img's, self.other ours."""

    def fork(self):
        """What was made in self.folder stands in self.other as well, and from here on alone."""
        self.other = tempfile.mkdtemp(prefix="sinter-twin-")
        self.addCleanup(shutil.rmtree, self.other)
        qemu.run("cp", "-a", self.folder + "/.", self.other)

    def both_twins(self, *args):
        return img.theirs(*args, folder=self.folder), img.ours(*args, folder=self.other)

    def same(self, *args):
        """Both say the same, each of its own copy."""
        their, our = self.both_twins(*args)
        self.assertTrue(our.same(their),
                        f"{' '.join(args)}\n=== qemu-img\n{their}\n=== sinter-img\n{our}")
        return our

    def differ(self, why, *args, status=1, stderr=""):
        their, our = self.both_twins(*args)
        text = f"{why}: {' '.join(args)}\n=== qemu-img\n{their}\n=== sinter-img\n{our}"
        self.assertFalse(our.same(their), "no difference any more: " + text)
        self.assertEqual(our.status, status, text)
        self.assertRegex(our.stderr.decode(), stderr, text)
        return their, our

    # -- what became of them ------------------------------------------------

    def info(self, folder, name):
        info = json.loads(img.theirs("info", "--output=json", name, folder=folder).stdout)
        for moving in ("actual-size", "dirty-flag"):
            info.pop(moving, None)
        info.pop("full-backing-filename", None)
        for snapshot in info.get("snapshots", []):
            for moving in ("date-sec", "date-nsec"):
                snapshot.pop(moving)
        return info

    def assert_sound(self, name):
        for program in (img.theirs, img.ours):
            done = program("check", name, folder=self.other)
            self.assertEqual(done.status, 0, done)

    def assert_alike(self, name, deep=True):
        """Both images say the same of themselves and show the same, in every snapshot too."""
        info = self.info(self.other, name)
        self.assertEqual(info, self.info(self.folder, name))
        if info["format"] == "qcow2":
            self.assert_sound(name)
        if deep:
            self.assertEqual(self.content(self.other, name), self.content(self.folder, name))
            for snapshot in info.get("snapshots", []):
                words = ["-l", f"snapshot.id={snapshot['id']}"]
                self.assertEqual(self.content(self.other, name, *words),
                                 self.content(self.folder, name, *words), snapshot)

    def content(self, folder, name, *words):
        """A file's worth of bytes, or QEMU's words where it cannot read it."""
        raw = os.path.join(folder, "content.raw")
        done = img.theirs("convert", *words, "-O", "raw", name, raw, folder=folder)
        if done.status != 0:
            return done.stderr
        with open(raw, "rb") as file:
            content = file.read()
        os.remove(raw)
        return hash(content), len(content)


def write(folder, name, requests):
    """Requests one after the other, from inside the folder: QEMU looks for a data file there."""
    words = [word for request in requests for word in ("-c", request)]
    done = subprocess.run([img.QEMU_IO, "-f", "qcow2", *words, name], cwd=folder, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if b"corrupt" in done.stdout:
        raise qemu.Spoiled(name)
    if b"open" in done.stdout:
        raise AssertionError(done.stdout.decode(errors="replace"))


class RandomImage:
    """An image under a relative name, alone or on a backing file, with random features."""

    def __init__(self, case, seed, snapshots=True, data_files=True):
        self.case = case
        self.name = "image"
        self.folder = qemu.Folder()
        self.folder.path = case.folder
        self.random_images = qemu.RandomImages(seed, self.folder)
        self.random = self.random_images.random
        self.log = self.random_images.log
        backing = self.make_backing() if self.random.random() < 0.5 else None
        self.make(backing, data_files)
        if snapshots:
            self.make_snapshots()

    def make_backing(self):
        size = self.random_images.size()
        options, cluster = self.random_images.options()
        self.case.create("base", str(size), options=",".join(options))
        self.log.append(f"base: {size} bytes, {','.join(options)}")
        self.random_images.write(self.case.path("base"), size, cluster)
        return "base"

    def make(self, backing, data_files):
        rand = self.random
        self.options, self.cluster = self.random_images.options()
        self.has_data_file = data_files and "compat=0.10" not in self.options and \
            rand.random() < 0.15
        if self.has_data_file:
            self.options = [o for o in self.options if not o.startswith("compression")]
            self.options.append("data_file=image.data")
            if not backing and rand.random() < 0.5:
                self.options.append("data_file_raw=on")
        elif not backing and "extended_l2=on" not in self.options and rand.random() < 0.2:
            self.options.append("preallocation=metadata")
        self.size = self.random_images.size()
        self.case.create("image", str(self.size), options=",".join(self.options), backing=backing)
        self.log.append(f"image: {self.size} bytes, {','.join(self.options)}")
        self.write()

    def request(self):
        """A random request of the guest."""
        return self.random_images.request(self.size, self.cluster, "qcow2", self.has_data_file,
                                          "compat=0.10" in self.options)

    def write(self):
        requests = [self.request() for _ in range(self.random.randrange(1, 25))]
        self.log.append("; ".join(requests))
        write(self.case.folder, "image", requests)

    def make_snapshots(self):
        for i in range(self.random.choice([0, 0, 1, 2, 3])):
            if self.has_data_file:
                break
            done = img.theirs("snapshot", "-c", f"s{i}", "image", folder=self.case.folder)
            if done.status != 0:
                # counts too narrow; QEMU leaves a leak behind
                img.theirs("check", "-r", "leaks", "image", folder=self.case.folder)
                break
            self.log.append(f"snapshot s{i}")
            if self.random.random() < 0.7:
                self.write()

    def is_sound(self):
        """Ours finds host clusters that QEMU's writes let two places share; QEMU's check does not."""
        return all(program("check", "image", folder=self.case.folder).status == 0
                   for program in (img.theirs, img.ours))


def each_random(case, rounds, check, **kwargs):
    """Calls @check with random images, each forked into twins."""
    print(f"# SINTER_SEED={img.SEED}")
    spoiled = 0
    for seed in range(img.SEED, img.SEED + rounds):
        with case.subTest(SINTER_SEED=seed):
            case.folder = tempfile.mkdtemp(prefix="sinter-img-")
            case.addCleanup(shutil.rmtree, case.folder, ignore_errors=True)
            try:
                image = RandomImage(case, seed, **kwargs)
                if not image.is_sound():
                    raise qemu.Spoiled("image")
                case.fork()
                try:
                    check(image)
                except AssertionError as error:
                    history = "\n".join(image.log)
                    raise AssertionError(f"SINTER_SEED={seed}\n{history}\n{error}") from error
                shutil.rmtree(case.other)
                os.mkdir(case.other)
            except qemu.Spoiled:
                spoiled += 1
            shutil.rmtree(case.folder)
            os.mkdir(case.folder)
    case.assertLessEqual(spoiled, rounds // 2)


def bitmap_bits(image, name):
    """The bits of a bitmap as they are stored in an image's bytes."""
    def number(at, n):
        return int.from_bytes(image[at:at + n], "big")
    cluster, at = 1 << number(20, 4), number(100, 4)
    while number(at, 4) != 0x23852875:
        at += 8 + (number(at + 4, 4) + 7) // 8 * 8
    entry = number(at + 8 + 16, 8)
    for _ in range(number(at + 8, 4)):
        name_bytes, extra = number(entry + 18, 2), number(entry + 20, 4)
        if image[entry + 24 + extra:entry + 24 + extra + name_bytes].decode() == name:
            out = b""
            for i in range(number(entry + 8, 4)):
                bits = number(number(entry, 8) + i * 8, 8)
                host = bits & 0x00fffffffffffe00
                out += image[host:host + cluster].ljust(cluster, b"\0") if host else \
                    (b"\xff" if bits & 1 else b"\0") * cluster
            return out
        entry += (24 + extra + name_bytes + 7) // 8 * 8
    raise AssertionError(f"no bitmap {name}")
