# SPDX-License-Identifier: LGPL-2.1-or-later
"""Names that images carry, on a terminal: whatever verb prints them, nothing controls the terminal,
and no name begins a line of its own. Into a pipe they go as they are."""

import os
import pty
import re
import select
import struct
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE]
from img import SECRET, SINTER_IMG, ImgCase, ours  # noqa: E402

# A sequence that a terminal obeys, its 8-bit form, a right-to-left mark, a line of its own, a bell.
EVIL = "e\x1b[31m\u009b2J\u202e\nFAKE line\r\x07\x7f"
SHORT = "q\x1b[1m\x07\nFAKE"      # at most 15 bytes
# As it is shown by us, by the engine, which has fewer characters for features, and in JSON.
MASKED = r"e(\\x1b|\\u001B|\?)\[31m"
ALLOWED = re.compile("[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069]*")


def on_terminal(*args, folder):
    """All that it says, to a terminal."""
    ours_end, their_end = pty.openpty()
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})
    with subprocess.Popen([SINTER_IMG, *args], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                          stdout=their_end, stderr=their_end) as process:
        os.close(their_end)
        said = b""
        while select.select([ours_end], [], [], 60)[0]:
            try:
                part = os.read(ours_end, 65536)
            except OSError:     # nobody has the other end open any more
                break
            if not part:
                break
            said += part
    os.close(ours_end)
    return process.returncode, said


class Terminal(ImgCase):
    def setUp(self):
        super().setUp()
        self.create("plain.qcow2", "1M", writes=["write -P 1 0 128k"])

    def check(self, *args, seen=False):
        """`seen`: the name is among what is said, masked."""
        with self.subTest(args=args):
            status, said = on_terminal(*args, folder=self.folder)
            self.assertGreaterEqual(status, 0, "killed by a signal")
            text = said.decode("utf-8")
            self.assertTrue(ALLOWED.fullmatch(text), repr(text))
            self.assertEqual([line for line in text.splitlines() if line.startswith("FAKE")], [],
                             repr(text))
            if seen:
                self.assertRegex(text, MASKED)
            return text

    def test_backing_name(self):
        self.qemu("create", "-q", "-u", "-f", "qcow2", "-b", EVIL, "-F", "qcow2", "over", "1M")
        for args in (["info"], ["info", "--output=json"], ["dump"], ["check"], ["measure"],
                     ["map", "--output=json"]):
            self.check(*args, "over", seen=args[0] in ("info", "map"))
        for args in (["info", "--backing-chain"], ["map"], ["commit"], ["merge"], ["merge", "-n"],
                     ["check", "--backing-chain"], ["convert", "-O", "raw"],
                     ["rebase", "-b", ""], ["compare", "plain.qcow2"]):
            words = [*args, "over", *(["out"] if args[0] == "convert" else [])]
            self.check(*words, seen=True)
        self.check("remove", "over", EVIL, seen=True)

    def test_chain_of_names(self):
        """Files that have such names, in verbs that find them and in those that fail."""
        os.rename(self.path("plain.qcow2"), self.path(EVIL))
        self.qemu("create", "-q", "-f", "qcow2", "-b", EVIL, "-F", "qcow2", "over")
        self.io("write -P 2 64k 64k", name="over")
        for args in (["info", "--backing-chain", "over"], ["map", "over"],
                     ["check", "--backing-chain", "over"], ["merge", "-n", "over"],
                     ["locks", EVIL], ["rebase", "-b", "/nowhere/" + EVIL, "-F", "raw", "over"],
                     ["resize", EVIL, "1"], ["bench", "-w", "-c", "1", "/nowhere/" + EVIL],
                     ["merge", "over"]):
            self.check(*args, seen=args[0] not in ("locks", "resize"))

    def test_backing_format(self):
        self.qemu("create", "-q", "-u", "-f", "qcow2", "-b", "plain.qcow2", "-F", "qcow2", "over",
                  "1M")
        image = self.content("over")
        at = image.index(b"\xe2\x79\x2a\xca")
        self.poke("over", at + 4, struct.pack(">I", len(SHORT)) + SHORT.encode().ljust(16, b"\0"))
        for args in (["info"], ["info", "--output=json"], ["check"], ["check", "--backing-chain"],
                     ["dump"], ["dump", "--all"], ["commit"], ["map"]):
            self.check(*args, "over")

    def test_snapshots(self):
        self.qemu("snapshot", "-c", EVIL, "plain.qcow2")
        for args in (["snapshot", "-l"], ["info"], ["info", "--output=json"], ["dump"],
                     ["dump", "--all"], ["merge", "-n"]):
            self.check(*args, "plain.qcow2", seen=args[0] in ("snapshot", "info"))
        for args in (["snapshot", "-a", "x" + EVIL, "plain.qcow2"],
                     ["snapshot", "-d", "x" + EVIL, "plain.qcow2"],
                     ["convert", "-l", "x" + EVIL, "-O", "raw", "plain.qcow2", "out"]):
            self.check(*args)
        # a damaged L1 table of the snapshot, so that findings name it
        image = self.content("plain.qcow2")
        table = int.from_bytes(image[64:72], "big")
        self.poke("plain.qcow2", table, (0x1234567).to_bytes(8, "big"))
        for args in (["check"], ["check", "--output=json"], ["dump"], ["dump", "--findings"],
                     ["snapshot", "-a", EVIL], ["snapshot", "-d", EVIL], ["resize"]):
            words = [*args, "plain.qcow2", *(["2M"] if args[0] == "resize" else [])]
            self.check(*words)

    def test_bitmaps(self):
        self.qemu("bitmap", "--add", "plain.qcow2", EVIL)
        for args in (["info"], ["info", "--output=json"], ["dump"], ["dump", "--all"], ["check"],
                     ["measure"]):
            self.check(*args, "plain.qcow2", seen=args[0] == "info")
        self.create("small.qcow2", "64k")
        self.check("bitmap", "--merge", EVIL, "-b", "plain.qcow2", "small.qcow2", "none")
        # left in use: every command that meets it says so
        image = self.content("plain.qcow2")
        at = image.index(EVIL.encode()) - 24 + 12
        self.poke("plain.qcow2", at, struct.pack(">I", 3))
        for args in (["bitmap", "--clear", "plain.qcow2", EVIL],
                     ["convert", "-O", "qcow2", "--bitmaps", "plain.qcow2", "out"],
                     ["convert", "-O", "qcow2", "--bitmaps", "--skip-broken-bitmaps",
                      "plain.qcow2", "out"], ["check", "plain.qcow2"],
                     ["dump", "plain.qcow2"]):
            self.check(*args, seen=args[0] in ("bitmap", "convert"))
        self.qemu("create", "-q", "-f", "qcow2", "-b", "plain.qcow2", "-F", "qcow2", "over")
        self.check("commit", "over", seen=True)

    def test_features(self):
        image = self.content("plain.qcow2")
        at = image.index(b"\x68\x03\xf8\x57")
        # the first row of the table names incompatible bit 40
        self.poke("plain.qcow2", at + 8, bytes([0, 40]) + EVIL.encode().ljust(46, b"\0")[:46])
        self.check("dump", "--all", "plain.qcow2", seen=True)
        self.poke("plain.qcow2", 72, bytes([0, 0, 1, 0, 0, 0, 0, 0]))
        for args in (["info"], ["check"], ["map"], ["dump"], ["snapshot", "-l"], ["resize"]):
            words = [*args, "plain.qcow2", *(["2M"] if args[0] == "resize" else [])]
            self.check(*words, seen=args[0] not in ("dump",))

    def test_data_file(self):
        self.qemu("create", "-q", "-f", "qcow2", "-o", f"data_file={EVIL}", "data", "1M")
        for args in (["info"], ["info", "--output=json"], ["dump"], ["map"], ["check"]):
            self.check(*args, "data", seen=args[0] in ("info",))
        os.unlink(self.path(EVIL))
        for args in (["map"], ["convert", "-O", "raw"], ["commit"], ["bench", "-c", "1"],
                     ["resize"]):
            words = [*args, "data", *({"convert": ["out"], "resize": ["2M"]}.get(args[0], []))]
            self.check(*words)

    def test_encryption(self):
        self.qemu("create", "-q", *SECRET, "-f", "qcow2", "-o",
                  "encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10", "luks", "1M")
        at = self.content("luks").index(b"LUKS\xba\xbe")
        for field in (8, 40, 72, 168):       # cipher, mode, hash, uuid
            self.poke("luks", at + field, EVIL.encode()[:30].ljust(32, b"\0"))
            for args in (["info"], ["info", "--output=json"], ["dump"], ["dump", "--all"],
                         ["check"], ["convert", "-O", "raw"]):
                self.check(*args, "luks", *(["out"] if args[0] == "convert" else []))

    def test_new_images(self):
        """What create says of its options."""
        for args in (["create", "-f", "qcow2", EVIL, "1M"],
                     ["create", "-f", "qcow2", "-o", f"data_file={EVIL}", "new", "1M"],
                     ["create", "-f", "qcow2", "-b", EVIL, "-F", "qcow2", "/nowhere/new"]):
            self.check(*args, seen=True)

    def test_what_a_copy_lacks(self):
        self.qemu("snapshot", "-c", "one", "plain.qcow2")
        self.qemu("bitmap", "--add", "plain.qcow2", "marks")
        text = self.check("convert", "-O", "qcow2", "plain.qcow2", "out")
        self.assertIn("Not copied: 1 internal snapshot\r\n", text)
        self.assertIn("Not copied: 1 dirty bitmap (--bitmaps copies them)\r\n", text)
        self.assertNotIn("bitmap", self.check("convert", "--bitmaps", "-O", "qcow2", "plain.qcow2",
                                              "out"))
        self.assertNotIn("Not copied", self.check("convert", "-q", "-O", "qcow2", "plain.qcow2",
                                                  "out"))
        done = ours("convert", "-O", "qcow2", "plain.qcow2", "out", folder=self.folder)
        self.assertEqual(done.stderr, b"")
        for word in ("-v", "--verbose"):
            done = ours("convert", word, "-O", "qcow2", "plain.qcow2", "out", folder=self.folder)
            self.assertIn(b"Not copied: 1 dirty bitmap (--bitmaps copies them)\n", done.stderr)

    def test_ways_on(self):
        """A verb with a typing error, the help of one, an image that is locked."""
        done = ours("snapshto", "-l", "plain.qcow2", folder=self.folder)
        self.assertIn(b"Command not found: snapshto; did you mean 'snapshot'?\n", done.stderr)
        self.assert_same("bogus")
        for words, meant in ((["check", "--ouput=json"], "output"),
                             (["convert", "--targetiszero", "a", "b"], "target-is-zero"),
                             (["merge", "--drop-shadow", "--dleete"], "delete"),
                             (["--plugindir=x", "info"], "plugin-dir")):
            done = ours(*words, folder=self.folder)
            self.assertEqual(done.status, 1)
            self.assertIn(f"unrecognized option '{[word for word in words if '-' in word][-1]}'; "
                          f"did you mean '--{meant}'?\n".encode(), done.stderr)
        self.assert_same("info", "--bogus", "plain.qcow2")
        for words in (["help", "snapshot"], ["snapshot", "--help"]):
            self.assertIn(b"Lists, creates, applies or deletes internal snapshots",
                          ours(*words, folder=self.folder).stdout)
        with self.writer("plain.qcow2"):
            done = ours("info", "plain.qcow2", folder=self.folder)
            self.assertIn(b"\nWith -U it is read without a lock", done.stderr)
            self.assertEqual(ours("info", "-U", "plain.qcow2", folder=self.folder).status, 0)

    def test_pipe(self):
        """A pipe is no terminal: what qemu-img writes is written."""
        self.qemu("snapshot", "-c", EVIL, "plain.qcow2")
        done = ours("snapshot", "-l", "plain.qcow2", folder=self.folder)
        self.assertIn(EVIL.encode(), done.stdout)
        self.assert_same("info", "plain.qcow2")

    def test_what_is_masked(self):
        """The names are dangerous, and this is seen where nothing masks them."""
        self.assertFalse(ALLOWED.fullmatch(EVIL))
        self.assertFalse(ALLOWED.fullmatch(SHORT))
        self.assertTrue(ALLOWED.fullmatch("a\r\n\tb ä \\x1b"))


if __name__ == "__main__":
    unittest.main()
