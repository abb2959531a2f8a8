# SPDX-License-Identifier: LGPL-2.1-or-later
"""Errors are values: reads the sources and finds no code that decides by an error's message, takes
one apart or rewrites it. Code decides by domain, code and what the error carries
(common/sinter-error.h); messages are for people."""

import glob
import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROOMS = ("common", "engine", "xml", "plugins", "daemon", "cli")
# What is worded from what errors carry, by sinter-img.
WORDED = ("engine/", "cli/sinter-img/", "plugins/registry/")

MESSAGE = r"\w+(?:(?:->|\.)\w+)*(?:->|\.)message\b"
LOOKS = ("strcmp", "strncmp", "strcasecmp", "strncasecmp", "strstr", "strcasestr", "strchr",
         "strrchr", "strlen", "strspn", "strcspn", "strpbrk", "memcmp", "sscanf", "fnmatch",
         "g_strcmp0", "g_str_equal", "g_str_has_prefix", "g_str_has_suffix", "g_strstr_len",
         "g_strrstr", "g_strrstr_len", "g_str_hash", "g_strsplit", "g_ascii_strcasecmp",
         "g_ascii_strncasecmp", "g_regex_match", "g_regex_match_simple", "g_pattern_match_simple",
         "g_utf8_offset_to_pointer", "g_str_match_string")
# A call that looks into a text, up to the argument; one pair of brackets may stand before it.
CALL = r"\b(?:" + "|".join(LOOKS) + r")\s*\((?:[^();{}]|\([^();{}]*\))*?"

# The one use that is allowed: to say the same line only once. By file, the comparison.
SAID_ALREADY = {
    "daemon/watch/sinter-connection.c": "g_strcmp0(self->last_problem, error->message",
    "daemon/watch/sinter-inventory.c": "g_strcmp0(self->last_problem, error->message",
    "daemon/work/run/sinter-job-run.c": "g_strcmp0(run->news.trouble, error->message",
}

RULES = (
    ("looks into a message", CALL + MESSAGE),
    ("takes a message apart", MESSAGE + r"\s*(?:\+[^+=]|\[)"),
    ("takes a message apart", r"(?<![\w)\]])(?<!\w )\*\s*" + MESSAGE + r"\s*(?:==|!=|<|>)"),
    ("rewrites a message", MESSAGE + r"\s*=[^=]"),
)
ALIAS = re.compile(r"\b(?:const )?char \*(\w+) = " + MESSAGE + r"|\b(\w+) = " + MESSAGE + ";")


def without_comments(text):
    blank = lambda match: re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"/\*.*?\*/", blank, text, flags=re.S)


def functions(text):
    """(where it begins, its body) for each function; what lies outside is of no interest."""
    for match in re.finditer(r"^\{\n.*?^\}", text, re.M | re.S):
        yield match.start(), match[0]


def find(text):
    """(line number, rule, the source) of each use of a message that is not only passed on."""
    text = without_comments(text)
    found = []
    for start, body in functions(text):
        rules = list(RULES)
        for alias in {one or other for one, other in ALIAS.findall(body)}:
            # what a message is called for a while
            rules += [("looks into a message", CALL + rf"\b{alias}\b"),
                      ("takes a message apart", rf"\b{alias} (?:\+=|\+ )")]
        for what, pattern in rules:
            for match in re.finditer(pattern, body):
                line = text.count("\n", 0, start + match.start()) + 1
                found.append((line, what, " ".join(match[0].split())))
    return found


def sources():
    for room in ROOMS:
        for kind in "ch":
            yield from glob.glob(os.path.join(TOP, room, "**", "*." + kind), recursive=True)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


class ErrorsAreValues(unittest.TestCase):
    maxDiff = None

    def test_nothing_decides_by_a_message(self):
        wrong = []
        seen = set()
        for path in sorted(sources()):
            name = os.path.relpath(path, TOP)
            for line, what, source in find(read(path)):
                if SAID_ALREADY.get(name) == source:
                    seen.add(name)
                else:
                    wrong.append(f"{name}:{line}: {what}: {source}")
        self.assertEqual(wrong, [])
        self.assertEqual(seen, set(SAID_ALREADY), "an exception that nothing needs")

    def test_prefixes_are_carried(self):
        """g_prefix_error() changes the message only, which sinter-img does not read."""
        wrong = [os.path.relpath(path, TOP) for path in sorted(sources())
                 if re.search(r"\bg_prefix_error\(|\bg_propagate_prefixed_error\(", read(path)) and
                 os.path.relpath(path, TOP).startswith(WORDED)]
        self.assertEqual(wrong, [])

    def test_what_is_found(self):
        """Each of these is found, and the plain uses are not."""
        wrong = ('if (g_str_has_prefix(error->message, "x"))',
                 'if (g_str_has_suffix(self->cause->message, WORDS))',
                 'return strstr(strip(text), error->message) != NULL;',
                 'if (strcmp(\n        error->message, "x") == 0)',
                 'g_assert(g_str_equal(first->message, second->message));',
                 'puts(error->message + strlen(prefix));',
                 'putchar(error->message[0]);',
                 'if (*error->message == 0)',
                 'error->message = text;',
                 'const char *why = error->message;\n    if (strncmp(why, "x", 1))',
                 'const char *why = error->message;\n    why += 3;',
                 'const char *why;\n    why = local->message;\n    return strchr(why, 58);')
        plain = ('puts(error->message);', 'g_warning("%s", error->message);',
                 'self->text = g_strdup(error->message);',
                 'const char *why = error->message;\n    puts(why);',
                 'if (error->message) /* strcmp(error->message, "x") */',
                 'sinter_log(strlen(path), "%s: %s", path, error->message);')
        for body in wrong:
            self.assertTrue(find("void\nf(void)\n{\n    " + body + "\n}\n"), body)
        for body in plain:
            self.assertEqual(find("void\nf(void)\n{\n    " + body + "\n}\n"), [], body)


if __name__ == "__main__":
    unittest.main()
