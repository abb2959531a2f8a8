# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter-img's bash completion offers what the program has."""

import os
import subprocess
import unittest

SINTER_IMG = os.environ.get("SINTER_IMG", "sinter-img")
FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "packaging",
                    "completions", "sinter-img")
SCRIPT = """
source "$1"; shift
compopt() { echo files; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_sinter_img
printf '%s\\n' "${COMPREPLY[@]}"
"""


def complete(*words):
    env = {**os.environ, "PATH": os.path.dirname(SINTER_IMG) + ":" + os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", SCRIPT, "bash", FILE, "sinter-img", *words], env=env,
                          stdin=subprocess.DEVNULL, capture_output=True, check=True, text=True)
    assert done.stderr == "", done.stderr
    return [line for line in done.stdout.splitlines() if line]


class Completion(unittest.TestCase):
    def test_verbs(self):
        verbs = complete("")
        self.assertLessEqual({"check", "convert", "defragment", "salvage"}, set(verbs))
        self.assertEqual(complete("sal"), ["salvage"])
        self.assertEqual(complete("--plugin-dir", "=", "x", "sal"), ["salvage"])

    def test_options(self):
        self.assertLessEqual({"--map", "--fill", "--retries", "-O"}, set(complete("salvage", "-")))
        self.assertEqual(complete("salvage", "--ma"), ["--map"])
        self.assertEqual(complete("check", "--exit"), ["--exit-kind"])

    def test_values(self):
        self.assertEqual(complete("convert", "-O", "q"), ["qcow2"])
        self.assertEqual(complete("check", "--output", "=", "j"), ["json"])
        self.assertEqual(complete("dump", "-a", "--tables", "=", "ref"), ["refcounts"])
        self.assertEqual(complete("check", "-r", "l"), ["leaks"])

    def test_files(self):
        self.assertEqual(complete("check", "web"), ["files"])
        self.assertEqual(complete("salvage", "--map", "web"), ["files"])
        self.assertEqual(complete("commit", "-r", "1"), ["files"])


if __name__ == "__main__":
    unittest.main()
