# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ABI of libsinter is what sinter.map lists, and what the installed headers declare."""

import glob
import os
import re
import subprocess
import tempfile
import unittest

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..")
LIBRARY = os.environ["SINTER_LIBRARY"]
HEADERS = sorted(glob.glob(os.path.join(TOP, "engine/include/sinter/*.h")))
COMMON = [os.path.join(TOP, "common", name) for name in ("sinter-error.h", "sinter-progress.h")]

# what makes errors: for Sinter's own parts, which have the code in them
MAKERS = ("sinter_error_set_", "sinter_error_wrap", "sinter_error_prefix", "sinter_error_refuse")


def listed():
    with open(os.path.join(TOP, "engine", "sinter.map"), encoding="utf-8") as f:
        return set(re.findall(r"^\s+(sinter_\w+);", f.read(), re.M))


def exported():
    out = subprocess.run(["nm", "-D", "--defined-only", LIBRARY], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    names = {line.split()[2].split("@")[0] for line in out.splitlines() if " T " in line}
    return {name for name in names if name.startswith("sinter_")}


def declared():
    names = set()
    for path in HEADERS + COMMON:
        with open(path, encoding="utf-8") as f:
            text = re.sub(r"/\*.*?\*/", "", f.read(), flags=re.S)
        names |= set(re.findall(r"^[\w \*]*?\b(sinter_\w+)\(", text, re.M))
    return {name for name in names if not name.startswith(MAKERS)}


class Abi(unittest.TestCase):
    def test_listed_is_exported(self):
        self.assertEqual(exported(), listed())

    def test_declared_is_listed(self):
        self.assertEqual(declared(), listed())

    def test_headers_are_documented(self):
        """Each says its units, errors and threads; each function belongs to a comment."""
        for path in HEADERS + COMMON:
            with open(path, encoding="utf-8") as f:
                text = f.read()
            section = re.search(r"/\*\*\n \* SECTION:\w+\n(.*?)\*/", text, re.S)
            for word in ("Units:", "Errors:", "Threads:"):
                self.assertIn(word, section[1] if section else "", os.path.basename(path))
            for paragraph in re.split(r"\n\n(?! \*)", text.partition("G_BEGIN_DECLS")[2]):
                if re.search(r"^[A-Za-z][\w \*]*?\bsinter_\w+\(", paragraph, re.M):
                    self.assertTrue(paragraph.lstrip().startswith("/*"), f"{path}: {paragraph}")

    def test_headers_stand_alone(self):
        """Each installed header compiles by itself, as C and as C++."""
        flags = subprocess.run(["pkg-config", "--cflags", "gio-2.0"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout.split()
        with tempfile.TemporaryDirectory() as folder:
            for path in HEADERS:
                for language, compiler in (("c", "cc"), ("c++", "c++")):
                    source = os.path.join(folder, "alone")
                    with open(source, "w", encoding="utf-8") as f:
                        f.write(f"#include <sinter/{os.path.basename(path)}>\n")
                    done = subprocess.run(
                        [compiler, "-x", language, "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                         "-I", os.path.join(TOP, "engine/include"),
                         "-I", os.path.join(TOP, "common"), *flags, source],
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
                    self.assertEqual(done.returncode, 0, done.stdout)


if __name__ == "__main__":
    unittest.main()
