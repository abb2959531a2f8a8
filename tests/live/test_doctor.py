# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sinter doctor finds on a host with guests: what is there, and nothing else."""

import json
import os
import unittest

from lib.guest import MIB
from lib.sintercase import SinterCase

AGENT = ("<controller type='virtio-serial'/>"
         "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>")
EVERY = ('error-policy', 'threshold', 'lvm-autoextend', 'backing-write', 'reflink', 'locks', 'agent',
         'manager', 'version')


class Doctor(SinterCase):
    config = '[jobs]\nmax-pause-msec=0\n'

    def findings(self, *words, status=8):
        done = self.bench.sinter('--json', 'doctor', *words, check=False)
        self.assertEqual((done.returncode, done.stderr), (status, ''))
        return {(row['check'], row['subject']): row for row in json.loads(done.stdout)}

    def test_each_is_found_and_mended(self):
        guest = self.guest(error_policy='report').start()
        other = self.guest('with_channel', error_policy='stop', devices=AGENT).start()
        found = self.findings()
        self.assertIn(f"{guest.name}' --edit target=vda",
                      found['error-policy', f'{guest.name} vda']['remedy'])
        self.assertNotIn(('error-policy', f'{other.name} vda'), found)
        self.assertIn('no channel', found['agent', guest.name]['problem'])
        self.assertIn('does not run', found['agent', other.name]['problem'])
        self.assertEqual([key for key in found if key[0] in ('locks', 'libvirt', 'manager',
                                                             'threshold', 'backing-write')], [])
        version = self.bench.connection.getVersion()
        self.assertEqual(('version', 'host') in found, 7002000 <= version < 7003000)
        guest.stop()
        guest.error_policy = 'stop'
        guest.domain.undefine()
        self.bench.connection.defineXML(guest.xml())
        guest.start()
        self.assertNotIn(('error-policy', f'{guest.name} vda'), self.findings())
        self.assert_whole(guest)

    def test_file_systems(self):
        with self.bench.small_filesystem(64 * MIB) as small:
            guest = self.guest(folder=small.path).start()
            row = self.findings()['reflink', os.path.realpath(small.path)]
            self.assertIn('tmpfs', row['problem'])
            self.assert_whole(guest)

    def test_left_out(self):
        self.guest(error_policy='ignore').start()
        words = [f'--except={check}' for check in EVERY]
        self.assertEqual(self.findings(*words, status=0), {})
        self.assertEqual({check for check, _ in self.findings(*words[1:])}, {'error-policy'})

    def test_another_manager(self):
        guest = self.guest('one-12').start()
        self.assertIn('OpenNebula', self.findings()['manager', guest.name]['problem'])
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
