# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names of images beyond plain paths: JSON, the keys of --image-opts, protocols as formats."""

import json
import os
import unittest

from img import MIB, ImgCase, ours

LOOP = os.environ.get("SINTER_TEST_LOOP_1")


class Names(ImgCase):
    def setUp(self):
        super().setUp()
        self.create("base.qcow2", "8M", writes=["write -P 7 1M 1M"])
        self.create("top.qcow2", "8M", backing="base.qcow2", writes=["write -P 8 3M 64k"])
        self.qemu("convert", "-O", "raw", "top.qcow2", "disk.raw")
        self.settle()

    def json(self, name, image_format="qcow2", **more):
        return "json:" + json.dumps({"driver": image_format,
                                     "file": {"driver": "file", "filename": self.path(name)},
                                     **more})

    def done(self, *args, status=0):
        done = ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, f"{args}: {done}")
        return done

    def test_read_alike(self):
        names = [self.json("top.qcow2"), self.json("disk.raw", "raw"),
                 "json:{'driver':'qcow2','file.filename':'%s'}" % self.path("top.qcow2"),
                 "json:" + json.dumps({"file": {"driver": "file",
                                                "filename": self.path("top.qcow2")}}),
                 "json:" + json.dumps({"driver": "qcow2", "file": {
                     "driver": "file", "filename": self.path("top.qcow2"), "locking": "off"}})]
        for name in names:
            for words in (["map", "--output=json"], ["measure", "-O", "qcow2"], ["compare"],
                          ["measure", "--output=json"]):
                with self.subTest(name=name, words=words):
                    more = ["disk.raw"] if words == ["compare"] else []
                    their, our = self.both(*words, name, *more)
                    self.assertEqual((our.status, our.without_steps()),
                                     (their.status, their.without_steps()), f"{their}\n{our}")
            self.done("convert", "-O", "raw", name, "copy.raw")
            self.assertTrue(self.content("copy.raw") == self.content("disk.raw"))

    def test_without_backing_file(self):
        """As oVirt measures a layer."""
        for words in (["measure", "--output=json", "-O", "qcow2"], ["measure", "-O", "raw"],
                      ["map", "--output=json"]):
            self.assert_same(*words, self.json("top.qcow2", backing=None))
        measured = json.loads(self.done("measure", "--output=json", "-O", "qcow2",
                                        self.json("top.qcow2", backing=None)).stdout)
        whole = json.loads(self.done("measure", "--output=json", "-O", "qcow2", "top.qcow2").stdout)
        self.assertEqual(whole["required"] - measured["required"], MIB)
        self.done("resize", self.json("top.qcow2", backing=None), "9M", status=1)

    def test_null(self):
        for name in ('json:{"driver":"null-co","size":1048576,"read-zeroes":true}',
                     'json:{"driver":"raw","file":{"driver":"null-co","size":1048576}}'):
            self.done("convert", "-O", "raw", name, "zeros.raw")
            self.assertEqual(self.content("zeros.raw"), bytes(MIB))
            self.assertEqual(self.done("compare", name, "zeros.raw").stdout,
                             b"Images are identical.\n")

    def test_refused(self):
        for name in ("json:{", 'json:{"driver":"nbd","host":"x"}', "json:x",
                     self.json("top.qcow2", backing="x"), self.json("top.qcow2", unknown=1),
                     self.json("top.qcow2", "vmdk"), self.json("disk.raw", "raw", offset=512),
                     'json:{"driver":"qcow2","file.filename":""}'):
            for verb in ("info", "map", "check", "measure"):
                done = self.done(verb, name, status=1)
                self.assertIn(b"PROGRAM: Could not open 'json:", done.stderr)
                self.assertEqual(done.stderr.count(b"\n"), 1, done)
        done = self.done("info", "-f", "raw", self.json("top.qcow2"), status=1)
        self.assertIn(b"states the format 'qcow2', and -f 'raw'", done.stderr)

    def test_change(self):
        self.done("resize", self.json("top.qcow2"), "9M")
        self.done("commit", self.json("top.qcow2"))
        self.io("read -P 8 3M 64k", "read -P 7 1M 1M", name="base.qcow2")

    def test_backing(self):
        """As libvirt and oVirt store it: read, made, changed; the same to QEMU."""
        name = self.json("base.qcow2")
        self.done("create", "-q", "-f", "qcow2", "-b", name, "-F", "qcow2", "over.qcow2")
        self.assert_same("info", "--output=json", "--backing-chain", "over.qcow2")
        self.assert_same("info", "over.qcow2")
        self.assert_same("map", "--output=json", "over.qcow2")
        self.assert_same("compare", "over.qcow2", "base.qcow2")
        self.done("rebase", "-u", "-b", name, "-F", "qcow2", "top.qcow2")
        self.assert_same("compare", "top.qcow2", "disk.raw")
        self.done("rebase", "-b", "", "over.qcow2")
        self.assert_same("compare", "over.qcow2", "base.qcow2")
        self.done("commit", "top.qcow2")
        self.assert_same("compare", "base.qcow2", "disk.raw")

    def test_backing_refused(self):
        """A path that depends on the current folder, another protocol, another format."""
        relative = 'json:{"driver":"qcow2","file.filename":"base.qcow2"}'
        for name, image_format in ((relative, "qcow2"), ('json:{"driver":"nbd"}', "qcow2"),
                                   (self.json("base.qcow2"), "raw")):
            self.qemu("rebase", "-u", "-b", name, "-F", image_format, "top.qcow2")
            for words in (["map", "top.qcow2"], ["commit", "top.qcow2"],
                          ["convert", "-O", "raw", "top.qcow2", "new.raw"]):
                done = self.done(*words, status=1)
                self.assertIn(b"Could not open backing file", done.stderr)

    def test_backing_format_of_the_name(self):
        """Nothing records a format but the name: a guest's bytes must not be taken for a header."""
        with open(self.path("base.qcow2"), "rb") as file:
            header = file.read()
        with open(self.path("guest.raw"), "wb") as file:
            file.write(header)
        name = self.json("guest.raw", "raw")
        self.create("over.qcow2", "8M")
        self.qemu("rebase", "-u", "-b", name, "-F", "raw", "over.qcow2")
        with open(self.path("over.qcow2"), "r+b") as file:
            place = file.read(4096).index(bytes.fromhex("e2792aca"))
            file.seek(place)
            file.write(bytes.fromhex("12345678"))       # an extension that nobody knows
        shown = json.loads(self.done("info", "--output=json", "--backing-chain",
                                     "over.qcow2").stdout)
        self.assertEqual([image["format"] for image in shown], ["qcow2", "raw"])
        os.unlink(self.path("guest.raw"))
        done = self.done("info", "--backing-chain", "over.qcow2", status=1)
        self.assertIn(f"Could not open '{self.path('guest.raw')}'".encode(), done.stderr)

    def test_options(self):
        path = self.path("top.qcow2")
        with self.writer("top.qcow2"):
            self.done("info", "--image-opts", f"driver=qcow2,file.filename={path}", status=1)
            for words in (f"driver=qcow2,file.filename={path},file.locking=off",
                          f"driver=qcow2,file.driver=file,file.locking=off,file.filename={path}"):
                self.done("info", "--image-opts", words)
        self.assert_same("info", "--image-opts",
                         f"driver=qcow2,file.filename={path},file.locking=maybe", )
        for words in (f"driver=file,filename={self.path('disk.raw')}",
                      f"filename={self.path('disk.raw')},driver=file"):
            self.assert_same("compare", "--image-opts", words,
                             f"driver=qcow2,file.filename={path}")
        self.assert_same("map", "-f", "file", "disk.raw")
        for words in ("driver=qcow2,file.driver=host_device,file.filename=" + path,
                      "driver=host_device,filename=" + path):
            done = self.done("map", "--image-opts", words, status=1)
            self.assertIn(b"'host_device' driver requires", done.stderr)

    @unittest.skipUnless(LOOP, "no loop device: SINTER_TEST_LOOP_1")
    def test_device(self):
        with open(LOOP, "r+b") as device:
            device.write(b"x" * MIB)
        for words in (["-f", "host_device", LOOP],
                      ["--image-opts", f"driver=host_device,filename={LOOP}"],
                      [f'json:{{"driver":"raw","file":{{"driver":"host_device","filename":"{LOOP}"}}}}'],
                      [f'json:{{"driver":"host_device","filename":"{LOOP}"}}']):
            self.done("convert", "-O", "raw", *words, "copy.raw")
            self.assertEqual(self.content("copy.raw")[:MIB], b"x" * MIB)
        self.done("convert", "-n", "-O", "host_device", "disk.raw", LOOP)
        with open(LOOP, "rb") as device:
            self.assertTrue(device.read(8 * MIB) == self.content("disk.raw"))
        self.done("info", "-f", "host_device", LOOP)


if __name__ == "__main__":
    unittest.main()
