# SPDX-License-Identifier: LGPL-2.1-or-later
"""Texts that users see: none sends its reader to a command of another program, or to a command of
QEMU's monitor, for what this one does."""

import glob
import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = ("common", "engine", "plugins", "cli/sinter-img")

LITERAL = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
ELSEWHERE = re.compile(r"'(?:qemu-img|qemu-io|virsh) [a-z]+|\bblock(?:dev)?-[a-z]+-[a-z-]+")


def literals(text):
    """String literals, those of one text joined."""
    text = re.sub(r"/\*.*?\*/|^#[^\n]*$", "", text, flags=re.S | re.M)
    return LITERAL.findall(re.sub(r'"\s*\n\s*"', "", text))


def find(text):
    return [match[0] for literal in literals(text) for match in ELSEWHERE.finditer(literal)]


class Texts(unittest.TestCase):
    def test_no_other_program(self):
        wrong = []
        for room in ROOMS:
            for path in glob.glob(os.path.join(TOP, room, "**", "*.c"), recursive=True):
                with open(path, encoding="utf-8") as file:
                    wrong += [f"{os.path.relpath(path, TOP)}: {what}" for what in find(file.read())]
        self.assertEqual(sorted(wrong), [])

    def test_what_is_found(self):
        for text in ('puts("You can use \'qemu-img rebase\' instead.");',
                     'puts("repair it with \'qemu-img "\n     "check -r all\'");',
                     'puts("Try block-dirty-bitmap-remove to delete it");'):
            self.assertTrue(find(text), text)
        for text in ('puts("qemu-img version 1");', '/* "qemu-img check" */',
                     'puts("the words of qemu-img");', 'puts("a block device");'):
            self.assertEqual(find(text), [], text)


if __name__ == "__main__":
    unittest.main()
