# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img map beside qemu-img map: every kind of image, windows, arguments right and wrong."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

SAME = """
map
map plain.qcow2 over.qcow2
map --output=json -f qcow2 over.qcow2
map --output=x over.qcow2
map -s 1M over.qcow2
map --start-offset=1M over.qcow2
map --start-offset 1M --output json over.qcow2
map --start-offset=1.5M --output=json over.qcow2
map -s 1000 --output=json over.qcow2
map -s -1 over.qcow2
map -s x over.qcow2
map -s 10M --output=json over.qcow2
map -s 10M over.qcow2
map -s 11M --output=json over.qcow2
map -s 10485759 --output=json over.qcow2
map -s 8E --output=json over.qcow2
map -s 16E --output=json over.qcow2
map -l 1M --output=json over.qcow2
map --max-length=1M over.qcow2
map --max-length=1M --start-offset=1M --output=json over.qcow2
map -l 1000 --output=json over.qcow2
map -l 1000 -s 1000 --output=json over.qcow2
map -l 0 over.qcow2
map -l 0 --output=json over.qcow2
map -l -1 over.qcow2
map -l x over.qcow2
map -l 100M --output=json over.qcow2
map --output=json -U over.qcow2
map --image-opts driver=qcow2,file.filename=over.qcow2
map --image-opts --output=json driver=raw,file.filename=over.qcow2
map -f raw over.qcow2
map -f raw --output=json sparse.raw
map -f raw odd.raw
map --output=json empty.raw
map empty.raw
map --foo over.qcow2
"""
KEYLESS = "without a key the map can be had: it is not encrypted"


class Map(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.stock = img.Stock(self)

    def test_every_image(self):
        names = set(self.stock.NAMES + self.stock.BROKEN) - {"luks.qcow2", "aes.qcow2", "loop.qcow2"}
        for name in sorted(names):
            for words in ([], ["-U"], ["--output=json"], ["-s", "1M", "-l", "2M", "--output=json"]):
                with self.subTest(image=name, words=words):
                    self.assert_same("map", *words, name)

    def test_arguments(self):
        for line in SAME.strip().splitlines():
            with self.subTest(line=line):
                self.assert_same(*line.split())

    def test_differences(self):
        for name in ("luks.qcow2", "aes.qcow2"):
            self.assert_differs(KEYLESS, "map", name, status=0)
            self.assert_differs(KEYLESS, "map", "--output=json", name, status=0)
        self.assert_differs("a loop is named, not followed until the stack ends", "map",
                            "loop.qcow2", stderr="loop")


if __name__ == "__main__":
    unittest.main()
