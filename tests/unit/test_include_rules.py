# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may include whom: reads every #include of the house and holds docs/architecture.md's table."""

import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]', re.M)

# Prefixes of system headers, by the library that they belong to.
LIBRARIES = {
    "glib": ("glib", "glib.h", "glib/", "glib-object.h", "glib-unix.h", "gmodule.h", "gio/"),
    "libvirt": ("libvirt/",),
    "libvirt-glib": ("libvirt-glib/",),
    "libxml2": ("libxml/",),
    "json-glib": ("json-glib/",),
    "libsystemd": ("systemd/",),
    "polkit": ("polkit/",),
    "zlib": ("zlib.h",),
    "zstd": ("zstd.h", "zstd_errors.h"),
    "libdeflate": ("libdeflate.h",),
    "libseccomp": ("seccomp.h",),
}

# What each folder may use: rooms of the house, then libraries. The C library and the kernel's
# headers are everybody's.
RULES = {
    "common": ({"common"}, {"glib"}),
    "engine": ({"engine", "common"}, {"glib", "zlib", "zstd", "libdeflate"}),
    "xml": ({"xml", "common"}, {"glib", "libxml2"}),
    "plugins/include": ({"plugins/include", "daemon/value"}, {"glib"}),
    "plugins/registry": ({"plugins/registry", "plugins/include", "engine/include", "daemon/value",
                          "common"}, {"glib"}),
    "daemon": ({"daemon", "plugins/registry", "plugins/include", "xml", "engine/include", "common"},
               {"glib", "libvirt", "libvirt-glib", "json-glib", "libsystemd", "polkit"}),
    "daemon/value": ({"daemon/value", "common"}, {"glib"}),
    "daemon/worker": ({"daemon/worker", "engine/include", "common"},
                      {"glib", "json-glib", "libseccomp"}),
    "cli/shared": ({"cli/shared", "common"}, {"glib", "json-glib"}),
    "cli/sinter": ({"cli/sinter", "cli/shared", "xml/dbus", "common"}, {"glib", "json-glib"}),
    "cli/sinter-img": ({"cli/sinter-img", "cli/shared", "plugins/registry", "plugins/include",
                        "engine/include", "common"}, {"glib", "json-glib"}),
}

# What a plugin may use beside its own folder, the plugin headers and common, by its kind. A format
# may decompress; a policy and a remedy are pure. None knows another plugin or the registry.
PLUGIN_KINDS = {
    "format": ({"engine/include"}, {"glib", "zlib", "zstd"}),
    "policy": ({"daemon/value"}, {"glib"}),
    "remedy": ({"daemon/value"}, {"glib"}),
}
for plugin in sorted(os.listdir(os.path.join(TOP, "plugins"))):
    kind = plugin.partition("-")[0]
    if kind in PLUGIN_KINDS:
        rooms, libraries = PLUGIN_KINDS[kind]
        RULES[f"plugins/{plugin}"] = ({f"plugins/{plugin}", "plugins/include", "common", *rooms},
                                      libraries)

# Within these folders each layer uses only those below it.
LAYERS = {
    "engine": ["engine/io", "engine/format", "engine/qcow2/layout", "engine/qcow2/read", "engine/qcow2/check",
               "engine/qcow2/write", "engine/qcow2/change", "engine/qcow2/repair", "engine/qcow2/make", "engine/qcow2/rescue", "engine/qcow2", "engine/chain",
               "engine/ops/handle", "engine/ops/change", "engine/ops/transfer", "engine/ops/examine", "engine/ops/make",
               "engine/ops/merge", "engine/ops/salvage"],
    "cli/sinter": ["cli/sinter/bus", "cli/sinter/text", "cli/sinter/follow", "cli/sinter/commands", "cli/sinter"],
    "cli/sinter-img": ["cli/sinter-img/text", "cli/sinter-img/words", "cli/sinter-img/verbs", "cli/sinter-img"],
    "daemon": ["daemon/value", "daemon/worker", "daemon/watch", "daemon/plan", "daemon/diagnose",
               "daemon/work/virt", "daemon/work/record", "daemon/work/safety", "daemon/work/run", "daemon/work/chain",
               "daemon/work/live", "daemon/work/offline", "daemon/work/check", "daemon/work/resolve", "daemon/work/remedy",
               "daemon/work/snapshot",
               "daemon/work", "daemon/incident", "daemon/doctor", "daemon/policy",
               "daemon/service/bus", "daemon/service/objects", "daemon/service"],
}
# Upward all the same: copy-on-write reads what the backing chain holds.
UPWARD = {("engine/qcow2/write/qcow2-writer-state.h", "engine/chain/sinter-chain.h")}

# Kinds of jobs know nothing of each other.
APART = {"daemon/work/live", "daemon/work/offline"}

# Never, though it lies below: formats are known through the drivers' table alone.
UNSEEN = {("engine/ops", "engine/qcow2"), ("engine/chain", "engine/qcow2")}

# Made at build time, with what lies in that folder.
GENERATED = {"sinter-dbus.h": "xml/dbus", "sinter-value-types.h": "daemon/value"}


def sources():
    for root in ("common", "engine", "xml", "plugins", "daemon", "cli"):
        for folder, _, names in os.walk(os.path.join(TOP, root)):
            for name in sorted(names):
                if name.endswith((".c", ".h")):
                    yield os.path.relpath(os.path.join(folder, name), TOP)


def room_of(path):
    """The longest folder of RULES that holds the file."""
    return max((room for room in RULES if path.startswith(room + "/")), key=len)


def floor_of(path):
    """The key of LAYERS and the longest of its folders that hold the file."""
    return max(((house, floor) for house, floors in LAYERS.items() for floor in floors
                if path.startswith(floor + "/")), key=lambda at: len(at[1]), default=(None, None))


class IncludeRules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = list(sources())
        cls.by_name = {}
        for path in cls.files:
            cls.by_name.setdefault(os.path.basename(path), []).append(path)

    def resolve(self, path, name):
        """The house's own file that an #include names, or None for a system header."""
        beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
        if beside in self.files:
            return beside
        if name.startswith("sinter/"):
            public = "engine/include/" + name
            return public if public in self.files else None
        if name in GENERATED:
            return GENERATED[name] + "/" + name
        found = self.by_name.get(os.path.basename(name), [])
        self.assertLessEqual(len(found), 1, f"{path}: '{name}' could be any of {found}")
        return found[0] if found else None

    def includes(self):
        for path in self.files:
            with open(os.path.join(TOP, path), encoding="utf-8") as f:
                for quote, name in INCLUDE.findall(f.read()):
                    yield path, quote, name, self.resolve(path, name)

    def test_there_is_something_to_hold(self):
        self.assertGreater(len(self.files), 20)

    def test_rooms(self):
        bad = []
        for path, _, name, target in self.includes():
            allowed = RULES[room_of(path)][0]
            if target and not any(target.startswith(room + "/") for room in allowed):
                bad.append(f"{path} includes {target}")
        self.assertEqual(bad, [])

    def test_libraries(self):
        bad = []
        for path, quote, name, target in self.includes():
            if target or quote == '"':
                continue
            allowed = RULES[room_of(path)][1]
            library = next((lib for lib, prefixes in LIBRARIES.items()
                            if name.startswith(prefixes)), None)
            if library and library not in allowed:
                bad.append(f"{path} includes <{name}> of {library}")
        self.assertEqual(bad, [])

    def test_values_are_plain(self):
        """What a plugin is handed has no main loop and no bus behind it."""
        values = [(path, name) for path, _, name, _ in self.includes()
                  if path.startswith("daemon/value/")]
        self.assertNotEqual(values, [])
        self.assertEqual([v for v in values if v[1].startswith("gio/")], [])

    def test_quoted_includes_are_ours(self):
        bad = [f"{path} includes \"{name}\"" for path, quote, name, target in self.includes()
               if quote == '"' and not target]
        self.assertEqual(bad, [])

    def test_layers(self):
        bad = []
        for path, _, name, target in self.includes():
            house, mine = floor_of(path)
            other, theirs = floor_of(target or "")
            if not house or house != other:
                continue
            floors = LAYERS[house]
            if (path, target) in UPWARD:
                continue
            if floors.index(theirs) > floors.index(mine):
                bad.append(f"{path} includes {target}, which is above it")
        self.assertEqual(bad, [])

    def test_rooms_apart(self):
        bad = []
        for path, _, name, target in self.includes():
            mine, theirs = floor_of(path), target and floor_of(target)
            if {mine, theirs} <= APART and mine != theirs:
                bad.append(f"{path} includes {target}")
        self.assertEqual(bad, [])

    def test_unseen(self):
        bad = [f"{path} includes {target}" for path, _, _, target in self.includes()
               for one, other in UNSEEN
               if target and path.startswith(one + "/") and target.startswith(other + "/")]
        self.assertEqual(bad, [])


if __name__ == "__main__":
    unittest.main()
