# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU may not write, or does not write any more: the job says why and what to do, and that helps."""

import json
import os
import re
import socket
import subprocess
import unittest

import libvirt

from lib.sintercase import SinterCase


class Denied(SinterCase):
    def run_remedy(self, message):
        """The command that the message names."""
        command = re.search(r': (ch\w+ .*); the chain is unchanged', message).group(1)
        subprocess.run(['sh', '-c', command], check=True)

    def test_mode_of_the_base(self):
        guest = self.grown(2)
        before = self.paths(guest)
        os.chmod(before[-1], 0o444)
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'Denied'), end)
        self.assertIn(f"QEMU may not write to '{before[-1]}': its mode is 0444",
                      end['ErrorMessage'])
        self.assert_chain(guest, before)
        self.assertEqual(guest.domain.blockJobInfo('vda'), {})
        self.run_remedy(end['ErrorMessage'])
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_layer_above_the_range(self):
        """An intermediate commit also writes the new backing file name."""
        guest = self.grown(3)
        before = self.paths(guest)
        os.chmod(before[-1], 0o444)
        done = self.bench.sinter('commit', guest.name, 'vda', '--top', before[-2], '--base',
                                 before[-1], check=False)
        self.assertEqual(done.returncode, 7, done.stderr)
        self.assertIn('chmod u+w', done.stderr)
        failed = [job.properties() for job in self.sinter.jobs()
                  if job.properties()['DomainName'] == guest.name]
        self.assertEqual([job['ErrorName'] for job in failed], ['Denied'])
        found = self.bench.sinter_json('job', failed[0]['Id'])
        self.assertIn('Denied', json.dumps(found))
        self.assert_chain(guest, before)
        self.assert_whole(guest)


class GivenUp(SinterCase):
    def migrate_away(self, guest):
        """What a dump does: QEMU sends its state, gives its images up, and stays paused."""
        path = os.path.join(self.bench.root, 'away')
        with socket.socket(socket.AF_UNIX) as server, self.bench.events() as seen:
            server.bind(path)
            server.listen()
            self.bench.virsh('qemu-monitor-command', guest.name,
                             json.dumps({'execute': 'migrate',
                                         'arguments': {'uri': f'unix:{path}'}}))
            connection, _address = server.accept()
            with connection:
                while connection.recv(1 << 20):
                    pass
            seen.wait_lifecycle(libvirt.VIR_DOMAIN_EVENT_SUSPENDED)

    def test_after_a_broken_off_dump(self):
        guest = self.grown(2)
        before = self.paths(guest)
        self.migrate_away(guest)
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual(end['Phase'], 'failed', end)
        self.assertIn(f"continue it with 'virsh resume {guest.name}'", end['ErrorMessage'])
        self.assertIn('save, dump or migration that was interrupted', end['ErrorMessage'])
        self.assert_chain(guest, before)
        self.bench.virsh('resume', guest.name)
        guest.wait_rounds(5)
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
