# SPDX-License-Identifier: LGPL-2.1-or-later
"""create: sinter-img beside qemu-img."""

import itertools
import os
import random
import stat
import unittest

from img import SEED, SECRET
from twin import TwinCase

QCOW2 = ["create", "-f", "qcow2"]


class Create(TwinCase):
    def make(self, folder):
        self.qemu("create", "-q", "-f", "qcow2", "base.qcow2", "5M", folder=folder)
        self.io("write -P 7 1M 1M", name="base.qcow2", folder=folder)
        self.qemu("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "mid.qcow2",
                  "6M", folder=folder)
        with open(os.path.join(folder, "base.raw"), "wb") as file:
            file.truncate(3 << 20)
        os.mkdir(os.path.join(folder, "sub"))

    def each(self, *commands, target=None):
        for words in commands:
            with self.subTest(words=words):
                self.assert_same(*words, target=target)

    def test_options(self):
        for options in (
                "cluster_size=4k", "cluster_size=2M", "cluster_size=512", "compat=0.10",
                "compat=v2", "compat=v3", "compat=1.1", "refcount_bits=1", "refcount_bits=64",
                "lazy_refcounts=on", "lazy_refcounts", "nolazy_refcounts", "extended_l2=on",
                "extended_l2=on,cluster_size=128k", "compression_type=zstd",
                "preallocation=off", "preallocation=metadata", "preallocation=falloc",
                "preallocation=full", "preallocation=metadata,extended_l2=on",
                "preallocation=metadata,cluster_size=512", "data_file=d",
                "data_file=d,data_file_raw=on", "data_file=d,preallocation=falloc",
                "nocow=off", "extent_size_hint=0", "encryption=off",
                "cluster_size=4k,cluster_size=8k"):
            with self.subTest(options=options):
                self.assert_same(*QCOW2, "-o", options, "new.qcow2", "7M", target="new.qcow2")

    def test_sizes(self):
        for size in ("0", "1", "513", "1M", "1.5M", "3k", "0x10000", "1b", "2T"):
            self.each([*QCOW2, "new", size], ["create", "new.raw", size])
            with self.subTest(size=size):
                self.assert_alike("new", "qcow2")
                self.assert_alike("new.raw", "raw")
        self.each([*QCOW2, "-o", "size=3M", "new"], ["create", "-o", "size=3M", "new"],
                  [*QCOW2, "-q", "new", "1M"])

    def test_backing(self):
        for words in (["-b", "base.qcow2", "-F", "qcow2", "new"],
                      ["-b", "base.qcow2", "-F", "qcow2", "new", "9M"],
                      ["-b", "mid.qcow2", "-F", "qcow2", "new"],
                      ["-b", "base.raw", "-F", "raw", "new"],
                      ["-b", "base.qcow2", "-F", "raw", "new"],
                      ["-u", "-b", "base.qcow2", "-F", "qcow2", "new", "4M"],
                      ["-o", "backing_file=base.qcow2,backing_fmt=qcow2", "new"],
                      ["-o", "backing_file=base.qcow2,backing_fmt=qcow2", "-b", "base.raw", "-F",
                       "raw", "new"],
                      ["-b", "base.qcow2", "-F", "qcow2", "-o",
                       "extended_l2=on,preallocation=metadata", "new"],
                      ["-b", "../base.qcow2", "-F", "qcow2", "sub/new"]):
            with self.subTest(words=words):
                self.assert_same(*QCOW2, *words, target="sub/new" if "sub/new" in words else "new")
        self.each([*QCOW2, "-u", "-b", "nowhere", "-F", "raw", "new", "1M"],
                  [*QCOW2, "-u", "-b", "with,comma", "-F", "raw", "new", "1M"])

    def test_errors(self):
        self.each(
            ["create"], ["create", "-f", "foo", "new", "1M"], [*QCOW2, "new"],
            [*QCOW2, "new", "1Mx"], [*QCOW2, "new", "-1"], [*QCOW2, "new", "1M", "2M"],
            [*QCOW2, "new", "8E"], [*QCOW2, "new", "99999999999999999999"], ["create", "-X"],
            ["create", "-f"], ["create", "--foo"], ["create", "-e", "new", "1M"],
            [*QCOW2, "new", "7E"], [*QCOW2, "-o", "cluster_size=512", "new", "1T"],
            [*QCOW2, "-b", "base.qcow2", "new"], [*QCOW2, "-b", "base.qcow2", "new", "1M"],
            [*QCOW2, "-u", "-b", "base.qcow2", "new", "1M"],
            [*QCOW2, "-u", "-b", "base.qcow2", "-F", "qcow2", "new"],
            [*QCOW2, "-F", "qcow2", "new", "1M"],
            [*QCOW2, "-b", "nowhere", "-F", "raw", "new"],
            [*QCOW2, "-b", "nowhere", "-F", "raw", "new", "1M"],
            [*QCOW2, "-b", "base.raw", "-F", "qcow2", "new"],
            [*QCOW2, "-b", "base.qcow2", "-F", "foo", "new"],
            [*QCOW2, "-u", "-b", "base.qcow2", "-F", "foo", "new", "1M"],
            [*QCOW2, "-b", "base.qcow2", "-F", "qcow2", "sub/new"],
            [*QCOW2, "-b", "", "new", "1M"], [*QCOW2, "-o", "backing_file=", "new", "1M"],
            [*QCOW2, "-b", "base.qcow2", "-F", "qcow2", "base.qcow2"],
            [*QCOW2, "-b", "base.qcow2", "-F", "qcow2", "sub"],
            [*QCOW2, "-o", "size=1M", "new", "1M"], [*QCOW2, "-o", "size=foo", "new"],
            ["create", "-b", "base.qcow2", "new", "1M"], ["create", "-F", "raw", "new", "1M"],
            ["create", "-o", "cluster_size=4k", "new", "1M"],
            ["create", "-o", "preallocation=foo", "new", "1M"],
            ["create", "-o", "preallocation=metadata", "new", "1M"],
            [*QCOW2, "nowhere/new", "1M"], ["create", "nowhere/new", "1M"],
            ["create", ".", "1M"], ["create", "foo:new", "1M"], ["create", "json:{}", "1M"],
            [*QCOW2, "-o", "", "new", "1M"],
            [*QCOW2, "-o", ",a=b", "new", "1M"], [*QCOW2, "-o", "a=b,", "new", "1M"],
            [*QCOW2, "-b", "base.qcow2", "-F", "qcow2", "-o", "preallocation=metadata", "new"],
            [*QCOW2, "-b", "base.qcow2", "-F", "qcow2", "-o",
             "data_file=d,data_file_raw=on", "new"])

    def test_values(self):
        for options in (
                "foo=bar", "foo", "compat=foo", "preallocation=foo", "compression_type=foo",
                "cluster_size=foo", "refcount_bits=foo", "refcount_bits=12", "refcount_bits=128",
                "refcount_bits=0", "lazy_refcounts=foo", "cluster_size=0", "cluster_size=3M",
                "cluster_size=1", "cluster_size=8192P", "cluster_size=16E",
                "extended_l2=on,cluster_size=8k", "compat=0.10,extended_l2=on",
                "compat=0.10,lazy_refcounts=on", "compat=0.10,refcount_bits=8",
                "compat=0.10,compression_type=zstd", "compat=0.10,data_file=d",
                "data_file_raw=on"):
            with self.subTest(options=options):
                self.assert_same(*QCOW2, "-o", options, "new", "1M")

    def test_help(self):
        self.each(*([*verb, "-o", word, *names] for verb, word, names in itertools.product(
            (QCOW2, ["create"]), ("help", "?", "size=1M,help"), ([], ["new"]))))
        self.each(["create", "-f", "foo", "-o", "help"])

    def test_raw(self):
        for words in (["new", "1001"], ["-o", "preallocation=falloc", "new", "1001"],
                      ["-o", "preallocation=full", "new", "1M"], ["-o", "nocow=off", "new", "1M"],
                      ["-f", "raw", "file:new", "2M"]):
            with self.subTest(words=words):
                self.assert_same("create", *words)
                self.assert_alike("new", "raw")

    def test_over_what_is_there(self):
        self.assert_same(*QCOW2, "base.qcow2", "1M", target="base.qcow2")
        self.assert_same("create", "base.raw", "1M")
        self.assert_alike("base.raw", "raw")

    def test_random(self):
        print(f"# SINTER_SEED={SEED}")
        rand = random.Random(SEED)
        choices = {"cluster_size": ["512", "4k", "16k", "64k", "2M", "1000"],
                   "compat": ["0.10", "1.1"], "refcount_bits": ["1", "8", "16", "64", "3"],
                   "lazy_refcounts": ["on", "off"], "extended_l2": ["on", "off"],
                   "compression_type": ["zlib", "zstd"], "data_file": ["d"],
                   "preallocation": ["off", "metadata", "falloc", "full"],
                   "data_file_raw": ["on", "off"], "backing_file": ["base.qcow2"]}
        for _ in range(60):
            keys = rand.sample(sorted(choices), rand.randrange(5))
            options = [f"{key}={rand.choice(choices[key])}" for key in keys]
            if "backing_file" in keys:
                options.append("backing_fmt=qcow2")
            words = ["-o", ",".join(options)] if options else []
            with self.subTest(SINTER_SEED=SEED, options=options):
                self.assert_same(*QCOW2, *words, "new", rand.choice(["0", "70k", "9M"]),
                                 target="new")

    def test_differs(self):
        self.assert_differs("we have no keys", *QCOW2, *SECRET, "-o",
                            "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10",
                            "new", "1M", stderr="--object is not supported")
        self.assert_differs("we do not encrypt", *QCOW2, "-o", "encryption=on", "new", "1M",
                            stderr="'encryption' is not supported: encrypted images cannot be created")
        self.assert_differs("said more plainly", "create", "", "1M", stderr="the file name is empty")
        self.assert_differs("not ours to make", "create", "-f", "vmdk", "new", "1M",
                            stderr="new: Unknown file format 'vmdk'")
        self.assert_differs("standing on itself by another name", *QCOW2, "-b", "./base.qcow2",
                            "-F", "qcow2", "base.qcow2",
                            stderr="same filename as the backing file")

    def mode(self, umask, *args):
        before = os.umask(umask)
        try:
            self.both(*args)
        finally:
            os.umask(before)
        found = [stat.S_IMODE(os.stat(os.path.join(folder, "new")).st_mode)
                 for folder in (self.theirs, self.ours)]
        for folder in (self.theirs, self.ours):
            os.unlink(os.path.join(folder, "new"))
        return found

    def test_who_may_read(self):
        """As QEMU's tool and convert make it; but what stands on a private image is private."""
        for umask in (0o022, 0o027, 0o077):
            their, our = self.mode(umask, *QCOW2, "new", "1M")
            self.assertEqual(our, their)
        for folder in (self.theirs, self.ours):
            os.chmod(os.path.join(folder, "base.qcow2"), 0o600)
        over = [*QCOW2, "-b", "base.qcow2", "-F", "qcow2", "new"]
        self.assertEqual(self.mode(0o022, *over)[1], 0o600)
        for folder in (self.theirs, self.ours):
            os.chmod(os.path.join(folder, "base.qcow2"), 0o644)
        self.assertEqual(self.mode(0o022, *over), [0o644, 0o644])


if __name__ == "__main__":
    unittest.main()
