# SPDX-License-Identifier: LGPL-2.1-or-later
"""The shipped XML is what the daemon says of itself, interface by interface."""

import unittest
import xml.etree.ElementTree as ElementTree

import images_of
from lib import stage
from lib.stage import NAME

WORTH = {'method': ('name',), 'signal': ('name',), 'property': ('name', 'type', 'access'),
         'arg': ('name', 'type', 'direction')}


def normal(interface):
    """Members with their arguments in order; what a default says is said."""
    members = []
    for member in interface:
        if member.tag not in WORTH:
            continue
        arguments = []
        for argument in member.findall('arg'):
            direction = argument.get('direction', 'out' if member.tag == 'signal' else 'in')
            arguments.append((argument.get('name'), argument.get('type'), direction))
        members.append((member.tag, *(member.get(key) for key in WORTH[member.tag]),
                        tuple(arguments)))
    return sorted(members)


def interfaces(text):
    return {node.get('name'): normal(node) for node in ElementTree.fromstring(text)
            if node.tag == 'interface' and node.get('name').startswith(NAME)}


class Introspection(images_of.UsualCase):
    @classmethod
    def stage_up(cls):
        images_of.leave_incident(cls.stage)
        super().stage_up()
        with open(stage.XML, encoding='utf-8') as file:
            cls.shipped = interfaces(file.read())

    def said(self, path):
        return interfaces(self.client.call(path, 'org.freedesktop.DBus.Introspectable',
                                           'Introspect', '()'))

    def paths(self):
        domain, disk = self.client.domain('chain'), self.client.disk('chain')
        completed = self.client.listen(NAME + '.Job', 'Completed')
        yield 'Manager', stage.MANAGER
        yield 'Domain', domain
        yield 'Disk', disk
        yield 'Plan', self.client.call(domain, NAME + '.Domain', 'Plan')
        yield 'Job', self.client.call(disk, NAME + '.Disk', 'Commit')
        self.wait(lambda: completed, 'the end of the job')
        yield 'Incident', self.client.manager('LookupIncident', '1')

    def test_each_interface(self):
        seen = set()
        for word, path in self.paths():
            name = f'{NAME}.{word}'
            with self.subTest(name):
                said = self.said(path)
                self.assertEqual(list(said), [name])
                self.assertEqual(said[name], self.shipped[name])
                seen.add(name)
        self.assertEqual(seen, set(self.shipped))

    def test_every_member_is_described(self):
        """Each method and signal has a comment that begins with its name."""
        with open(stage.XML, encoding='utf-8') as file:
            text = file.read()
        for name, members in self.shipped.items():
            part = text[text.index(f'<interface name="{name}">'):]
            part = part[:part.index('</interface>')]
            for member in members:
                if member[0] in ('method', 'signal'):
                    with self.subTest(f'{name}.{member[1]}'):
                        self.assertRegex(part, rf'<!--\s+{member[1]}:\s')


if __name__ == '__main__':
    unittest.main()
