# SPDX-License-Identifier: LGPL-2.1-or-later
"""The project's C sources as tests read them: without comments and string literals."""

import os
import re

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# A comment, a string or a character; what a string holds is no code.
TOKEN = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"|<(?=sinter/))([^">]+)[">]', re.M)


def paths(parts, *endings):
    """The files of the folders @parts that end so, relative to the project's top."""
    for part in parts:
        for folder, _, names in os.walk(os.path.join(TOP, part)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(folder, name), TOP)


def read(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return f.read()


def strip(text):
    """@text with comments blanked and strings emptied; lines stay where they are."""
    def blank(match):
        token = match[0]
        if token.startswith("/"):
            return "\n" * token.count("\n")
        return token[0] + token[-1]
    return TOKEN.sub(blank, text)


def texts(parts, *endings):
    """{path: text} of all such files, stripped."""
    return {path: strip(read(path)) for path in paths(parts, *endings)}


def includes(parts):
    """{path: the project's own headers that it includes}; public ones are named <sinter/…>."""
    files = set(paths(parts, ".c", ".h"))
    by_name = {os.path.basename(path): path for path in sorted(files) if path.endswith(".h")}

    def resolve(path, name):
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        public = "engine/include/" + name
        return next((p for p in (beside, public) if p in files), None) or \
            by_name.get(os.path.basename(name))

    return {path: {target for name in INCLUDE.findall(read(path))
                   if (target := resolve(path, name))} for path in sorted(files)}
