# SPDX-License-Identifier: LGPL-2.1-or-later
"""amend beside qemu-img's: what it says, what images say of themselves afterwards, and show."""

import unittest

import img
import twins

WRONG_USE = [[], ["image"], ["-o", "compat=0.10"], ["-o", "compat=9", "image"], ["-o", "compat=", "image"],
             ["-o", "foo=1", "image"], ["-o", "size=x", "image"], ["-o", "refcount_bits=7", "image"],
             ["-o", "refcount_bits=128", "image"], ["-o", "refcount_bits=0", "image"],
             ["-o", "compat=0.10,refcount_bits=8", "image"],
             ["-o", "compat=0.10,lazy_refcounts=on", "image"], ["-o", "data_file=x", "image"],
             ["-o", "data_file_raw=on", "image"], ["-o", "cluster_size=4k", "image"],
             ["-o", "preallocation=full", "image"], ["-o", "backing_file=plain", "over"],
             ["-o", "backing_file=none", "over"], ["-o", "backing_fmt=raw", "over"],
             ["-o", "backing_file=", "over"], ["-o", "encrypt.format=luks", "image"],
             ["-o", "encrypt.state=active", "image"], ["-o", "encryption=off", "image"],
             ["-o", "compression_type=zstd", "image"], ["-o", "extended_l2=on", "image"],
             ["-o", "help"], ["-f", "raw", "-o", "help"], ["-f", "foo", "-o", "help"],
             ["-f", "qcow2", "-o", "help"], ["-o", "help", "image"], ["-o", "help", "raw"],
             ["-o", "size=1M", "raw"], ["-f", "raw", "-o", "size=1M", "raw"],
             ["-o", "compat=1.1", "nowhere"], ["-o", ",", "image"], ["-o", "compat=1.1,", "image"],
             ["-o", "compat", "image"], ["-o", "lazy_refcounts=maybe", "image"],
             ["-t", "foo", "-o", "compat=1.1", "image"], ["-U", "-o", "compat=1.1", "image"],
             ["-o", "compat=1.1", "image", "b"], ["-f", "qcow2", "-o", "compat=1.1", "raw"],
             ["-o", "size=1000", "image"], ["-o", "compat=0.10", "narrow"],
             ["-o", "compat=0.10", "data-file"], ["-o", "data_file_raw=on", "data-file"],
             ["-o", "compat=0.10", "subclusters"], ["-o", "compat=0.10", "zstd"],
             ["-o", "refcount_bits=1", "snapshots"], ["-o", "compat=1.1", "orphan"]]


def extensions(image):
    """Types and contents of the header's extensions, in order."""
    def number(at, n):
        return int.from_bytes(image[at:at + n], "big")
    at = number(100, 4) if number(4, 4) >= 3 else 72
    found = []
    while number(at, 4) != 0:
        length = number(at + 4, 4)
        found.append((hex(number(at, 4)), image[at + 8:at + 8 + length]))
        at += 8 + (length + 7) // 8 * 8
    name = number(8, 8)
    return found, image[name:name + number(16, 4)], image[72:104] if number(4, 4) >= 3 else b""


class Words(twins.TwinCase):
    def setUp(self):
        super().setUp()
        noise = ["write -P 7 1M 300k", "write -z 3M 128k", "write -P 9 3900k 64k"]
        self.create("image", "4M", writes=noise)
        self.create("plain", "4M", writes=["write -P 1 0 4M"])
        self.create("over", "4M", backing="plain", writes=noise)
        self.create("narrow", "4M", options="refcount_bits=8", writes=noise)
        self.create("small", "1M", options="cluster_size=512,compat=0.10", backing="plain",
                    writes=["write -P 4 5k 9k"])
        self.create("data-file", "2M", options="data_file=data-file.data,data_file_raw=on")
        self.create("subclusters", "1M", options="extended_l2=on")
        self.create("zstd", "1M", options="compression_type=zstd", writes=["write -c 0 64k"])
        self.create("zstd-unused", "1M", options="compression_type=zstd", writes=["write 0 64k"])
        self.create("snapshots", "4M", backing="plain", writes=noise)
        self.qemu("snapshot", "-c", "one", "snapshots")
        self.io("write -z 2M 200k", "write -P 3 0 1k", name="snapshots")
        self.qemu("snapshot", "-c", "two", "snapshots")
        self.qemu("create", "-q", "-f", "raw", "raw", "1M")
        self.qemu("create", "-q", "-f", "qcow2", "-u", "-b", "gone", "-F", "raw", "orphan", "1M")
        self.fork()

    def assert_header(self, name):
        headers = []
        for folder in (self.folder, self.other):
            with open(f"{folder}/{name}", "rb") as file:
                headers.append(extensions(file.read(65536)))
        self.assertEqual(headers[1], headers[0])

    def amend(self, name, *lists):
        for options in lists:
            with self.subTest(name, options=options):
                self.same("amend", "-o", options, name)
                self.assert_alike(name)
                self.assert_header(name)

    def test_wrong_use(self):
        for args in WRONG_USE:
            with self.subTest(args):
                self.same("amend", *args)
        for name in ("image", "over", "narrow", "snapshots", "data-file"):
            self.assert_alike(name)

    def test_versions(self):
        for name in ("over", "zstd-unused", "snapshots"):
            self.amend(name, "compat=0.10", "compat=1.1,lazy_refcounts=on")
        self.amend("small", "compat=1.1", "compat=0.10")
        self.amend("image", "compat=v2", "compat=v2", "compat=v3", "compat=1.1")

    def test_zeros_over_a_backing_file(self):
        """The flag becomes clusters of zeros, of which each state of the disk has its own."""
        self.amend("snapshots", "compat=0.10")
        for folder in (self.folder, self.other):
            twins.write(folder, "snapshots", ["write -P 5 3M 1k", "write -P 6 2M 1k"])
        self.assert_alike("snapshots")
        for words in (["-a", "one"], ["-d", "two"], ["-d", "one"]):
            self.same("snapshot", *words, "snapshots")
            self.assert_alike("snapshots")

    def test_refcounts(self):
        self.amend("image", "refcount_bits=4,lazy_refcounts=on")
        self.amend("narrow", "compat=0.10,refcount_bits=16")

    def test_every_width(self):
        """Without QEMU's, which takes seconds for each."""
        for bits in (64, 1, 8, 2, 32, 4, 16):
            for name in ("image", "over", "snapshots", "small"):
                words = ["-o", f"compat=1.1,refcount_bits={bits}", name]
                done = img.ours("amend", *words, folder=self.other)
                if (name, bits) == ("snapshots", 1):
                    self.assertEqual(done.status, 1)
                    continue
                self.assertEqual((done.status, done.stdout, done.stderr), (0, b"", b""))
                info = self.info(self.other, name)["format-specific"]["data"]
                self.assertEqual(info["refcount-bits"], bits)
                self.assert_sound(name)
                self.assertEqual(self.content(self.other, name), self.content(self.folder, name))

    def test_switches(self):
        self.amend("image", "lazy_refcounts=on", "lazy_refcounts=on", "lazy_refcounts=off",
                   "lazy_refcounts", "nolazy_refcounts", "data_file_raw=off")
        self.amend("data-file", "data_file_raw=on", "data_file_raw=off")

    def test_sizes(self):
        for size in ("8M", "5M", "5M", "1M"):
            self.amend("image", f"size={size}")
            self.amend("over", f"size={size}")

    def test_data_file_gets_another_name(self):
        """Nobody looks whether it is there."""
        self.same("amend", "-o", "data_file=moved.data", "data-file")
        self.assert_header("data-file")
        for folder in (self.folder, self.other):
            img.run("mv", ["data-file.data", "moved.data"], folder)
        self.assert_alike("data-file")
        self.differ("QEMU makes an image that cannot be opened", "amend", "-o", "data_file=",
                    "data-file", stderr="cannot be empty")

    def test_bitmaps_go_with_version_2(self):
        """QEMU leaves them behind as leaks."""
        self.qemu("bitmap", "--add", "image", "b")
        self.fork()
        self.same("amend", "-o", "compat=0.10", "image")
        self.assert_sound("image")

    def test_more_words(self):
        self.same("amend", "-p", "-o", "refcount_bits=8", "image")
        for words in (["-p"], ["-q"], ["-p", "-q"], ["--force"], ["-t", "none"]):
            with self.subTest(words):
                self.same("amend", *words, "-o", "lazy_refcounts=off", "image")
                self.same("amend", "-o", "lazy_refcounts=on", *words, "image")
        self.same("amend", "-q", "-o", "refcount_bits=16", "image")
        self.assert_alike("image")
        self.same("amend", "-o", "compat=0.10", "-o", "compat=1.1", "image")
        self.same("amend", "--image-opts", "-o", "compat=1.1", "driver=qcow2,file.filename=image")
        self.same("amend", "-o", "backing_file=plain,backing_fmt=qcow2", "over")
        self.assert_alike("over")


class Random(twins.TwinCase):
    def test_random(self):
        twins.each_random(self, max(img.ROUNDS // 2, 1), self.check_image)

    def check_image(self, image):
        rand = image.random
        if rand.random() < 0.5:
            self.check_width(f"refcount_bits={1 << rand.randrange(7)}")
            return
        for _ in range(rand.randrange(1, 4)):
            options = rand.choice(["compat=0.10"] * 2 + ["compat=1.1"] * 2 +
                                  [f"lazy_refcounts={rand.choice(['on', 'off'])}"])
            image.log.append(options)
            their, our = self.both_twins("amend", "-o", options, "image")
            if their.status == 0 and our.status != 0 and b"zstd" in our.stderr:
                # QEMU looks at the disk as it is now, and not into snapshots
                return
            self.assertTrue(our.same(their), f"{their}\n{our}")
            self.assert_alike("image")

    def check_width(self, options):
        """Of ours alone: QEMU takes seconds."""
        done = img.ours("amend", "-o", options, "image", folder=self.other)
        if done.status != 0:
            self.assertRegex(done.stderr, b"has a refcount of|require compatibility level")
        self.assert_sound("image")
        self.assertEqual(self.content(self.other, "image"), self.content(self.folder, "image"))


if __name__ == "__main__":
    unittest.main()
