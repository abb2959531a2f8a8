# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of docs/plugins.md: built as a stranger would, against what is installed, and then
loaded."""

import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import img  # noqa: E402

DOCS = os.path.join(HERE, "..", "..", "docs")
BUILD = os.environ.get("SINTER_BUILD_DIR", "build")
TOOL = os.environ.get("SINTER_PLUGIN_TOOL", os.path.join(BUILD, "tests/interop/plugin-tool"))
EXAMPLES = ["format-boxed", "policy-limit", "remedy-extend"]


def output(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


def source(name):
    return os.path.join(DOCS, "examples", name + ".c")


class Installed(img.ImgCase):
    """What is installed, and the examples built with it, in a folder each."""

    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="sinter-plugins-")
        cls.addClassCleanup(holder.cleanup)
        cls.root = holder.name
        output("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.root)
        cls.pc_folder, = (folder for folder, _, files in os.walk(cls.root)
                          if "sinter-plugin.pc" in files)
        cls.libraries = os.path.dirname(cls.pc_folder)
        cls.sinter_img, = (os.path.join(folder, "sinter-img")
                           for folder, _, files in os.walk(cls.root)
                           if "sinter-img" in files and os.path.basename(folder) == "bin")
        for name in EXAMPLES:
            cls.build(name)

    @classmethod
    def pkg_config(cls, *words):
        return output("pkg-config", *words, "sinter-plugin",
                      env=os.environ | {"PKG_CONFIG_PATH": cls.pc_folder,
                                        "PKG_CONFIG_SYSROOT_DIR": cls.root}).strip()

    @classmethod
    def build(cls, name):
        # the system's own headers do not stand below our root
        flags = [flag if "glib" not in flag else flag.replace(cls.root, "")
                 for flag in cls.pkg_config("--cflags", "--libs").split()]
        folder = os.path.join(cls.root, name)
        os.mkdir(folder)
        output("cc", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror",
               source(name), *flags, "-o", os.path.join(folder, name + ".so"))

    def run_with(self, program, *args):
        return subprocess.run([program, *args], cwd=self.folder, check=False, text=True,
                              env=os.environ | {"LD_LIBRARY_PATH": self.libraries},
                              capture_output=True)

    def plugins_of(self, name):
        return os.path.join(self.root, name)


class Page(Installed):
    def test_the_page_shows_the_programs(self):
        with open(os.path.join(DOCS, "plugins.md"), encoding="utf-8") as page:
            shown = re.findall(r"```c\n(.*?)```", page.read(), re.S)
        self.assertEqual(len(shown), len(EXAMPLES))
        for name, text in zip(EXAMPLES, shown):
            with open(source(name), encoding="utf-8") as file:
                self.assertEqual(text, file.read(), name)

    def test_headers(self):
        """Every header that is installed for plugins is named."""
        with open(os.path.join(DOCS, "plugins.md"), encoding="utf-8") as page:
            named = set(re.findall(r"`(sinter-[\w-]+\.h)`", page.read()))
        installed = {name for folder, _, files in os.walk(self.root)
                     for name in files if folder.endswith("include/sinter-plugin")}
        self.assertEqual(named, installed)

    def test_the_folder_is_there_and_empty(self):
        folder = self.pkg_config("--variable=plugindir")
        self.assertTrue(folder.endswith("/sinter/plugins"), folder)
        self.assertEqual(os.listdir(folder if folder.startswith(self.root) else self.root + folder),
                         [])


class Format(Installed):
    def boxed(self, name, size, content):
        with open(self.path(name), "wb") as file:
            file.write(b"BOXED 1\n" + struct.pack("<Q", size) + bytes(4080) + content)

    def sinter(self, *args, plugins="format-boxed"):
        return self.run_with(self.sinter_img, f"--plugin-dir={self.plugins_of(plugins)}", *args)

    def test_read(self):
        content = os.urandom(300 * 512)
        self.boxed("image", len(content), content)
        self.assertIn("file format: boxed\n", self.sinter("info", "image").stdout)
        self.assertIn("boxed", self.sinter("--help").stdout)
        for words in (["-f", "boxed"], []):
            done = self.sinter("convert", *words, "-O", "raw", "image", "made")
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(self.content("made"), content)

    def test_below_an_overlay(self):
        content = bytes(100) + os.urandom(100 * 1024 - 100)
        self.boxed("image", len(content), content)
        done = self.sinter("create", "-f", "qcow2", "-b", "image", "-F", "boxed", "over")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(self.sinter("compare", "image", "over").stdout, "Images are identical.\n")
        done = self.sinter("rebase", "-b", "", "over")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.qemu("convert", "-O", "raw", "over", "made")
        self.assertEqual(self.content("made"), content)

    def test_a_lie(self):
        self.boxed("image", 4096, bytes(100))
        done = self.sinter("info", "image")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the disk is larger than the file", done.stderr)
        self.assertIn("larger than the file", self.sinter("map", "image").stderr)

    def test_only_where_asked(self):
        self.boxed("image", 512, bytes(512))
        done = self.run_with(self.sinter_img, "info", "-f", "boxed", "image")
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("Unknown driver 'boxed'", done.stderr)
        self.assertIn("file format: raw\n", self.run_with(self.sinter_img, "info", "image").stdout)

    def test_what_cannot_be_loaded(self):
        self.boxed("image", 512, bytes(512))
        for name, why in (("missing", "No such file or directory"),
                          ("junk", "file too short")):
            folder = os.path.join(self.folder, name)
            if name == "junk":
                os.mkdir(folder)
                with open(os.path.join(folder, "x.so"), "wb"):
                    pass
            done = self.run_with(self.sinter_img, f"--plugin-dir={folder}", "info", "image")
            self.assertEqual((done.returncode, done.stdout), (1, ""))
            self.assertRegex(done.stderr, f"^sinter-img: .*{re.escape(folder)}.*{why}")
        done = self.sinter(f"--plugin-dir={self.plugins_of('format-boxed')}", "info", "image")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "the name 'format-boxed' is already used by '/")
        folder = os.path.join(self.folder, "open")
        shutil.copytree(self.plugins_of("format-boxed"), folder)
        os.chmod(os.path.join(folder, "format-boxed.so"), 0o666)
        done = self.run_with(self.sinter_img, f"--plugin-dir={folder}", "info", "image")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "other users can change '.*format-boxed.so'")

    def test_usage(self):
        done = self.run_with(self.sinter_img, "--plugin-dir")
        self.assertEqual(done.returncode, 1)
        self.assertIn("missing argument for option '--plugin-dir'", done.stderr)
        self.assertEqual(self.run_with(self.sinter_img).returncode, 1)


class PoliciesAndRemedies(Installed):
    def ask(self, name, *words):
        done = self.run_with(TOOL, self.plugins_of(name), name.partition("-")[0], name, *words)
        return done.stdout.splitlines() if done.returncode == 0 else done.stderr

    def test_list(self):
        done = self.run_with(TOOL, self.plugins_of("remedy-extend"), "list")
        self.assertEqual(done.stdout, "remedy remedy-extend: extends volumes that are full\n")

    def test_policy(self):
        self.assertEqual(self.ask("policy-limit", "200"), [])
        self.assertEqual(self.ask("policy-limit", "8", "limit=8"), [])
        self.assertEqual(self.ask("policy-limit", "9", "limit=8"),
                         ["consolidate keep=0 bytes=0: "
                          "the chain has 9 images, at most 8 are wanted"])
        self.assertEqual(self.ask("policy-limit", "3", "limit=2", "limit-keep=1"),
                         ["consolidate keep=1 bytes=0: "
                          "the chain has 3 images, at most 2 are wanted"])

    def test_policy_setting(self):
        self.assertEqual(self.ask("policy-limit", "3", "limit=201"),
                         "plugin-tool: plugin 'policy-limit': limit is '201', expected a number "
                         "from 0 to 200\n")

    def test_remedy(self):
        self.assertEqual(self.ask("remedy-extend", "block", "device-full", "0"),
                         ["extend keep=0 bytes=1073741824: "
                          "the volume under the active image is full",
                          "resume keep=0 bytes=0: the guest waits for room to write"])
        self.assertEqual(self.ask("remedy-extend", "block", "device-full", "3"),
                         ["report keep=0 bytes=0: the volume is full again after three extensions"])
        for words in (["file", "device-full", "0"], ["block", "file-system-full", "0"]):
            self.assertEqual(self.ask("remedy-extend", *words), [])


if __name__ == "__main__":
    unittest.main()
