# SPDX-License-Identifier: LGPL-2.1-or-later
"""commit, rebase, merge and remove: what they say beside qemu-img, and what becomes of chains."""

import json
import os
import subprocess
import unittest

import img
import qemu
import twins

# What we refuse of random chains, and QEMU would do or cannot be asked to.
REFUSALS = (b"neither a merge down", b"whose size would change", b"there is nothing to merge",
            b"there is no image below it")


class ChainCase(twins.TwinCase):
    def chain(self):
        """base.raw <- mid.qcow2 <- top.qcow2, and what else there is to stand on."""
        self.qemu("create", "-q", "-f", "raw", "base.raw", "4M")
        self.io("write -P 9 0 1M", name="base.raw")
        self.create("mid.qcow2", "4M", backing="base.raw", backing_format="raw",
                    writes=["write -P 1 0 100k", "write -z 512k 64k"])
        self.create("top.qcow2", "8M", backing="mid.qcow2",
                    writes=["write -P 2 64k 64k", "write -P 3 6M 64k"])
        self.create("none.qcow2", "1M")
        self.qemu("create", "-q", "-f", "raw", "new.raw", "2M")
        self.io("write -P 7 0 256k", name="new.raw")


class Words(ChainCase):
    def setUp(self):
        super().setUp()
        self.chain()
        self.fork()

    def test_commit(self):
        for words in ([], ["a", "b"], ["none.qcow2"], ["-q", "none.qcow2"], ["-p", "none.qcow2"],
                      ["-b", "nix", "top.qcow2"], ["nofile"], ["-t", "foo", "top.qcow2"],
                      ["-r", "abc", "top.qcow2"], ["-r", "-1", "top.qcow2"], ["-b"],
                      ["-f", "raw", "top.qcow2"], ["-f", "foo", "top.qcow2"], ["--bla", "x"],
                      ["-b", "top.qcow2", "top.qcow2"], ["base.raw"], ["-d", "new.raw"],
                      ["--image-opts", "-f", "qcow2", "top.qcow2"]):
            with self.subTest(words=words):
                self.same("commit", *words)

    def test_rebase(self):
        long_name = "x" * 1000
        for words in ([], ["top.qcow2"], ["-b", "new.raw", "-F", "foo", "top.qcow2"],
                      ["-b", "nix", "-F", "raw", "top.qcow2"], ["-b", "nix", "top.qcow2"],
                      ["-u", "-b", "nix", "top.qcow2"],
                      ["-u", "-b", "nix", "-F", "foo", "top.qcow2"],
                      ["-t", "foo", "-b", "x", "top.qcow2"],
                      ["-T", "foo", "-b", "x", "top.qcow2"], ["-b", "new.raw", "top.qcow2"],
                      ["-u", "-b", "base.raw", "-F", "raw", "new.raw"],
                      ["-u", "-p", "-f", "raw", "-b", "base.raw", "-F", "raw", "new.raw"],
                      ["-b", "base.raw", "-F", "raw", "-f", "raw", "new.raw"],
                      ["-u", "-b", "x" * 1100, "-F", "raw", "top.qcow2"],
                      ["-u", "-b", long_name, "-F", "raw", "top.qcow2"],
                      ["-f", "qcow2", "--image-opts", "-b", "x", "top.qcow2"], ["-b"]):
            with self.subTest(words=[word[:20] for word in words]):
                self.same("rebase", *words)
        self.same("rebase", "-u", "-b", "mid.qcow2", "-F", "qcow2", "top.qcow2")
        self.assert_alike("top.qcow2")


class Outcome(ChainCase):
    def setUp(self):
        super().setUp()
        self.chain()
        self.fork()

    def every(self, names=("top.qcow2", "mid.qcow2", "base.raw")):
        for name in names:
            self.assert_alike(name)

    def test_commit(self):
        self.same("commit", "-p", "mid.qcow2")
        self.every()

    def test_commit_far(self):
        self.same("commit", "-b", "base.raw", "top.qcow2")
        self.every()

    def test_commit_keep(self):
        self.same("commit", "-d", "-r", "100M", "mid.qcow2")
        self.every()

    def test_commit_again(self):
        self.same("commit", "mid.qcow2")
        self.same("commit", "mid.qcow2")
        self.every()

    def test_commit_empties(self):
        """The overlay gives its space back, as QEMU's does."""
        self.same("commit", "mid.qcow2")
        sizes = [os.stat(os.path.join(folder, "mid.qcow2")).st_size
                 for folder in (self.folder, self.other)]
        self.assertEqual(*sizes)

    def test_rebase(self):
        self.same("rebase", "-p", "-b", "new.raw", "-F", "raw", "top.qcow2")
        self.every(["top.qcow2"])
        self.same("rebase", "-b", "", "top.qcow2")
        self.every(["top.qcow2"])

    def test_rebase_lower(self):
        self.same("rebase", "-b", "base.raw", "-F", "raw", "top.qcow2")
        self.every()

    def test_rebase_unsafe(self):
        self.same("rebase", "-u", "-b", "./mid.qcow2", "-F", "qcow2", "top.qcow2")
        self.every()
        self.same("rebase", "-u", "top.qcow2")
        self.every(["top.qcow2"])

    def test_compressed_in_part(self):
        """Of a compressed cluster below only a part shows: the other subclusters are zeros."""
        for folder in (self.folder, self.other):
            img.theirs("convert", "-c", "-O", "qcow2", "base.raw", "packed.qcow2", folder=folder)
            img.theirs("create", "-f", "qcow2", "-o", "extended_l2=on", "-b", "packed.qcow2", "-F",
                       "qcow2", "over.qcow2", folder=folder)
            qemu.qemu_io(os.path.join(folder, "over.qcow2"), "write -z 20k 8k", "write -z 100k 8k",
                         "write -P 4 256k 2k")
        self.same("rebase", "-b", "", "over.qcow2")
        self.every(["over.qcow2"])

    def test_rebase_snapshots(self):
        """A snapshot sees through the image as well: QEMU changes what it sees."""
        for folder in (self.folder, self.other):
            img.theirs("snapshot", "-c", "s", "top.qcow2", folder=folder)
        self.differ("what a snapshot shows stays", "rebase", "-b", "", "top.qcow2",
                    stderr="internal snapshots")

    def test_bitmaps(self):
        """The base's enabled bitmaps record what is committed, the overlay's what is copied."""
        for folder in (self.folder, self.other):
            for name in ("mid.qcow2", "top.qcow2"):
                img.theirs("resize", "-q", "mid.qcow2", "8M", folder=folder)
                img.theirs("bitmap", "--add", "-g", "64k", name, "b", folder=folder)
        self.same("commit", "top.qcow2")
        their, our = [self.marked(folder, "mid.qcow2") for folder in (self.folder, self.other)]
        self.assertEqual(our, their)
        self.assertGreater(len(our), 2)
        self.same("rebase", "-b", "new.raw", "-F", "raw", "top.qcow2")
        self.every(["top.qcow2"])

    def marked(self, folder, name):
        """What the bitmap says is dirty, as QEMU exports it to the one who asks first."""
        socket = os.path.join(folder, "nbd")
        subprocess.run(["qemu-nbd", "--fork", "-r", "-f", "qcow2", "-B", "b", "-k", socket,
                        os.path.join(folder, name)], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return json.loads(qemu.qemu_img(
            "map", "--output=json", "--image-opts", "driver=nbd,server.type=unix,server.path="
            f"{socket},x-dirty-bitmap=qemu:dirty-bitmap:b"))


class Merge(ChainCase):
    """The own verbs: judged by what QEMU reads."""

    def setUp(self):
        super().setUp()
        self.create("layer0", "8M", writes=["write -P 1 0 3M"])
        for i in range(1, 4):
            self.create(f"layer{i}", "8M", backing=f"layer{i - 1}",
                        writes=[f"write -P {i + 1} {i}M 512k", f"write -P {i + 5} 512k 64k"])
        self.top = self.content(self.folder, "layer3")

    def ours(self, *args, status=0):
        done = img.ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, done)
        return done

    def backing(self, name):
        info = json.loads(self.qemu("info", "--output=json", name))
        return info.get("backing-filename"), info.get("backing-filename-format")

    def assert_kept(self, *names):
        self.assertEqual(self.content(self.folder, names[0]), self.top)
        for name in names:
            self.assertEqual(img.theirs("check", name, folder=self.folder).status, 0)
        self.assertEqual([n for n in os.listdir(self.folder) if n.startswith(".")], [])

    def test_down(self):
        done = self.ours("merge", "--top", "layer2", "--base", "layer1", "--down", "layer3")
        self.assertEqual(done.stdout.decode(), "Image merged into 'layer1'.\n"
                         "It is the new backing file of 'layer3'.\n'layer2' is no longer needed.\n")
        self.assertEqual(self.backing("layer3"), ("layer1", "qcow2"))
        self.assert_kept("layer3", "layer1", "layer2")

    def test_up(self):
        self.ours("merge", "-t", "layer2", "-b", "layer1", "--up", "-d", "-q", "layer3")
        self.assertEqual(self.backing("layer2"), ("layer0", "qcow2"))
        self.assertFalse(os.path.exists(self.path("layer1")))
        self.assert_kept("layer3", "layer2", "layer0")

    def test_flatten(self):
        self.ours("merge", "--up", "--delete", "layer3")
        self.assertEqual(self.backing("layer3"), (None, None))
        self.assertEqual(os.listdir(self.folder), ["layer3"])
        self.assert_kept("layer3")

    def test_into_base(self):
        done = self.ours("merge", "--down", "--delete", "layer3")
        self.assertIn(b"It is now the top of the chain.", done.stdout)
        self.assertEqual(os.listdir(self.folder), ["layer0"])
        self.assert_kept("layer0")

    def test_cheaper(self):
        """Three megabytes of the base against half of one."""
        plan = json.loads(self.ours("merge", "-t", "layer1", "-b", "layer0", "--dry-run",
                                    "--output=json", "layer3").stdout)
        self.assertEqual((plan["direction"], plan["bytes-down"], plan["bytes-up"]),
                         ("down", 576 * 1024, 3 * 1024 * 1024 - 576 * 1024))
        plan = json.loads(self.ours("merge", "-t", "layer3", "-b", "layer2", "--dry-run",
                                    "--drop-shadowed", "--output=json", "layer3").stdout)
        self.assertEqual((plan["direction"], plan["bytes-up"], plan["bytes-shadowed"]),
                         ("up", 512 * 1024, 0))

    def test_shadowed(self):
        """A middle layer, shadowed in part, moves no more than what shows."""
        plan = json.loads(self.ours("merge", "-t", "layer2", "-b", "layer0", "--down",
                                    "--drop-shadowed", "--output=json", "layer3").stdout)
        self.assertEqual(plan["bytes-to-move"], 2 * 512 * 1024)
        self.assertEqual(plan["bytes-shadowed"], 64 * 1024)
        self.assert_kept("layer3", "layer0")

    def test_dry_run(self):
        before = {name: self.content(self.folder, name) for name in os.listdir(self.folder)}
        text = self.ours("merge", "-n", "layer3").stdout.decode()
        for line in ("direction: ", "bytes to move: ", "peak space (maximum): ",
                     "expected time: "):
            self.assertIn(line, text)
        self.assertEqual(before, {name: self.content(self.folder, name)
                                  for name in os.listdir(self.folder)})

    def test_remove(self):
        self.ours("remove", "-d", "layer3", "layer1")
        self.assertFalse(os.path.exists(self.path("layer1")))
        self.assert_kept("layer3", "layer2", "layer0")
        done = self.ours("remove", "layer3", "layer3", status=1)
        self.assertIn(b"is the top image", done.stderr)

    def test_other_folder(self):
        """A name that is relative to one folder is another in the next."""
        os.mkdir(self.path("sub"))
        self.qemu("create", "-q", "-f", "qcow2", "-b", "../layer3", "-F", "qcow2", "sub/top")
        self.ours("merge", "-t", "layer3", "-b", "layer2", "--down", "sub/top")
        self.assertEqual(self.backing("sub/top"), (self.path("layer2"), "qcow2"))
        self.assert_kept("sub/top", "layer2")

    def test_refusals(self):
        for words, said in ((["-t", "layer1", "-b", "layer2", "layer3"], "is below the base"),
                            (["-t", "nix", "layer3"], "Did not find 'nix'"),
                            (["-t", "layer1", "-b", "layer1", "layer3"], "nothing to merge"),
                            (["--down", "--up", "layer3"], "mutually exclusive"),
                            ([], "Expecting one")):
            self.assertIn(said, self.ours("merge", *words, status=1).stderr.decode())
        self.qemu("snapshot", "-c", "s", "layer2")
        done = self.ours("merge", "-t", "layer2", "-b", "layer1", "--up", "layer3", status=1)
        self.assertIn(b"internal snapshots", done.stderr)
        done = self.ours("merge", "-t", "layer2", "-b", "layer1", "-d", "layer3", status=1)
        self.assertIn(b"neither", done.stderr)

    def test_run_again(self):
        """A merge or a removal that is done is done, whoever asks again."""
        for words in (["remove", "-d", "layer3", "layer2"], ["remove", "layer3", "layer1"],
                      ["merge", "--down", "-t", "layer1", "layer3"], ["merge", "--up", "layer3"]):
            self.ours(*words)
            done = self.ours(*words)
            self.assertIn(b"Nothing left to do: ", done.stderr, words)
            self.assertEqual(self.ours(words[0], "-q", *words[1:]).stderr, b"", words)
        # what was not removed although it should be, and what never was there
        for words in (["remove", "-d", "layer3", "layer1"], ["remove", "layer3", "nix"]):
            self.assertIn(b"Did not find", self.ours(*words, status=1).stderr)

    def test_what_a_plan_shows(self):
        """Who uses an image, so that the merge would fail; which bitmaps the result lacks."""
        self.qemu("bitmap", "--add", "layer2", "marks")
        self.qemu("bitmap", "--add", "layer1", "kept")
        words = ["-t", "layer2", "-b", "layer1", "--down", "layer3"]
        plan = json.loads(self.ours("merge", "-n", "--output=json", *words).stdout)
        self.assertEqual(plan["holders"], [])
        self.assertEqual([(b["name"], os.path.basename(b["filename"])) for b in plan["lost-bitmaps"]],
                         [("marks", "layer2")])
        with subprocess.Popen([img.QEMU_IO, "-r", "-f", "qcow2", "layer1"], cwd=self.folder,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            process.stdin.write(b"length\n")
            process.stdin.flush()
            self.assertTrue(process.stdout.readline())
            said = self.ours("merge", "-n", *words).stdout.decode()
            self.assertRegex(said, r"in use: .*layer1 by process \d+ \(qemu-io\)")
            self.assertRegex(said, r"lost bitmap: marks of .*layer2")
            process.communicate(b"quit\n")
        self.assertRegex(self.ours("merge", *words).stderr.decode(),
                         "warning: the merged image does not have the bitmap 'marks' of '.*layer2'")

    def test_in_use(self):
        """Whoever has one of the images is named, and nothing is touched."""
        for name in ("layer3", "layer2", "layer1"):
            with self.writer(name):
                for words in (["merge", "--down", "-t", "layer2", "-b", "layer1", "layer3"],
                              ["merge", "--up", "-t", "layer2", "-b", "layer1", "layer3"],
                              ["remove", "layer3", "layer2"]):
                    done = self.ours(*words, status=1)
                    self.assertIn(b"(qemu-io)", done.stderr, words)
        self.assert_kept("layer3", "layer2", "layer1", "layer0")

    def test_foreign_journal(self):
        journal = self.path(".layer3.sinter-journal")
        with open(journal, "w", encoding="utf-8") as file:
            file.write("[merge]\nversion=1\nphase=moving\ndirection=down\nmember-0=layer2\n"
                       "member-1=layer1\nn-leftover=0\ntop=layer2\nbase=layer1\nchild=layer3\n"
                       "drop-shadowed=false\ndelete=false\n")
        done = self.ours("merge", "-t", "layer3", "-b", "layer2", "layer3", status=1)
        self.assertIn(b"was interrupted in this chain", done.stderr)
        self.ours("merge", "-t", "layer2", "-b", "layer1", "layer3")
        self.assert_kept("layer3", "layer1")
        with open(journal, "w", encoding="utf-8") as file:
            file.write("nothing that we know")
        done = self.ours("merge", "layer3", status=1)
        self.assertIn(b"is not valid", done.stderr)


class Random(unittest.TestCase):
    """Chains of every kind, one operation each: content stays, images are sound."""

    def setUp(self):
        print(f"# SINTER_SEED={img.SEED}")

    def test_random(self):
        done = {}
        for seed in range(img.SEED, img.SEED + img.ROUNDS * 2):
            with self.subTest(SINTER_SEED=seed), qemu.Folder() as folder:
                images = qemu.RandomImages(seed, folder)
                try:
                    images.chain(images.random.randrange(2, 6))
                    what = self.operate(images, folder)
                except qemu.Spoiled:
                    what = "spoiled"
                except AssertionError as error:
                    raise AssertionError("\n".join(images.log) + f"\n{error}") from error
                done[what] = done.get(what, 0) + 1
        print(f"# {done}")
        self.assertLess(done.get("spoiled", 0) + done.get("refused", 0), img.ROUNDS)

    def layers(self, folder):
        names = [n for n in os.listdir(folder.path) if n.startswith("layer") and
                 not n.endswith(".data")]
        return sorted(names, reverse=True)

    def content(self, folder, name, fmt):
        raw = folder.file("content.raw")
        qemu.qemu_img("convert", "-f", fmt, "-O", "raw", folder.file(name), raw)
        with open(raw, "rb") as file:
            content = file.read()
        os.remove(raw)
        return content

    def formats(self, folder):
        found = {}
        for name in self.layers(folder):
            info = json.loads(qemu.qemu_img("info", "--output=json", folder.file(name)))
            found[name] = info["format"]
        return found

    def choose(self, images, folder, names):
        """An operation: words, the images whose content stays, and the one that another takes
        over whole: who it is, and from whom."""
        rand = images.random
        top = names[0]
        kind = rand.choice(["commit", "commit-far", "rebase", "rebase-none", "rebase-lower",
                            "merge", "merge", "merge", "remove"])
        if kind == "commit":
            return kind, ["commit", rand.choice(["-d", "-q"]), folder.file(top)], names[:1], \
                (names[1], top)
        if kind == "commit-far":
            base = rand.choice(names[1:])
            return kind, ["commit", "-b", folder.file(base), folder.file(top)], names[:1], \
                (base, top)
        if kind == "rebase":
            images.raw("other", images.size())
            return kind, ["rebase", "-b", "other", "-F", "raw", folder.file(top)], names, None
        if kind == "rebase-none":
            return kind, ["rebase", "-b", "", folder.file(top)], names, None
        if kind == "rebase-lower":
            below = rand.choice(names[1:])
            return kind, ["rebase", "-b", below, "-F", self.formats(folder)[below],
                          folder.file(top)], names, None
        words = rand.choice([[], [], ["--down"], ["--up"]]) + rand.choice([[], ["-d"]])
        if kind == "remove":
            out = rand.randrange(1, len(names))
            return kind, ["remove", *words, folder.file(top), folder.file(names[out])], \
                names[:out], None
        first = rand.randrange(0, len(names) - 1)
        last = rand.randrange(first + 1, len(names))
        words += ["-t", folder.file(names[first]), "-b", folder.file(names[last]),
                  folder.file(top)]
        if rand.random() < 0.5:
            return kind, ["merge", "--drop-shadowed", *words], names[:1], None
        return kind, ["merge", *words], names[:first + 1], (names[last], names[first])

    def operate(self, images, folder):
        names = self.layers(folder)
        formats = self.formats(folder)
        for name in names:
            if formats[name] == "qcow2" and \
                    qemu.run(qemu.QEMU_IMG, "check", folder.file(name), check=False).returncode:
                raise qemu.Spoiled(name)
        kind, words, stays, taken = self.choose(images, folder, names)
        before = {name: self.content(folder, name, formats[name]) for name in names}
        images.log.append(" ".join(words))
        answer = qemu.run(img.SINTER_IMG, *words, check=False)
        if answer.returncode != 0:
            self.assertTrue(any(text in answer.stderr for text in REFUSALS), answer.stderr)
            kind, stays = "refused", names
        elif taken and (kind != "merge" or
                        f"/{taken[0]}'.\n" in answer.stdout.decode()):
            self.expect(before, *taken, keeps_end=kind != "merge")
            stays = stays + [taken[0]]
        self.judge(folder, formats, stays, before, answer)
        return kind

    def expect(self, before, name, other, keeps_end):
        """@name holds what @other held; where it is longer its own end, or zeros."""
        end = before[name][len(before[other]):]
        before[name] = before[other] + (end if keeps_end else bytes(len(end)))

    def judge(self, folder, formats, stays, before, answer):
        for name in stays:
            if os.path.exists(folder.file(name)):
                self.assertTrue(self.content(folder, name, formats[name]) == before[name],
                                f"'{name}' reads otherwise\n{answer.stdout}{answer.stderr}")
        for name in self.layers(folder):
            if formats[name] == "qcow2":
                self.assertEqual(qemu.run(qemu.QEMU_IMG, "check", folder.file(name),
                                          check=False).returncode, 0, name)


class Deep(img.ImgCase):
    """More images than anybody should have, and chains that would never end."""

    N = 400

    def said(self, *args, status=0):
        done = img.ours(*args, folder=self.folder)
        self.assertEqual(done.status, status, f"{args}: {done}")
        return done

    def test_many_images(self):
        self.create("0", "1M", writes=["write -P 7 64k 64k"])
        for i in range(1, self.N):
            self.said("create", "-q", "-u", "-f", "qcow2", "-b", str(i - 1), "-F", "qcow2", str(i),
                      "1M")
        top = str(self.N - 1)
        self.io("write -P 8 512k 64k", name=top)
        self.said("convert", "-O", "raw", top, "out")
        content = self.content("out")
        self.assertEqual((content[100000], content[550000], len(content)), (7, 8, 1 << 20))
        self.assertEqual(len(json.loads(self.said("info", "--backing-chain", "--output=json",
                                                  top).stdout)), self.N)
        self.assert_same("map", top)
        self.said("check", "--backing-chain", "-q", top)
        self.said("merge", "-q", "--down", "--delete", top)
        self.assertEqual(sorted(os.listdir(self.folder)), ["0", "out"])
        self.io("read -P 7 64k 64k", "read -P 8 512k 64k", name="0")

    def test_one_line(self):
        for i in range(1, 60):
            self.said("create", "-q", "-u", "-f", "qcow2", "-b", str(i - 1), "-F", "qcow2", str(i),
                      "1M")
        said = self.said("map", "59", status=1).stderr.decode()
        self.assertEqual(said, "PROGRAM: Could not open '59': Could not open backing file: "
                               "Could not open '0': No such file or directory\n")

    def test_loops(self):
        for name, below in (("base", None), ("mid", "base"), ("top", "mid")):
            self.create(name, "1M", backing=below)
        kept = {name: self.content(name) for name in ("base", "mid", "top")}
        for mode in (["-u"], []):
            for name, new in (("base", "top"), ("base", "mid"), ("mid", "top")):
                said = self.said("rebase", *mode, "-b", new, "-F", "qcow2", name, status=1).stderr
                self.assertRegex(said.decode(), f"the chain would loop: '{name}' is in the backing "
                                                f"chain of '{new}'")
        said = self.said("rebase", "-u", "-b", "base", "-F", "qcow2", "base", status=1).stderr
        self.assertIn(b"'base' cannot be its own backing file", said)
        said = self.said("rebase", "-b", "base", "-F", "qcow2", "base", status=1).stderr
        self.assertNotIn(b"locked by process", said)
        self.assertEqual({name: self.content(name) for name in kept}, kept)


if __name__ == "__main__":
    unittest.main()
