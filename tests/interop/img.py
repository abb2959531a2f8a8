# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img beside qemu-img: the same arguments to both, and what each says about it."""

import atexit
import contextlib
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import unittest
from dataclasses import dataclass

QEMU_IMG = shutil.which("qemu-img")
QEMU_IO = shutil.which("qemu-io")
SINTER_IMG = os.environ.get("SINTER_IMG", "sinter-img")
SEED = int(os.environ.get("SINTER_SEED", random.SystemRandom().randrange(1 << 32)))
ROUNDS = int(os.environ.get("SINTER_INTEROP_ROUNDS", "25"))
KIB, MIB = 1024, 1024 * 1024

SECRET = ["--object", "secret,id=key,data=abc"]

# Hints that name another program, or a command of QMP: what they say, and what we say on purpose.
HINTS_OF_OUR_OWN = {
    b"You can use 'qemu-img rebase' instead.\n": b"You can use 'sinter-img rebase' instead.\n",
    b"Try --skip-broken-bitmaps, or use 'qemu-img bitmap --remove' to delete it\n":
        b"Try --skip-broken-bitmaps, or use 'sinter-img bitmap --remove' to delete it\n",
    b"Try block-dirty-bitmap-remove to delete this bitmap from disk\n":
        b"Try 'PROGRAM bitmap --remove' to delete this bitmap from disk\n",
}
PERCENT = re.compile(rb"    \((\d+\.\d\d)/100%\)\r")


@dataclass
class Answer:
    """What a program said. The program's own name before messages is taken out."""

    status: int
    stdout: bytes
    stderr: bytes

    def __str__(self):
        return (f"exit {self.status}\n--- stdout\n{self.stdout.decode(errors='replace')}"
                f"--- stderr\n{self.stderr.decode(errors='replace')}")

    def without_steps(self):
        """Of the percentages only the first and the last; each in the right form, none falling."""
        steps = [float(step) for step in PERCENT.findall(self.stdout)]
        if not steps:
            return self.stdout
        assert steps[0] == 0 and steps == sorted(steps) and steps[-1] <= 100, steps
        ends = b"(0)" + (b"(100)" if steps[-1] == 100 else b"(...)" if len(steps) > 1 else b"")
        return ends + PERCENT.sub(b"", self.stdout)

    def same(self, other):
        return (self.status == other.status and self.stderr == other.stderr and
                self.without_steps() == other.without_steps())


def run(program, args, folder, stdout=subprocess.PIPE):
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "Europe/Vienna"}
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    done = subprocess.run([program, *args], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=stdout, stderr=subprocess.PIPE, check=False)
    name = os.path.basename(program).encode()
    stderr = re.sub(rb"^(Try ')?" + re.escape(name) + rb"\b", rb"\1PROGRAM", done.stderr,
                    flags=re.M)
    return Answer(done.returncode, done.stdout or b"", stderr)


def theirs(*args, folder, **options):
    answer = run(QEMU_IMG, args, folder, **options)
    for their, our in HINTS_OF_OUR_OWN.items():
        answer.stderr = answer.stderr.replace(their, our)
    return answer


def ours(*args, folder, **options):
    return run(SINTER_IMG, args, folder, **options)


@unittest.skipUnless(QEMU_IMG and QEMU_IO, "lacks qemu-img and qemu-io")
class ImgCase(unittest.TestCase):
    """A case with a folder for images, in which both programs run."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="sinter-img-")
        self.addCleanup(shutil.rmtree, self.folder)

    # -- making images ------------------------------------------------------

    def path(self, name):
        return os.path.join(self.folder, name)

    def qemu(self, *args):
        done = theirs(*args, folder=self.folder)
        for _ in range(20):     # on a busy machine QEMU cannot time the making of a LUKS key
            if b"accurate CPU usage" not in done.stderr:
                break
            done = theirs(*args, folder=self.folder)
        self.assertEqual(done.status, 0, f"qemu-img {args}: {done}")
        return done.stdout

    def io(self, *commands, name, options=()):
        words = [*options, *(word for command in commands for word in ("-c", command))]
        done = subprocess.run([QEMU_IO, *words, name], cwd=self.folder, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def create(self, name, size="8M", options="", backing=None, backing_format="qcow2", writes=()):
        words = ["create", "-q", "-f", "qcow2", *(["-o", options] if options else [])]
        if backing:
            words += ["-b", backing, "-F", backing_format]
        self.qemu(*words, name, *([size] if size else []))
        if writes:
            self.io(*writes, name=name)

    def poke(self, name, offset, data):
        with open(self.path(name), "r+b") as file:
            file.seek(offset)
            file.write(data)

    @contextlib.contextmanager
    def writer(self, name):
        """Somebody who has the image open for writing meanwhile."""
        with subprocess.Popen([QEMU_IO, "-f", "qcow2", name], cwd=self.folder,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(b"length\n")
            process.stdin.flush()
            self.assertTrue(process.stdout.readline())      # it is open now
            yield
            process.communicate(b"quit\n")

    # -- comparing ----------------------------------------------------------

    def both(self, *args):
        return theirs(*args, folder=self.folder), ours(*args, folder=self.folder)

    def assert_same(self, *args):
        """Both say the same, byte for byte."""
        their, our = self.both(*args)
        self.assertTrue(our.same(their),
                        f"{' '.join(args)}\n=== qemu-img\n{their}\n=== sinter-img\n{our}")
        return our

    def assert_differs(self, why, *args, status=1, stderr=None):
        """We do otherwise, for the reason given; it must be true that we differ."""
        their, our = self.both(*args)
        text = f"{why}: {' '.join(args)}\n=== qemu-img\n{their}\n=== sinter-img\n{our}"
        self.assertFalse(our.same(their), "no difference any more: " + text)
        self.assertEqual(our.status, status, text)
        if stderr is not None:
            self.assertRegex(our.stderr.decode(), stderr, text)
        return our

    # -- everything that reads, put to one image ------------------------------

    def content(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def settle(self):
        """Reads every file: space that was set aside and not written is a hole to the file system
        for as long as nobody has read it."""
        for name in os.listdir(self.folder):
            if os.path.isfile(self.path(name)):
                self.content(name)

    def assert_read_alike(self, name, image_format, snapshots=()):
        """What both say about an image, where its data lies and what it reads as."""
        self.settle()
        said = ["-f", image_format, name]
        for words in (["info", *said], ["info", "--output=json", *said],
                      ["info", "--backing-chain", "--output=json", *said],
                      ["map", *said], ["map", "--output=json", *said], ["measure", *said],
                      ["measure", "-O", "qcow2", "--output=json", *said]):
            self.assert_same(*words)
        self.assert_check_alike(said)
        self.assert_content_alike(said, name)
        for snapshot in snapshots:
            self.assert_content_alike(["-l", f"snapshot.name={snapshot}", *said])

    def assert_check_alike(self, said):
        """The verdict and the counts. Our JSON has one key more."""
        for words in (["check", *said], ["check", "--output=json", *said]):
            their, our = self.both(*words)
            if their.status != 63 and "--output=json" in words:
                report = json.loads(our.stdout)
                report.pop("sinter")
                self.assertEqual(list(report.items()), list(json.loads(their.stdout).items()))
            else:
                self.assertEqual(our.stdout, their.stdout)
            self.assertEqual(our.status, their.status, f"{words}\n{their}\n{our}")

    def assert_content_alike(self, source, name=None):
        """Into a file, to standard output; and, for a whole image, compared with that."""
        self.qemu("convert", "-O", "raw", *source, "theirs.raw")
        expected = self.content("theirs.raw")
        done = ours("convert", "-O", "raw", *source, "ours.raw", folder=self.folder)
        self.assertEqual((done.status, done.stdout, done.stderr), (0, b"", b""))
        self.assertTrue(self.content("ours.raw") == expected, "other content")
        done = ours("convert", "-O", "raw", *source, "-", folder=self.folder)
        self.assertEqual((done.status, done.stderr), (0, b""))
        self.assertTrue(done.stdout == expected, "other content on standard output")
        if name:
            self.assert_same("compare", *source[:2], "-F", "raw", name, "theirs.raw")
            self.assert_compares_alike(source, name, expected)

    def assert_compares_alike(self, source, name, content):
        """A byte that differs is met at the same place by both."""
        if not content:
            return
        at = len(content) * 5 // 7
        self.poke("theirs.raw", at, bytes([content[at] ^ 1]))
        our = self.assert_same("compare", *source[:2], "-F", "raw", name, "theirs.raw")
        self.assertEqual((our.status, our.stdout.decode()),
                         (1, f"Content mismatch at offset {at // 512 * 512}!\n"))


class Stock:
    """Images of every kind under fixed names, for tests that put many arguments to them.

    They are made once a test file; each case gets copies in its folder."""

    made = None

    NAMES = ["plain.qcow2", "over.qcow2", "v2.qcow2", "subclusters.qcow2", "compressed.qcow2",
             "zstd.qcow2", "data-file.qcow2", "sparse.raw", "odd.raw", "empty.raw", "luks.qcow2",
             "aes.qcow2", "snapshots.qcow2", "bitmaps.qcow2", "dirty.qcow2", "preallocated.qcow2",
             "sub/over.qcow2", "unformatted.qcow2", "on-raw.qcow2", "short.qcow2", "small.qcow2",
             "with,comma.qcow2", "ä b.qcow2", "ctrl\x1b.qcow2"]
    BROKEN = ["missing.qcow2", "orphan.qcow2", "loop.qcow2", "unknown-bit.qcow2", "version.qcow2",
              "cluster-bits.qcow2", "cut.qcow2", "folder", "nowhere/x.qcow2", "", "foo:bar",
              "l1.qcow2", "reftable.qcow2", "backing-name.qcow2", "snapshot-table.qcow2"]

    def __init__(self, case):
        self.case = case
        if Stock.made:
            self.copy(Stock.made, case.folder)
            return
        self.make_sound()
        self.make_encrypted()
        self.make_broken()
        Stock.made = tempfile.mkdtemp(prefix="sinter-stock-")
        atexit.register(shutil.rmtree, Stock.made)
        self.copy(case.folder, Stock.made)

    @staticmethod
    def copy(source, target):
        """With their holes."""
        subprocess.run(["cp", "-a", "--sparse=always", source + "/.", target], check=True)

    def make_sound(self):
        case = self.case
        noise = ["write -P 7 1M 300k", "write -z 3M 128k", "write -P 9 5M 64k"]
        case.create("plain.qcow2", writes=noise)
        case.create("over.qcow2", "10M", backing="plain.qcow2",
                    writes=["write -P 3 1100k 100k", "write -z 5M 32k", "write -P 4 9M 64k"])
        case.create("v2.qcow2", options="compat=0.10,cluster_size=4k", writes=noise)
        case.create("subclusters.qcow2", options="extended_l2=on,cluster_size=128k",
                    writes=["write -P 1 4k 4k", "write -z 64k 12k", "write -P 2 1M 128k"])
        case.qemu("convert", "-c", "-O", "qcow2", "plain.qcow2", "compressed.qcow2")
        case.qemu("convert", "-c", "-O", "qcow2", "-o", "compression_type=zstd", "plain.qcow2",
                  "zstd.qcow2")
        case.create("data-file.qcow2", options="data_file=data-file.data,data_file_raw=on",
                    writes=noise)
        case.qemu("convert", "-O", "raw", "plain.qcow2", "sparse.raw")
        for name, content in (("odd.raw", b"x" * 1000), ("empty.raw", b"")):
            with open(case.path(name), "wb") as file:
                file.write(content)
        case.create("snapshots.qcow2", writes=noise)
        case.qemu("snapshot", "-c", "first", "snapshots.qcow2")
        case.io("write -P 8 2M 1M", name="snapshots.qcow2")
        case.qemu("snapshot", "-c", "second ä \x1b[31m red", "snapshots.qcow2")
        case.create("bitmaps.qcow2", writes=noise)
        case.qemu("bitmap", "--add", "bitmaps.qcow2", "zero")
        case.qemu("bitmap", "--add", "-g", "1M", "bitmaps.qcow2", "one")
        case.qemu("bitmap", "--disable", "bitmaps.qcow2", "one")
        case.create("dirty.qcow2", options="lazy_refcounts=on")
        case.poke("dirty.qcow2", 79, b"\1")
        case.create("preallocated.qcow2", options="preallocation=metadata",
                    writes=["write -P 6 2M 64k"])
        os.mkdir(case.path("sub"))
        case.create("sub/over.qcow2", None, backing="../plain.qcow2", writes=noise[:1])
        case.qemu("create", "-q", "-f", "qcow2", "-u", "-b", "plain.qcow2", "-F", "qcow2",
                  "unformatted.qcow2", "8M")
        # an image that does not say of which format its backing file is: the extension that says
        # it becomes one that nobody knows
        case.poke("unformatted.qcow2", 112, b"\x12\x34\x56\x78")
        case.create("on-raw.qcow2", "9M", backing="sparse.raw", backing_format="raw",
                    writes=["write -P 1 64k 64k"])
        case.create("short.qcow2", "2M", writes=["write -P 7 1M 300k"])
        case.create("small.qcow2", "1M", options="cluster_size=512", writes=["write -P 1 5k 3k"])
        for name in ("with,comma.qcow2", "ä b.qcow2", "ctrl\x1b.qcow2"):
            shutil.copy(case.path("plain.qcow2"), case.path(name))

    def make_encrypted(self):
        case = self.case
        for name, options in (("luks.qcow2", "encrypt.format=luks,encrypt.iter-time=10"),
                              ("aes.qcow2", "encrypt.format=aes")):
            case.qemu("create", "-q", "-f", "qcow2", *SECRET, "-o",
                      options + ",encrypt.key-secret=key", name, "8M")

    def make_broken(self):
        case = self.case
        plain = case.path("plain.qcow2")
        os.mkdir(case.path("folder"))
        case.qemu("create", "-q", "-f", "qcow2", "-u", "-b", "nowhere.raw", "-F", "raw",
                  "orphan.qcow2", "8M")
        case.qemu("create", "-q", "-f", "qcow2", "-u", "-b", "./loop.qcow2", "-F", "qcow2",
                  "loop.qcow2", "8M")
        for name, offset, data in (
                ("unknown-bit.qcow2", 72, b"\x80"), ("version.qcow2", 7, b"\x09"),
                ("cluster-bits.qcow2", 23, b"\x40"), ("l1.qcow2", 40, b"\0\0\0\0\0\3\1\1"),
                ("reftable.qcow2", 48, b"\0\0\0\0\0\1\2\0"),
                ("backing-name.qcow2", 8, b"\0\0\0\0\0\0\2\0\0\0\xff\xff"),
                ("snapshot-table.qcow2", 60, b"\0\2\0\0")):
            shutil.copy(plain, case.path(name))
            case.poke(name, offset, data)
        with open(plain, "rb") as whole, open(case.path("cut.qcow2"), "wb") as cut:
            cut.write(whole.read(60))
