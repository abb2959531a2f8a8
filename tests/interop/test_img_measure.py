# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img measure beside qemu-img measure: figures, formats, options, exit statuses."""

import itertools
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

SAME = """
measure
measure plain.qcow2 over.qcow2
measure --size 1G
measure --size=1G plain.qcow2
measure --size 1.5G --output json
measure --size 1000
measure --size 0
measure --size -1
measure --size x
measure --size 8E
measure --size 9E -O qcow2
measure --size 7E -O qcow2
measure --size 64P -O qcow2
measure --size 64P -O qcow2 -o cluster_size=2M
measure --size 1G -O qcow2 -l x
measure -O qcow2 --size 1G -o cluster_size=5k
measure -O qcow2 --size 1G -o cluster_size=4M
measure -O qcow2 --size 1G -o cluster_size=256
measure -O qcow2 --size 1G -o refcount_bits=3
measure -O qcow2 --size 1G -o refcount_bits=128
measure -O qcow2 --size 1G -o compat=0.10
measure -O qcow2 --size 1G -o compat=0.10,refcount_bits=1
measure -O qcow2 --size 1G -o compat=v2
measure -O qcow2 --size 1G -o compat=v3
measure -O qcow2 --size 1G -o compat=9
measure -O qcow2 --size 1G -o extended_l2=on
measure -O qcow2 --size 1G -o extended_l2=on,cluster_size=4k
measure -O qcow2 --size 1G -o extended_l2=maybe
measure -O qcow2 --size 1G -o preallocation=metadata
measure -O qcow2 --size 1G -o preallocation=full
measure -O qcow2 --size 1G -o preallocation=falloc
measure -O qcow2 --size 1G -o preallocation=foo
measure -O qcow2 -o preallocation=full plain.qcow2
measure -O qcow2 -o backing_file=x plain.qcow2
measure -O qcow2 -o backing_file=x,backing_fmt=raw plain.qcow2
measure -O qcow2 --size 1G -o lazy_refcounts=on
measure -O qcow2 --size 1G -o data_file=x
measure -O qcow2 --size 1G -o data_file=x,data_file_raw=on
measure -O qcow2 --size 1G -o compression_type=zstd
measure -O qcow2 --size 1G -o compression_type=foo
measure -O qcow2 --size 1G -o foo=bar
measure -O qcow2 --size 1G -o help
measure -O raw -o help
measure -O raw -o size=5 plain.qcow2
measure -O qcow2 -o size=5 plain.qcow2
measure -O qcow2 -o cluster_size=4k -o cluster_size=8k plain.qcow2
measure -O qcow2 -o cluster_size=4k -o refcount_bits=1 plain.qcow2
measure -O nope --size 1G
measure -O nope plain.qcow2
measure -O qcow2 --size 1G -o encryption=on
measure -l first snapshots.qcow2
measure -l 1 snapshots.qcow2
measure -l nope snapshots.qcow2
measure -l snapshot.id=1 snapshots.qcow2
measure -l snapshot.name=first snapshots.qcow2
measure -l snapshot.id=1,snapshot.name=first snapshots.qcow2
measure -l snapshot.id=2,snapshot.name=first snapshots.qcow2
measure -l snapshot.foo=1 snapshots.qcow2
measure -O qcow2 -l first snapshots.qcow2
measure -O qcow2 --output=json bitmaps.qcow2
measure -O qcow2 bitmaps.qcow2
measure -O qcow2 -o compat=0.10 bitmaps.qcow2
measure -O qcow2 --output=json -o compat=0.10 bitmaps.qcow2
measure --output=json -U plain.qcow2
measure -f qcow2 plain.qcow2
measure -f raw plain.qcow2
measure -f nope plain.qcow2
measure --image-opts driver=qcow2,file.filename=plain.qcow2
measure --image-opts --size 1G driver=qcow2,file.filename=plain.qcow2
measure --output=x plain.qcow2
measure --size 1G -U
measure --size 1G -f raw
"""
KEYLESS = "without a key the map can be had: it is not encrypted"


class Measure(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.stock = img.Stock(self)

    def test_every_image(self):
        strange = {"luks.qcow2", "aes.qcow2", "loop.qcow2"}
        for name in sorted(set(self.stock.NAMES + self.stock.BROKEN) - strange):
            for words in ([], ["-O", "qcow2"], ["-O", "qcow2", "--output=json"],
                          ["-O", "qcow2", "-o", "cluster_size=4k"]):
                with self.subTest(image=name, words=words):
                    self.assert_same("measure", *words, name)

    def test_every_geometry(self):
        """Cluster sizes, widths of refcounts, subclusters, and sizes around their borders."""
        sizes = (0, 512, (1 << 25) + 512, (3 << 34) + 5, (1 << 42) - 512)
        for bits, width, size in itertools.product(range(9, 22), (1, 8, 16, 64), sizes):
            options = f"cluster_size={1 << bits},refcount_bits={width}"
            if bits >= 14 and width == 16:
                options += ",extended_l2=on"
            with self.subTest(options=options, size=size):
                self.assert_same("measure", "-O", "qcow2", "-o", options, "--size", str(size))

    def test_arguments(self):
        for line in SAME.strip().splitlines():
            with self.subTest(line=line):
                self.assert_same(*line.split())

    def test_differences(self):
        for name in ("luks.qcow2", "aes.qcow2"):
            self.assert_differs(KEYLESS, "measure", name, status=0)
        self.assert_differs("a loop is named, not followed until the stack ends", "measure",
                            "loop.qcow2", stderr="loop")
        self.assert_differs("we have no keys, so no encrypted image is made", "measure", "-O",
                            "qcow2", "--size", "1G", "-o", "encrypt.format=luks",
                            stderr="not supported")
        self.assert_differs("formats other than raw and qcow2 are none of ours", "measure", "-O",
                            "vmdk", "--size", "1G", stderr="Unknown file format 'vmdk'")


if __name__ == "__main__":
    unittest.main()
