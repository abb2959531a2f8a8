# SPDX-License-Identifier: LGPL-2.1-or-later
"""Failures of disks become incidents, with a cause, until the guest runs again."""

import os
import unittest

from lib.damage import spoil_first_entry
from lib.guest import MIB
from lib.sintercase import SinterCase

IFACE = 'org.sinter.Sinter1.Incident'
LOOK = 'org.freedesktop.DBus.ObjectManager'


class IncidentCase(SinterCase):
    def incidents(self, guest):
        """The properties of each incident of the guest, in the order of their IDs."""
        objects = self.sinter.call('/org/sinter/Sinter1', LOOK, 'GetManagedObjects', '()')[0]
        found = [interfaces[IFACE] for interfaces in objects.values() if IFACE in interfaces]
        return sorted((one for one in found if one['DomainName'] == guest.name),
                      key=lambda one: int(one['Id']))

    def wait_for(self, guest, **wanted):
        """The newest incident of the guest, once it has these properties."""
        def look():
            known = self.incidents(guest)
            if known and all(known[-1][name] == value for name, value in wanted.items()):
                return known[-1]
            return None
        return self.sinter.wait(look, 240, f'an incident with {wanted}')


class NoSpace(IncidentCase):
    def test_from_the_error_to_the_resumed_guest(self):
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                               error_policy='stop').start()
            guest.snapshot()
            incident = self.wait_for(guest, Cause='file-system-full', Paused=True)
            self.assertEqual((incident['State'], incident['Disk']), ('open', 'vda'))
            self.assertEqual(incident['Image'], guest.path('vda', 's1'))
            self.assertIn(f'file system: {small.path} (tmpfs)', incident['Evidence'])
            # it is there after a restart, and is the same
            self.bench.sinterd.restart()
            again = self.wait_for(guest, State='open', Paused=True)
            self.assertEqual(again['Id'], incident['Id'])
            small.resize(64 * MIB)
            self.sinter.call(f'/org/sinter/Sinter1/incidents/{incident["Id"]}', 'Incident',
                             'Retry', '(a{sv})', {})
            self.wait_for(guest, Cause='unknown')
            guest.resume()
            ended = self.wait_for(guest, State='resolved')
            self.assertEqual(ended['Outcome'], 'the guest was resumed')
            self.assertFalse(ended['Paused'])
            shown = self.bench.sinter('incidents', ended['Id']).stdout
            for words in ('libvirt: no space', ' is full', 'the guest was resumed'):
                self.assertIn(words, shown)
            self.assertIn(guest.name, self.bench.sinter('incidents', '--all').stdout)
            self.assertNotIn(guest.name, self.bench.sinter('incidents').stdout)
            self.assert_whole(guest)


class Others(IncidentCase):
    def test_a_pause_by_the_user_is_none(self):
        guest = self.guest().start()
        guest.pause()
        self.sinter.rescan()
        self.assertEqual(self.incidents(guest), [])

    def test_qemu_is_killed(self):
        guest = self.guest().start()
        os.kill(guest.pid(), 9)
        incident = self.wait_for(guest, Cause='qemu-crashed')
        self.assertEqual((incident['State'], incident['Disk']), ('open', ''))
        guest.start()
        ended = self.wait_for(guest, State='resolved')
        self.assertEqual(ended['Outcome'], 'the domain was started again')

    def test_qemu_finds_damage(self):
        guest = self.guest(error_policy='stop').start()
        guest.snapshot()
        guest.wait_rounds(2)
        path = guest.path('vda', 's1')
        guest.stop()
        spoil_first_entry(path)
        guest.start(n_rounds=0)
        incident = self.wait_for(guest, Cause='image-corrupted')
        self.assertEqual(incident['Disk'], 'vda')
        self.assertIn('unaligned', ' '.join(incident['Evidence']))
        # the damage outlives the domain; a guest that still runs would report it again
        guest.domain.destroy()
        self.sinter.rescan()
        self.assertEqual(self.incidents(guest)[-1]['State'], 'open')
        self.bench.sinter('incidents', 'resolve', incident['Id'])
        ended = self.wait_for(guest, State='resolved')
        self.assertEqual(ended['Outcome'], 'a user resolved it')


if __name__ == '__main__':
    unittest.main()
