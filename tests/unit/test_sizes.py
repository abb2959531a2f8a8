# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small rooms: how long files and functions of the house may be."""

import re
import statistics
import sys
import os
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib import sources  # noqa: E402

PARTS = ("common", "engine", "xml", "plugins", "daemon", "cli")
FILE_MAX_LINES = 600
FUNCTION_MAX_LINES = 50
FUNCTION_MEDIAN_LINES = 11
PARAMETERS_MAX = 6

# Functions that libvirt, GLib or GDBus call: they say how.
LIBRARY_CALLBACKS = ("on_", "guarded_method_call")

# The formatter puts a function's opening and closing brace at a line's start.
FUNCTION = re.compile(r"^(?P<name>[A-Za-z_]\w*)\([^;{}]*\)\n\{\n(?P<body>.*?)^\}", re.M | re.S)
# A declaration ends with a semicolon, a definition goes on with its body.
PARAMETERS = re.compile(r"^[A-Za-z_][^\n#={};]*?\b(?P<name>\w+)\((?P<list>[^;{}()]*(?:\([^()]*\)[^;{}()]*)*)\)"
                        r"(?:\s*G_GNUC_\w+(?:\([^)]*\))?)?\s*[;{]", re.M)


def functions(text):
    """(name, lines of its body) of each function that a source defines."""
    return [(m["name"], m["body"].count("\n")) for m in FUNCTION.finditer(text)]


def count_parameters(text):
    """(name, number of parameters) of each function that a source declares or defines.

    What closes a list by convention does not count: an error, the data of a callback. Nor do
    callbacks whose form a library gives.
    """
    found = []
    for m in PARAMETERS.finditer(re.sub(r"\n(?=[A-Za-z_]\w*\()", " ", text)):
        flat = re.sub(r"\([^()]*\)", "", m["list"])
        flat = re.sub(r",\s*(GError \*\*|gpointer user_data$|void \*opaque$)\w*\s*$", "", flat)
        if not m["name"].startswith(LIBRARY_CALLBACKS):
            found.append((m["name"], flat.count(",") + 1))
    return found


class Sizes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.texts = sources.texts(PARTS, ".c", ".h")
        cls.functions = {(path, name): lines for path, text in cls.texts.items() if path.endswith(".c")
                         for name, lines in functions(text)}

    def test_there_is_something_to_hold(self):
        self.assertGreater(len(self.functions), 2000)

    def test_what_is_too_long_is_found(self):
        text = "int\nlong_one(int a, void (*b)(int, int),\n         int c)\n{\n" + "    a();\n" * 60 + "}\n"
        self.assertEqual(functions(text), [("long_one", 60)])
        self.assertEqual(count_parameters(text), [("long_one", 3)])

    def test_files(self):
        long = {path: text.count("\n") for path, text in self.texts.items()
                if text.count("\n") > FILE_MAX_LINES}
        self.assertEqual(long, {})

    def test_functions(self):
        long = {key: lines for key, lines in self.functions.items() if lines > FUNCTION_MAX_LINES}
        self.assertEqual(long, {})

    def test_median(self):
        self.assertLessEqual(statistics.median(self.functions.values()), FUNCTION_MEDIAN_LINES)

    def test_parameters(self):
        many = {(path, name): n for path, text in self.texts.items()
                for name, n in count_parameters(text) if n > PARAMETERS_MAX}
        self.assertEqual(many, {})


if __name__ == "__main__":
    unittest.main()
