# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example of docs/libsinter.md: built as a stranger would, against what is installed, and run."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import img  # noqa: E402

DOCS = os.path.join(HERE, "..", "..", "docs")
EXAMPLE = os.path.join(DOCS, "examples", "look.c")
BUILD = os.environ.get("SINTER_BUILD_DIR", "build")


def output(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


class Example(img.ImgCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="sinter-example-")
        cls.addClassCleanup(holder.cleanup)
        cls.root = holder.name
        output("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root)
        pc_file, = (os.path.join(folder, "sinter.pc")
                    for folder, _, files in os.walk(cls.root) if "sinter.pc" in files)
        flags = output("pkg-config", "--cflags", "--libs", pc_file,
                       env=os.environ | {"PKG_CONFIG_SYSROOT_DIR": cls.root}).split()
        # the system's own libraries do not stand below our root
        flags = [flag if "glib" not in flag else flag.replace(cls.root, "") for flag in flags]
        cls.program = os.path.join(cls.root, "look")
        output("cc", "-Wall", "-Wextra", "-Werror", EXAMPLE, *flags, "-o", cls.program)
        cls.libraries = os.path.dirname(os.path.dirname(pc_file))

    def look(self, *args):
        return subprocess.run([self.program, *args], cwd=self.folder, check=False, text=True,
                              env=os.environ | {"LD_LIBRARY_PATH": self.libraries},
                              capture_output=True)

    def test_the_page_shows_the_program(self):
        with open(os.path.join(DOCS, "libsinter.md"), encoding="utf-8") as page, \
                open(EXAMPLE, encoding="utf-8") as file:
            shown = re.search(r"```c\n(.*?)```", page.read(), re.S)[1]
            self.assertEqual(shown, file.read())

    def test_every_header_is_named(self):
        with open(os.path.join(DOCS, "libsinter.md"), encoding="utf-8") as page:
            named = set(re.findall(r"`sinter/([\w-]+\.h)`", page.read()))
        installed = {name for folder, _, files in os.walk(self.root)
                     for name in files if name.endswith(".h") and folder.endswith("/sinter")}
        self.assertEqual(named, installed)

    def test_a_chain(self):
        self.create("base", writes=["write -P 1 0 3M"])
        self.create("top", backing="base", writes=["write -P 2 1M 64k", "write -P 3 7M 128k"])
        done = self.look("top")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.qemu("convert", "-O", "raw", "top", "raw")
        self.assertIn("sha256 " + hashlib.sha256(self.content("raw")).hexdigest(), done.stdout)
        held = [0, 0]
        for extent in json.loads(self.qemu("map", "--output=json", "top")):
            held[extent["depth"]] += extent["length"] * extent["data"]
        for layer, n_bytes in enumerate(held):
            self.assertIn(f"layer {layer} holds {n_bytes} bytes of the disk\n", done.stdout)
        size = os.path.getsize(self.path("base"))
        self.assertRegex(done.stdout, rf"layer 1: \S*base, 8388608 bytes in a qcow2 file of {size}\n")

    def test_a_raw_image(self):
        shutil.copy(EXAMPLE, self.path("raw"))
        done = self.look("raw", "raw")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_damage(self):
        self.create("hurt", writes=["write -P 1 0 1M"])
        self.poke("hurt", 4 << 16, b"\x80\0\0\0\0\0\3\0")
        done = self.look("hurt")
        self.assertEqual(done.returncode, 2, done)
        self.assertRegex(done.stdout, r"hurt: l2-[a-z-]+: .*\n")

    def test_wrong_use(self):
        for args in ([], ["nope"], [EXAMPLE]):
            done = self.look(*args)
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, r"^(usage|look): [^\n]+\n$")


if __name__ == "__main__":
    unittest.main()
