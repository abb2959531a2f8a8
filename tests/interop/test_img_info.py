# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img info beside qemu-img info: every kind of image, arguments right and wrong."""

import json
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

SAME = """
info
info plain.qcow2 over.qcow2
info -f qcow2 plain.qcow2
info --format=qcow2 plain.qcow2
info --format qcow2 --output human plain.qcow2
info -f raw plain.qcow2
info -f nope plain.qcow2
info -f qcow2 sparse.raw
info --output=xml plain.qcow2
info --output
info -f
info --image-opts driver=qcow2,file.filename=plain.qcow2
info --image-opts driver=qcow2,file.driver=file,file.filename=plain.qcow2
info --image-opts driver=qcow2,file.filename=with,,comma.qcow2
info --image-opts -f qcow2 driver=qcow2,file.filename=plain.qcow2
info --image-opts file.filename=plain.qcow2
info --image-opts driver=raw,file.filename=plain.qcow2
info --image-opts driver=qcow2
info --image-opts plain.qcow2
info --image-opts driver=qcow2,foo=bar,file.filename=plain.qcow2
info --image-opts driver=qcow2,file.foo=bar,file.filename=plain.qcow2
info --image-opts driver=nope,file.filename=plain.qcow2
info file:plain.qcow2
info file:nope.qcow2
info --force-share plain.qcow2
info -U -f qcow2 plain.qcow2
info -Z plain.qcow2
info --zzz plain.qcow2
info --backing plain.qcow2
info --backing-chain -f qcow2 over.qcow2
info --backing-chain --image-opts driver=qcow2,file.filename=over.qcow2
info -- plain.qcow2
info plain.qcow2 --output=json
info --output=json --output=human plain.qcow2
"""


class Info(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.stock = img.Stock(self)

    def test_every_image(self):
        for name in self.stock.NAMES + self.stock.BROKEN:
            for words in ([], ["-U"], ["--output=json"], ["--backing-chain"],
                          ["--backing-chain", "--output=json"]):
                if name == "loop.qcow2" and "--backing-chain" in words:
                    continue
                with self.subTest(image=name, words=words):
                    self.assert_same("info", *words, name)

    def test_arguments(self):
        for line in SAME.strip().splitlines():
            with self.subTest(line=line):
                self.assert_same(*line.split())

    def test_in_use(self):
        """An image that somebody writes to: nothing is told without -U, as with QEMU."""
        with self.writer("plain.qcow2"):
            self.assert_same("info", "-U", "plain.qcow2")
            their, our = self.both("info", "plain.qcow2")
            self.assertEqual((our.status, our.stdout), (their.status, their.stdout))
            self.assertTrue(our.stderr.startswith(their.stderr.splitlines()[0]), our.stderr)

    def test_differences(self):
        differs = self.assert_differs
        differs("a chain that bites its tail is told as one, not followed until a name is too long",
                "info", "--backing-chain", "loop.qcow2", stderr="loop")
        differs("formats other than raw and qcow2 are none of ours", "info", "-f", "vmdk",
                "plain.qcow2", stderr="Unknown driver 'vmdk'")
        differs("a file without a format driver is raw to us", "info", "--image-opts",
                "driver=file,filename=plain.qcow2", status=0)
        differs("an option with a typing error gets a suggestion", "info", "--back-chain",
                "over.qcow2", stderr="unrecognized option '--back-chain'; did you mean "
                                     "'--backing-chain'\\?\n")

    def test_json_for_programs(self):
        """What is ours alone stands below one key."""
        report = json.loads(img.ours("info", "--output=json", "over.qcow2",
                                     folder=self.folder).stdout)
        reference = json.loads(self.qemu("info", "--output=json", "over.qcow2"))
        report.pop("sinter", None)
        self.assertEqual(list(report.items()), list(reference.items()))


if __name__ == "__main__":
    unittest.main()
