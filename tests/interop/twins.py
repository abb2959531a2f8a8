# SPDX-License-Identifier: LGPL-2.1-or-later
"""Verbs that change images: qemu-img on one copy, sinter-img on the other, and then both compared
by QEMU's tools."""

import json
import os
import shutil
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

    def write(self):
        self.random_images.write(self.case.path("image"), self.size, self.cluster,
                                 external=self.has_data_file)

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
        return img.theirs("check", "image", folder=self.case.folder).status == 0


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
