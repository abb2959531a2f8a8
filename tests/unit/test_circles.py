# SPDX-License-Identifier: LGPL-2.1-or-later
"""No circles: among the modules of the house, who uses whom goes one way.

A module is a C file with the header of its name, or a header alone. It uses another where it
includes that one's header, or names a function that the other defines, by a call or as a callback.
Signals, vtables and callbacks that are handed in are how a module reaches its users.
"""

import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lib import sources  # noqa: E402

PARTS = ("common", "engine", "xml", "plugins", "daemon", "cli")

# The formatter puts the return type on a line of its own: a name at a line's start is a definition.
DEFINITION = re.compile(r"^(?P<type>[A-Za-z_][^\n#/{}=;]*)\n(?P<name>[A-Za-z_]\w*)\([^;{}]*\)\n\{", re.M)
IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*\b")


def defined_functions(text):
    """Names of the functions with external linkage that a source file defines."""
    return {m["name"] for m in DEFINITION.finditer(text) if not m["type"].startswith("static")}


def module_of(path):
    return os.path.splitext(path)[0]


def use_graph(texts, includes=None):
    """module -> {other module: why}, of {path: text without comments} and {path: {path}}."""
    home = {}
    for path, text in texts.items():
        for name in defined_functions(text):
            home.setdefault(name, module_of(path))
    graph = {}
    for path, text in texts.items():
        uses = graph.setdefault(module_of(path), {})
        for name in sorted(set(IDENTIFIER.findall(text))):
            target = home.get(name)
            if target and target != module_of(path):
                uses.setdefault(target, name + "()")
    for path, targets in (includes or {}).items():
        uses = graph.setdefault(module_of(path), {})
        for target in map(module_of, targets):
            if target != module_of(path):
                uses.setdefault(target, "#include")
    return graph


def circles(graph):
    """The strongly connected components of more than one module (Tarjan's algorithm)."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            members = []
            while not members or members[-1] != node:
                members.append(stack.pop())
            if len(members) > 1:
                found.append(sorted(members))

    sys.setrecursionlimit(10000)
    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(found)


def describe(circle, graph):
    """One line an edge inside the circle, so that the message says what to cut."""
    lines = [f"circle of {len(circle)} modules:"]
    for path in circle:
        for target, name in sorted(graph[path].items()):
            if target in circle:
                lines.append(f"  {path} -> {target}: {name}")
    return "\n".join(lines)


class Circles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.graph = use_graph(sources.texts(PARTS, ".c"), sources.includes(PARTS))

    def test_there_is_something_to_hold(self):
        self.assertGreater(len(self.graph), 200)
        self.assertGreater(sum(len(uses) for uses in self.graph.values()), 1000)

    def test_a_circle_is_found(self):
        texts = {"a.c": "void\na_do(void)\n{\n    b_do();\n}\n",
                 "b.c": "Thing *\nb_do(void)\n{\n    c_do();\n}\n",
                 "c.c": "int\nc_do(void)\n{\n    return call(a_do);\n}\n",
                 "d.c": "static void\na_do(void)\n{\n}\nvoid\nd_do(void)\n{\n    b_do();\n}\n"}
        self.assertEqual(circles(use_graph(texts)), [["a", "b", "c"]])

    def test_a_circle_of_includes_is_found(self):
        includes = {"a.c": {"a.h", "b.h"}, "b.h": {"c.h"}, "c.c": {"a.h"}, "d.c": {"a.h"}}
        self.assertEqual(circles(use_graph({}, includes)), [["a", "b", "c"]])

    def test_no_circle(self):
        found = circles(self.graph)
        if found:
            self.fail("\n" + "\n".join(describe(circle, self.graph) for circle in found))


if __name__ == "__main__":
    unittest.main()
