# SPDX-License-Identifier: LGPL-2.1-or-later
"""How new files lie on their file system, on btrfs, XFS and what else is there: what sinter-img asks
the file system for is what qemu-img asks it for, and so is what both say where it refuses."""

import fcntl
import itertools
import os
import struct
import subprocess
import tempfile
import unittest

from img import QEMU_IMG, ours, theirs

FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR = 0x80086601, 0x801C581F
FS_NOCOW_FL = 0x00800000
FS_XFLAG_EXTSIZE = 0x800
OPTIONS = ["", "nocow=on", "nocow=off", "extent_size_hint=0", "extent_size_hint=64k",
           "extent_size_hint=2M", "extent_size_hint=1000", "extent_size_hint=4096M",
           "nocow=on,extent_size_hint=128k", "preallocation=falloc,extent_size_hint=256k"]


def asked(file, request, size):
    """What an ioctl tells, zeros where there is no such thing."""
    try:
        return fcntl.ioctl(file, request, bytes(size))
    except OSError:
        return bytes(size)


def layout(path):
    """(is not copied on write, size of extents)"""
    with open(path, "rb") as file:
        flags, = struct.unpack("i", asked(file, FS_IOC_GETFLAGS, 4))
        xflags, extent_bytes = struct.unpack("II20x", asked(file, FS_IOC_FSGETXATTR, 28))
    return bool(flags & FS_NOCOW_FL), extent_bytes if xflags & FS_XFLAG_EXTSIZE else 0


@unittest.skipUnless(QEMU_IMG, "lacks qemu-img")
class Layout(unittest.TestCase):
    def same(self, args, names):
        """Both say the same and lay out their files alike. Returns the layouts."""
        places = (self.theirs, self.ours)
        their, our = theirs(*args, folder=self.theirs), ours(*args, folder=self.ours)
        self.assertTrue(our.same(their), f"{args}\n=== qemu-img\n{their}\n=== sinter-img\n{our}")
        found = [[layout(os.path.join(place, name)) for name in names
                  if os.path.exists(os.path.join(place, name))] for place in places]
        self.assertEqual(*found, args)
        return found[1]

    def commands(self):
        """(words, files that they make); each one anew and over what the one before has left."""
        for kind, options, over in itertools.product(("raw", "qcow2"), OPTIONS, (False, True)):
            words = ["-o", options] if options else []
            yield ["create", "-f", kind, *words, "new", "4M"], ["new"], over
            yield ["convert", "-f", "raw", "-O", kind, *words, "disk", "copy"], ["copy"], over
        for options in ("nocow=on", "extent_size_hint=2M"):
            yield (["create", "-f", "qcow2", "-o", f"data_file=data,{options}", "new", "4M"],
                   ["new", "data"], False)
            yield (["convert", "-f", "raw", "-O", "qcow2", "-o", f"data_file=data,{options}", "disk",
                    "copy"], ["copy", "data"], False)
        yield ["dd", "-f", "raw", "-O", "qcow2", "if=disk", "of=copy"], ["copy"], False

    def check(self, place):
        if place == "":
            self.skipTest("no such file system is mounted")
        seen = set()
        with tempfile.TemporaryDirectory(dir=place) as folder:
            self.theirs, self.ours = (os.path.join(folder, name) for name in ("theirs", "ours"))
            for each in (self.theirs, self.ours):
                os.mkdir(each)
                with open(os.path.join(each, "disk"), "wb") as file:
                    file.write(os.urandom(1 << 20) if each == self.theirs else b"")
            subprocess.run(["cp", f"{self.theirs}/disk", f"{self.ours}/disk"], check=True)
            for args, names, over in self.commands():
                with self.subTest(args=args, over=over):
                    for each, name in itertools.product((self.theirs, self.ours), names):
                        path = os.path.join(each, name)
                        if not over and os.path.exists(path):
                            os.remove(path)
                    seen.update(self.same(args, names))
                    if args[0] == "convert" and "copy" in os.listdir(self.ours):
                        self.assert_copied(args[args.index("-O") + 1])
        return seen

    def assert_copied(self, kind):
        done = theirs("compare", "-f", "raw", "-F", kind, "disk", "copy", folder=self.ours)
        self.assertEqual(done.status, 0, str(done))

    def test_btrfs(self):
        seen = self.check(os.environ.get("SINTER_TEST_BTRFS", ""))
        self.assertLessEqual({(False, 0), (True, 0)}, seen)

    def test_xfs(self):
        seen = self.check(os.environ.get("SINTER_TEST_XFS", ""))
        self.assertLessEqual({(False, size) for size in (0, 65536, 1 << 20, 2 << 20)}, seen)

    def test_here(self):
        self.check(None)


if __name__ == "__main__":
    unittest.main()
