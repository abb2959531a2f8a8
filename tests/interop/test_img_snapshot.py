# SPDX-License-Identifier: LGPL-2.1-or-later
"""snapshot beside qemu-img's: what it says, and what becomes of images of every kind."""

import subprocess
import unittest

import img
import twins

WRONG_USE = [[], ["image"], ["-l", "-c", "x", "image"], ["-c", "x"], ["-c", "x", "image", "b"],
             ["-U", "-c", "x", "image"], ["-a", "none", "image"], ["-d", "none", "image"],
             ["-f", "qcow2", "-l", "image"], ["-x", "image"], ["-c", "x", "nowhere"],
             ["-l", "nowhere"], ["-c", "x", "folder"], ["-l", "-l", "image"], ["-d"],
             ["-c", "x", "--image-opts", "image"]]


class Words(twins.TwinCase):
    def setUp(self):
        super().setUp()
        self.create("image", "4M", writes=["write -P 1 0 1M"])
        self.create("data-file", "1M", options="data_file=data-file.data")
        self.create("bitmaps", "1M")
        self.qemu("snapshot", "-c", "one", "bitmaps")
        self.qemu("bitmap", "--add", "bitmaps", "b")
        self.create("empty", "0")
        self.qemu("create", "-q", "-f", "raw", "raw", "1M")
        self.qemu("create", "-q", "-f", "qcow2", "-u", "-b", "gone", "-F", "raw", "orphan", "1M")
        self.fork()

    def test_wrong_use(self):
        for args in WRONG_USE:
            with self.subTest(args):
                self.same("snapshot", *args)

    def test_listing(self):
        for name in ("image", "data-file", "bitmaps", "raw", "orphan"):
            for words in (["-l"], ["-q", "-l"], ["-U", "-l"]):
                with self.subTest(name, words=words):
                    self.same("snapshot", *words, name)

    def test_what_has_no_snapshots(self):
        for name in ("raw", "data-file", "orphan"):
            for action in ("-c", "-a", "-d"):
                with self.subTest(name, action=action):
                    if (name, action) == ("raw", "-a"):
                        self.differ("QEMU opens the file twice, and warns twice", "snapshot",
                                    action, "x", name, stderr="does not support snapshots")
                    else:
                        self.same("snapshot", action, "x", name)
            self.assert_unchanged(name)

    def assert_unchanged(self, name):
        with open(f"{self.folder}/{name}", "rb") as one, open(f"{self.other}/{name}", "rb") as two:
            self.assertEqual(one.read(), two.read())

    def test_bitmaps_keep_a_snapshot_from_being_applied(self):
        self.same("snapshot", "-a", "one", "bitmaps")
        self.same("snapshot", "-a", "nosuch", "bitmaps")
        self.same("snapshot", "-c", "two", "bitmaps")
        self.same("snapshot", "-d", "one", "bitmaps")
        self.assert_alike("bitmaps")

    def test_names_and_ids(self):
        for name in ("", "one", "one", "1", "ä b", "x" * 300):
            self.same("snapshot", "-c", name, "image")
        for action, wanted in (("-d", "3"), ("-a", "3"), ("-d", "one"), ("-d", "x" * 300),
                               ("-a", "x" * 255), ("-d", ""), ("-a", "")):
            with self.subTest(action=action, wanted=wanted):
                self.same("snapshot", action, wanted, "image")
                self.assert_alike("image")

    def test_image_opts(self):
        self.same("snapshot", "--image-opts", "-c", "x", "driver=qcow2,file.filename=image")
        self.same("snapshot", "-a", "x", "--image-opts", "driver=qcow2,file.filename=image")
        self.assert_alike("image")

    def test_empty_disk(self):
        for words in (["-c", "x"], ["-c", "y"], ["-a", "x"], ["-d", "x"]):
            self.same("snapshot", *words, "empty")
            self.assert_alike("empty")

    def test_narrow_counts_get_wider(self):
        """qemu-img gives a number and leaves a leak; we widen the counts."""
        self.create("narrow", "1M", options="refcount_bits=1", writes=["write -P 1 0 64k"])
        self.fork()
        width = {"one": 2, "two": 2, "three": 4, "four": 4, "five": 4}
        for step, name in enumerate(width):
            self.differ("wider", "snapshot", "-c", name, "narrow", status=0, stderr="^$")
            specific = self.info(self.other, "narrow")["format-specific"]["data"]
            self.assertEqual(specific["refcount-bits"], width[name])
            self.assert_sound("narrow")
            # what was written before the first one is shared by all
            twins.write(self.other, "narrow", [f"write -P {step + 10} 512k 64k"])
        for step, name in enumerate(width):
            self.assert_pattern(name, [("1", "0"), (str(step + 9) if step else "0", "512k")])

    def assert_pattern(self, snapshot, patterns):
        for byte, at in patterns:
            done = subprocess.run(
                [img.QEMU_IO, "--image-opts", "-r", "-c", f"read -P {byte} {at} 64k",
                 f"driver=raw,file.driver=file,file.filename={self.readout(snapshot)}"],
                stdout=subprocess.PIPE, check=True)
            self.assertNotIn(b"failed", done.stdout, f"{snapshot}, {at}")

    def readout(self, snapshot):
        """The snapshot's content as QEMU reads it."""
        raw = f"{self.other}/{snapshot}.raw"
        done = img.theirs("convert", "-l", f"snapshot.name={snapshot}", "-O", "raw", "narrow", raw,
                          folder=self.other)
        self.assertEqual(done.status, 0, done)
        return raw

    def test_in_use(self):
        with subprocess.Popen([img.QEMU_IO, "-f", "qcow2", f"{self.other}/image"],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
            holder.stdin.write("read 0 512\n")
            holder.stdin.flush()
            while "ops" not in holder.stdout.readline():
                pass
            done = img.ours("snapshot", "-c", "x", "image", folder=self.other)
            self.assertEqual(done.status, 1)
            self.assertIn(b"locked by process", done.stderr)
            holder.stdin.close()


class Random(twins.TwinCase):
    """One operation after the other on both twins, of which the guest writes in between."""

    def test_random(self):
        twins.each_random(self, img.ROUNDS, self.check_image, data_files=False)

    def check_image(self, image):
        names = [s["name"] for s in self.info(self.folder, "image").get("snapshots", [])]
        for step in range(image.random.randrange(1, 5)):
            kind = image.random.choice(["-c", "-a", "-d", "write"])
            wanted = f"n{step}" if kind == "-c" else image.random.choice(names or ["none"])
            image.log.append(f"{kind} {wanted}")
            if kind == "write":
                self.write_both(image)
                continue
            their, our = self.both_twins("snapshot", kind, wanted, "image")
            if their.status != our.status or b"Invalid argument" in their.stderr:
                self.check_narrow(their, our)
                return
            self.assertTrue(our.same(their), f"{their}\n{our}")
            if our.status == 0 and kind == "-c":
                names.append(wanted)
            if our.status == 0 and kind == "-d":
                names.remove(wanted)
            self.assert_alike("image")

    def check_narrow(self, their, our):
        """Counts that are too narrow: QEMU does not widen them."""
        self.assertIn(b"Invalid argument", their.stderr)
        self.assertEqual(our.status, 0, our)
        self.assert_sound("image")

    def write_both(self, image):
        request = image.request()
        image.log.append(request)
        for folder in (self.folder, self.other):
            twins.write(folder, "image", [request])


if __name__ == "__main__":
    unittest.main()
