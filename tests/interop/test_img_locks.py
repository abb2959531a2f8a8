# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who holds an image: the process by name, the virtual machine by QEMU's arguments or by libvirt's
run files; how it is told by locks and by every verb that is refused, and what -U and -T do."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import img  # noqa: E402

QEMU = shutil.which("qemu-system-x86_64")
STRACE = shutil.which("strace")
READING = (["check"], ["info"], ["map"], ["dump"], ["measure"], ["compare", "other"],
           ["convert", "-O", "raw"])
WRITER = ["consistent-read", "write", "resize"]


class Locks(img.ImgCase):
    def setUp(self):
        super().setUp()
        self.create("disk", "1M")
        self.create("other", "1M")
        self.runtime = self.path("runtime")

    def ours(self, *args):
        """With a runtime folder of its own: that is where libvirt's session daemon keeps files."""
        done = subprocess.run([img.SINTER_IMG, *args], cwd=self.folder, check=False, text=True,
                              env=os.environ | {"XDG_RUNTIME_DIR": self.runtime},
                              capture_output=True)
        return done.returncode, done.stdout, done.stderr

    @contextlib.contextmanager
    def qemu_io(self, *options):
        with subprocess.Popen([img.QEMU_IO, *options, "-f", "qcow2", "disk"], cwd=self.folder,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(b"length\n")
            process.stdin.flush()
            self.assertTrue(process.stdout.readline())
            yield process.pid
            process.communicate(b"quit\n")

    @contextlib.contextmanager
    def machine(self, *options):
        """A virtual machine that does not run, which has the disk open."""
        command = [QEMU, "-S", "-nodefaults", "-display", "none", "-accel", "tcg", "-qmp", "stdio",
                   "-drive", "file=disk,format=qcow2,if=virtio", *options]
        with subprocess.Popen(command, cwd=self.folder, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as process:
            self.assertIn(b"QMP", process.stdout.readline())
            yield process.pid
            process.communicate(b'{"execute": "qmp_capabilities"}{"execute": "quit"}')

    def holders(self):
        status, out, _ = self.ours("locks", "--output=json", "disk")
        self.assertEqual(status, 0)
        return json.loads(out)["holders"]

    def assert_refused(self, who):
        for words in READING:
            with self.subTest(words=words):
                target = ["out"] if words[0] == "convert" else []
                status, out, err = self.ours(*words, "disk", *target)
                self.assertEqual((status, out), (2 if words[0] == "compare" else 1, ""))
                self.assertIn(f"It is locked by {who}\n", err)
                status, _, err = self.ours(words[0], "-U", *words[1:], "disk", *target)
                self.assertEqual((status, err), (0, ""))

    def test_nobody(self):
        self.assertEqual(self.ours("locks", "disk"), (0, "No process holds the image.\n", ""))
        self.assertEqual(self.holders(), [])

    def test_a_process(self):
        with self.qemu_io() as pid:
            self.assertEqual(self.holders(), [{"pid": pid, "program": "qemu-io", "uses": WRITER,
                                               "unshared": ["write", "resize"]}])
            self.assert_refused(f"process {pid} (qemu-io)")
        self.assertEqual(self.ours("check", "disk")[0], 0)

    def test_a_reader_is_no_obstacle(self):
        with self.qemu_io("-r") as pid:
            holder, = self.holders()
            self.assertEqual((holder["pid"], holder["uses"]), (pid, ["consistent-read"]))
            self.assertEqual(self.ours("check", "disk")[0], 0)

    def test_libvirt_run_files(self):
        os.makedirs(os.path.join(self.runtime, "libvirt/qemu/run"))
        with self.qemu_io() as pid:
            for name, content in (("other.pid", "1"), ("web 1.pid", f"{pid}\n"), ("x.xml", "")):
                with open(os.path.join(self.runtime, "libvirt/qemu/run", name), "w",
                          encoding="ascii") as file:
                    file.write(content)
            self.assertEqual(self.holders()[0]["domain"], "web 1")
            self.assert_refused(f"process {pid} (qemu-io), domain 'web 1'")
            self.assertIn("web 1", self.ours("locks", "disk")[1])

    @unittest.skipUnless(QEMU, "lacks qemu-system-x86_64")
    def test_a_machine_by_its_arguments(self):
        for given, name in (("guest=db1,debug-threads=on", "db1"), ("plain", "plain"),
                            ("guest=a,,b", "a,b")):
            with self.machine("-name", given) as pid:
                holder, = self.holders()
                self.assertEqual((holder["pid"], holder["domain"]), (pid, name))
                self.assertEqual(holder["uses"][:2], ["consistent-read", "write"])
                self.assertRegex(self.ours("check", "disk")[2],
                                 rf"locked by process {pid} \(qemu-system-x86\), domain '{name}'\n")

    def test_wrong_use(self):
        for words in ([], ["a", "b"], ["nowhere"], ["--output=x", "disk"], ["-f", "qcow2", "disk"]):
            status, out, err = self.ours("locks", *words)
            self.assertEqual((status, out), (1, ""), words)
            self.assertRegex(err, r"^sinter-img: .")

    @unittest.skipUnless(STRACE, "lacks strace")
    def test_past_the_page_cache(self):
        """-T none reads with O_DIRECT where the file system can, and only then."""
        with open(self.path("probe"), "wb"):
            try:
                os.close(os.open(self.path("probe"), os.O_RDONLY | os.O_DIRECT))
            except OSError:
                self.skipTest("this file system knows no O_DIRECT")
        for words in (["check", "disk"], ["compare", "disk", "other"],
                      ["convert", "-O", "raw", "disk", "out"]):
            for cache, direct in (("none", True), ("writeback", False)):
                done = subprocess.run(
                    [STRACE, "-f", "-qq", "-e", "trace=openat,fcntl", img.SINTER_IMG, words[0],
                     "-T", cache, *words[1:]], cwd=self.folder, check=True, text=True,
                    env=os.environ | {"ASAN_OPTIONS": "detect_leaks=0"}, capture_output=True)
                opened = re.search(r"O_RDONLY\|.*O_DIRECT\b", done.stderr)
                self.assertEqual(bool(opened), direct, (words, cache))


if __name__ == "__main__":
    unittest.main()
