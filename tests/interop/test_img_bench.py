# SPDX-License-Identifier: LGPL-2.1-or-later
"""bench: sinter-img beside qemu-img."""

import os
import re
import unittest

from img import ours
from twin import TwinCase

SECONDS = re.compile(rb"Run completed in \d+\.\d\d\d seconds\.")


class Bench(TwinCase):
    def make(self, folder):
        self.qemu("create", "-q", "-f", "qcow2", "base.qcow2", "5M", folder=folder)
        self.io("write -P 7 1M 1M", name="base.qcow2", folder=folder)
        self.qemu("create", "-q", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "disk.qcow2",
                  folder=folder)
        with open(os.path.join(folder, "disk.raw"), "wb") as file:
            file.truncate(3 << 20)

    def both(self, *args):
        answers = super().both(*args)
        for answer in answers:
            answer.stdout = SECONDS.sub(b"Run completed in N seconds.", answer.stdout)
        return answers

    def test_reads(self):
        for words in ([], ["-c", "10"], ["-c", "0"], ["-c", "0x10"], ["-c", "10", "-d", "1"],
                      ["-c", "10", "-s", "64k"], ["-c", "10", "-s", "64k", "-S", "128k"],
                      ["-c", "10", "-o", "1M"], ["-c", "4", "-s", "3"], ["-c", "2", "-s", "5M"],
                      ["-c", "2", "-S", "0"], ["-c", "2", "-t", "none"], ["-c", "2", "-q"],
                      ["-c", "2", "-U"], ["-c", "2", "-f", "raw"], ["-c", "2", "-i", "threads"],
                      ["-c", "2", "-i", "io_uring"], ["-c", "2", "--pattern", "3"],
                      ["-c", "2", "--no-drain"], ["-c", "500", "-d", "100"]):
            with self.subTest(words=words):
                self.assert_same("bench", *words, "disk.qcow2")
        self.assert_same("bench", "--image-opts", "-c", "1", "driver=qcow2,file.filename=disk.qcow2")

    def test_writes(self):
        """Sizes and steps such that all is inside the disk; then what was written is compared."""
        for words in (["-c", "10", "-d", "2", "--pattern", "7"],
                      ["-c", "64", "-s", "64k", "--pattern", "0x41"],
                      ["-c", "5", "-s", "3", "-S", "100001", "--pattern", "5"],
                      ["-c", "12", "-d", "2", "--flush-interval", "5", "--pattern", "1"],
                      ["-c", "10", "-d", "5", "--flush-interval", "5", "--pattern", "2"],
                      ["-c", "10", "-d", "4", "--flush-interval", "5", "--no-drain"],
                      ["-c", "10", "-t", "writethrough", "--pattern", "4"],
                      ["-c", "10", "-t", "none", "-n", "--pattern", "6"],
                      ["-c", "100", "-s", "512k", "-o", "512k", "--pattern", "8"]):
            for disk in ("disk.qcow2", "disk.raw"):
                with self.subTest(words=words, disk=disk):
                    self.assert_same("bench", "-w", *words, "-f", disk[5:], disk)
                    self.assert_alike(disk, disk[5:])

    def test_errors(self):
        for words in ([], ["disk.qcow2", "disk.raw"], ["nowhere"], ["-w", "nowhere"],
                      ["-c", "foo", "disk.qcow2"], ["-c", "-1", "disk.qcow2"],
                      ["-c", "99999999999", "disk.qcow2"], ["-d", "foo", "disk.qcow2"],
                      ["-s", "foo", "disk.qcow2"], ["-s", "3G", "disk.qcow2"],
                      ["-S", "foo", "disk.qcow2"], ["-S", "-1", "disk.qcow2"],
                      ["-o", "foo", "disk.qcow2"], ["-t", "foo", "disk.qcow2"],
                      ["-i", "foo", "disk.qcow2"], ["-i", "native", "disk.qcow2"],
                      ["-n", "disk.qcow2"], ["--pattern", "foo", "disk.qcow2"],
                      ["--pattern", "256", "disk.qcow2"], ["-f", "foo", "disk.qcow2"],
                      ["--flush-interval", "foo", "disk.qcow2"],
                      ["--flush-interval", "1", "disk.qcow2"],
                      ["-w", "--flush-interval", "1", "disk.qcow2"],
                      ["-w", "-d", "4", "--flush-interval", "2", "disk.qcow2"],
                      ["-w", "--flush-interval", "-1", "disk.qcow2"], ["-U", "-w", "disk.qcow2"],
                      ["-X"], ["-c"]):
            with self.subTest(words=words):
                self.assert_same("bench", *words)

    def test_beyond_the_end(self):
        for words in (["-o", "6M", "-c", "1"], ["-w", "-c", "2", "-s", "6M"],
                      ["-c", "3", "-s", "4M"], ["-o", "4M", "-s", "1M", "-S", "512k", "-c", "4"]):
            with self.subTest(words=words):
                self.assert_same("bench", *words, "disk.qcow2")

    def test_differs(self):
        with open(os.path.join(self.ours, "empty"), "wb"):
            pass
        our = self.both("bench", "-f", "raw", "-c", "1", "empty")[1]
        self.assertEqual((our.status, our.stderr), (1, b"PROGRAM: Failed request: Input/output "
                                                       b"error\n"))
        # qemu-img never ends
        our = ours("bench", "-d", "0", "-c", "1", "disk.qcow2", folder=self.ours)
        self.assertEqual(our.status, 1)


if __name__ == "__main__":
    unittest.main()
