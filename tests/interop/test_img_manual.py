# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img's manual page has every verb and every option that the program has, and no others."""

import os
import re
import subprocess
import unittest

SINTER_IMG = os.environ.get("SINTER_IMG", "sinter-img")
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "man",
                    "sinter-img.rst")
SHARED = "COMMON OPTIONS"
# a title above its underline
TITLE = re.compile(r"^(\S.*)\n([=-])\2+$", re.M)
OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][a-z-]*)")


def output_of(*args):
    return subprocess.run([SINTER_IMG, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          check=True, text=True).stdout


def verbs():
    listed = output_of("--help").partition("Verbs:\n")[2].partition("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def options_of(verb):
    """Each option's spellings, as the verb's help lists them."""
    lines = re.findall(r"^  (-.*?)(?:  |$)", output_of(verb, "--help"), re.M)
    return [OPTION.findall(re.sub(r"[= ][A-Z]+\S*", "", line)) for line in lines]


def sections():
    """Title to text."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    titles = list(TITLE.finditer(text))
    ends = [title.start() for title in titles[1:]] + [len(text)]
    return {title[1]: text[title.end():end] for title, end in zip(titles, ends)}


class Manual(unittest.TestCase):
    def setUp(self):
        self.sections = sections()

    def test_verbs(self):
        for verb in verbs():
            with self.subTest(verb=verb):
                self.assertIn(verb, self.sections)
                self.assertIn(f"**sinter-img {verb}**", self.sections[verb])

    def test_options(self):
        shared = set(OPTION.findall(self.sections[SHARED]))
        for verb in verbs():
            told = set(OPTION.findall(self.sections.get(verb, "")))
            known = set()
            for spellings in options_of(verb):
                with self.subTest(verb=verb, option=spellings[-1]):
                    known.update(spellings)
                    self.assertTrue(told & set(spellings) or spellings == ["-h", "--help"],
                                    f"the section '{verb}' does not name {spellings}")
                    for spelling in spellings:
                        self.assertIn(spelling, told | shared)
            with self.subTest(verb=verb, option="all"):
                self.assertLessEqual(told, known, "the manual names options that are not there")


if __name__ == "__main__":
    unittest.main()
