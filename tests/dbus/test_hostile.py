# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an image or a caller may try: the daemon says what it saw and goes on."""

import os
import struct
import unittest

from gi.repository import GLib

import images_of
from lib import stage
from lib.stage import NAME

DOMAIN = NAME + '.Domain'


def overwrite_name(path, name):
    """The backing name in the header's place, of the same length or shorter."""
    with open(path, 'r+b') as file:
        offset, length = struct.unpack('>QI', file.read(20)[8:])
        file.seek(16)
        file.write(struct.pack('>I', min(length, len(name))))
        file.seek(offset)
        file.write(name[:length])


class Images(stage.BusCase):
    """Backing names that are no text, in the chain of a definition that names the top only."""

    @classmethod
    def stage_up(cls):
        cls.stage.image('odd.0')
        top = cls.stage.image('odd.1', 'odd.0')
        overwrite_name(top, b'\xff\xfe\x80name')
        cls.stage.hosts.append(images_of.bare_xml('odd', top))
        cls.stage.image('loop.0')
        loop = cls.stage.image('loop.1', 'loop.0')
        overwrite_name(loop, loop.encode())
        cls.stage.hosts.append(images_of.bare_xml('loop', loop))
        images_of.fill(cls.stage)
        cls.stage.start_polkit()
        cls.stage.allow_all()
        cls.stage.sinterd.start()

    def test_a_name_that_is_no_text(self):
        chain = self.client.get(self.client.disk('odd'), 'Disk', 'Chain')
        self.assertEqual(len(chain), 2)
        self.assertEqual(chain[1]['path'], '\ufffd\ufffd\ufffdname')
        self.assertIn('not valid UTF-8', chain[1]['problem'])
        plan = self.client.call(self.client.domain('odd'), DOMAIN, 'Plan')
        self.assertNotEqual(self.client.get(plan, 'Plan', 'Refusals'), [])
        error = self.assert_error('Corrupt', self.client.call, plan, NAME + '.Plan', 'Execute')
        self.assertIn('odd', error.message)

    def test_a_chain_that_bites_its_tail(self):
        chain = self.client.get(self.client.disk('loop'), 'Disk', 'Chain')
        self.assertEqual(len(chain), 1)
        self.assertIn('loops', chain[0]['problem'])

    def test_all_objects_are_listed(self):
        self.assertEqual(sum(NAME + '.Disk' in values for values in self.client.objects().values()),
                         8)


class Callers(images_of.UsualCase):
    """Callers that send much, nonsense, or nothing of what is asked for."""

    def test_long_names(self):
        long = 'x' * (1 << 20)
        for method in ('LookupDomain', 'LookupJob', 'LookupPlan'):
            error = self.assert_error('NotFound', self.client.manager, method, long)
            self.assertLess(len(error.message), 1000)
        disk = self.client.disk('chain')
        self.assert_error('InvalidArgument', self.client.call, disk, NAME + '.Disk', 'Copy',
                          '(sa{sv})', '/' + long, {})
        self.assert_error('InvalidArgument', self.client.call, self.client.domain('chain'), DOMAIN,
                          'Plan', '(a{sv})', {'disk': GLib.Variant('s', long)}, text="'disk'")
        error = self.assert_error('InvalidArgument', self.client.call,
                                  self.client.domain('chain'), DOMAIN, 'Plan', '(a{sv})',
                                  {long: GLib.Variant('s', '')})
        self.assertLess(len(error.message), 1000)

    def test_wrong_signature(self):
        with self.assertRaises(stage.BusError) as caught:
            self.client.call(stage.MANAGER, NAME + '.Manager', 'Rescan', '(s)', 'x')
        self.assertIn('InvalidArgs', caught.exception.name)

    def test_properties_cannot_be_set(self):
        with self.assertRaises(stage.BusError):
            self.client.call(stage.MANAGER, 'org.freedesktop.DBus.Properties', 'Set', '(ssv)',
                             NAME + '.Manager', 'Version', GLib.Variant('s', '9'))
        self.assertNotEqual(self.client.get(stage.MANAGER, 'Manager', 'Version'), '9')

    def test_strange_objects(self):
        for path in ('/', stage.ROOT, stage.ROOT + '/domains', stage.ROOT + '/jobs/1',
                     stage.ROOT + '/plans/_2e_2e'):
            with self.subTest(path), self.assertRaises(stage.BusError):
                self.client.call(path, NAME + '.Plan', 'Execute')

    def test_many_at_once(self):
        """A storm of calls by several callers is answered, each call, and joined into few scans."""
        others = [self.stage.new_client() for _ in range(4)]
        answers = [other.call_async(stage.MANAGER, NAME + '.Manager', 'Rescan', '(a{sv})', {})
                   for _ in range(50) for other in others]
        self.wait(lambda: all(answers), 'all answers')
        self.assertEqual({answer[0] for answer in answers}, {()})

    def test_it_still_runs(self):
        self.assertTrue(self.stage.sinterd.running)
        os.kill(self.stage.sinterd.pid, 0)
        self.assertTrue(self.client.domain('chain'))


if __name__ == '__main__':
    unittest.main()
