# SPDX-License-Identifier: LGPL-2.1-or-later
"""What somebody else has open is not written to: each writing verb refuses it, says who has it, and
leaves every byte as it was. And of openers that race, two never both win."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from dataclasses import dataclass

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import holders  # noqa: E402
import img  # noqa: E402

LOCK_RACE = os.environ.get("SINTER_LOCK_RACE", "lock-race")
N_RACING_OPENS = 10_000


@dataclass
class Verb:
    """One command line. `held`: the image that the other program has open while it runs."""

    args: list
    held: str = "top.qcow2"
    status: int = 1


# The chain of the test is base.qcow2 <- mid.qcow2 <- top.qcow2; other.qcow2 stands alone.
WRITING_VERBS = [
    Verb(["create", "-q", "-f", "qcow2", "top.qcow2", "1M"]),
    Verb(["create", "-q", "-f", "raw", "base.raw", "1M"], "base.raw"),
    Verb(["convert", "-O", "raw", "other.qcow2", "base.raw"], "base.raw"),
    Verb(["convert", "-n", "-O", "raw", "other.qcow2", "base.raw"], "base.raw"),
    Verb(["convert", "-O", "qcow2", "other.qcow2", "top.qcow2"]),
    Verb(["convert", "-c", "-n", "-O", "qcow2", "other.qcow2", "top.qcow2"]),
    Verb(["dd", "-O", "qcow2", "if=other.qcow2", "of=top.qcow2"]),
    Verb(["bench", "-w", "-c", "1", "-f", "qcow2", "top.qcow2"]),
    Verb(["commit", "-f", "qcow2", "top.qcow2"]),
    Verb(["commit", "-f", "qcow2", "top.qcow2"], "mid.qcow2"),
    Verb(["commit", "-f", "qcow2", "-b", "base.qcow2", "top.qcow2"], "base.qcow2"),
    Verb(["rebase", "-f", "qcow2", "-b", "", "top.qcow2"]),
    Verb(["rebase", "-u", "-f", "qcow2", "-b", "base.qcow2", "-F", "qcow2", "top.qcow2"]),
    Verb(["merge", "-f", "qcow2", "--down", "top.qcow2"]),
    Verb(["merge", "-f", "qcow2", "--down", "--top", "mid.qcow2", "top.qcow2"]),
    Verb(["merge", "-f", "qcow2", "--down", "--top", "mid.qcow2", "--delete", "top.qcow2"],
         "mid.qcow2"),
    Verb(["merge", "-f", "qcow2", "--down", "--top", "mid.qcow2", "top.qcow2"], "base.qcow2"),
    Verb(["merge", "-f", "qcow2", "--up", "--base", "mid.qcow2", "top.qcow2"]),
    Verb(["remove", "-f", "qcow2", "-d", "top.qcow2", "mid.qcow2"], "mid.qcow2"),
    Verb(["resize", "-f", "qcow2", "top.qcow2", "+1M"]),
    Verb(["resize", "-f", "raw", "base.raw", "+1M"], "base.raw"),
    Verb(["amend", "-f", "qcow2", "-o", "lazy_refcounts=on", "top.qcow2"]),
    Verb(["snapshot", "-c", "new", "top.qcow2"]),
    Verb(["snapshot", "-a", "first", "other.qcow2"], "other.qcow2"),
    Verb(["snapshot", "-d", "first", "other.qcow2"], "other.qcow2"),
    Verb(["bitmap", "--add", "-f", "qcow2", "top.qcow2", "marks"]),
    Verb(["bitmap", "--clear", "-f", "qcow2", "marked.qcow2", "marks"], "marked.qcow2"),
]
# What reads needs that nobody writes.
READING_VERBS = [
    Verb(["convert", "-O", "raw", "top.qcow2", "new.raw"]),
    Verb(["compare", "top.qcow2", "other.qcow2"], status=2),
]


class Files(img.ImgCase):
    """The chain, and what the folder holds byte for byte."""

    def setUp(self):
        super().setUp()
        self.sockets = tempfile.mkdtemp(prefix="sh-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.sockets)
        self.create("base.qcow2", "2M", writes=["write -P 1 0 1M"])
        self.create("mid.qcow2", "2M", backing="base.qcow2", writes=["write -P 2 64k 256k"])
        self.create("top.qcow2", "2M", backing="mid.qcow2", writes=["write -P 3 128k 64k"])
        self.create("other.qcow2", "2M", writes=["write -P 4 0 64k"])
        self.qemu("snapshot", "-c", "first", "other.qcow2")
        self.create("marked.qcow2", "2M")
        self.qemu("bitmap", "--add", "marked.qcow2", "marks")
        with open(self.path("base.raw"), "wb") as raw:
            raw.write(b"r" * (2 << 20))

    def state(self):
        found = {}
        for name in sorted(os.listdir(self.folder)):
            with open(self.path(name), "rb") as file:
                found[name] = file.read()
        return found

    def hold(self, kind, name, writes=True):
        image_format = "raw" if name.endswith(".raw") else "qcow2"
        return kind(self.sockets, self.path(name), image_format, writes)

    def assert_refused(self, verb, holder, before):
        done = img.ours(*verb.args, folder=self.folder)
        text = f"{' '.join(verb.args)}\n{done}"
        self.assertEqual(done.status, verb.status, text)
        self.assertIn(f"It is locked by {holder.who}", done.stderr.decode(), text)
        # QEMU's own sentence has two lines; a verb that has -U adds what that does
        self.assertLessEqual(done.stderr.count(b"\n") - done.stderr.count(b"\nWith -U "), 2, text)
        # it or an image below, which the same program has open
        self.assertRegex(done.stderr.decode(), rf"image \[.*{verb.held}\]|image \[(mid|base).qcow2\]",
                         text)
        self.assertTrue(self.state() == before, f"{text}\nsomething changed")

    def refuse_all(self, kind, verbs, writes=True):
        for name in sorted({verb.held for verb in verbs}):
            with self.hold(kind, name, writes) as holder:
                before = self.state()
                for verb in verbs:
                    if verb.held == name:
                        with self.subTest(holder=kind.__name__, verb=" ".join(verb.args)):
                            self.assert_refused(verb, holder, before)


@unittest.skipUnless(len(holders.ALL) == 4, "lacks qemu-system-x86, qemu-nbd, qemu-storage-daemon")
class Held(Files):
    def test_running_vm(self):
        self.refuse_all(holders.RunningVM, WRITING_VERBS + READING_VERBS)

    def test_paused_vm(self):
        self.refuse_all(holders.PausedVM, WRITING_VERBS + READING_VERBS)

    def test_qemu_nbd(self):
        self.refuse_all(holders.NbdServer, WRITING_VERBS + READING_VERBS)

    def test_storage_daemon(self):
        self.refuse_all(holders.StorageDaemon, WRITING_VERBS + READING_VERBS)

    def test_readers_are_not_disturbed(self):
        """Who only reads wants it to stay as it is."""
        self.refuse_all(holders.NbdServer, WRITING_VERBS, writes=False)

    def test_nobody(self):
        """The same commands work where nobody is in the way."""
        for verb in WRITING_VERBS + READING_VERBS[:1]:
            with self.subTest(verb=" ".join(verb.args)):
                done = img.ours(*verb.args, folder=self.folder)
                self.assertEqual(done.status, 0, done)
                self.tearDown()
                self.doCleanups()
                self.setUp()


class Races(unittest.TestCase):
    def race(self, *args, status=0):
        with tempfile.TemporaryDirectory(prefix="sinter-race-") as folder:
            image = os.path.join(folder, "image")
            with open(image, "wb") as file:
                file.truncate(1 << 20)
            done = subprocess.run([LOCK_RACE, image, str(N_RACING_OPENS), *args], check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
            print(done.stdout)
            return done.stdout

    def test_writers(self):
        self.race("write", "write", "write", "write")

    def test_writers_and_readers(self):
        self.race("write", "write", "read", "read")

    def test_a_blind_one_is_found_out(self):
        self.assertNotIn("met by somebody 0 times", self.race("write", "blind", status=1))

    def test_against_qemu_s_way(self):
        self.race("write", "write", "qemu-write", "qemu-read")


if __name__ == "__main__":
    unittest.main()
