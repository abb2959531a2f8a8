#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter's bash completion: what it offers for a line, beside a daemon that is
driven by the test."""

import os
import re
import shutil
import subprocess
import unittest

from cli_stage import SINTER, TOP, CliCase, disk_path, usual_state

FILE = os.path.join(TOP, 'packaging', 'completions', 'sinter')

# What bash does before it calls the function: words, broken at what readline breaks at.
SCRIPT = '''
source "$1"; shift
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { echo "compopt $*"; }
_sinter
printf '%s\\n' "${COMPREPLY[@]}"
'''


@unittest.skipUnless(shutil.which('bash'), 'bash is not installed')
class Completion(CliCase):
    def state(self):
        state = usual_state()
        state['domains'][1]['Name'] = 'a name'
        return state

    def offers(self, *words):
        """What is offered for the last of @words; each as readline would have broken it."""
        env = dict(self.client.env, PATH=f'{os.path.dirname(SINTER)}:{self.client.env["PATH"]}')
        done = subprocess.run(['bash', '-u', '-c', SCRIPT, 'bash', FILE, 'sinter', *words],
                              env=env, capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, '')
        return [line for line in done.stdout.splitlines() if line]

    def test_commands(self):
        offered = self.offers('')
        _, out, _ = self.run_client('--help')
        listed = re.findall(r'^  ([a-z]+)  ', out.split('Commands:')[1].split('\n\n')[0], re.M)
        self.assertEqual(offered, listed)
        self.assertEqual(self.offers('--user', '-q', 'can'), ['cancel'])
        self.assertEqual(self.offers('help', 'mon'), ['monitor'])

    def test_options(self):
        self.assertEqual(self.offers('list', '--a'), ['--all'])
        self.assertEqual(self.offers('copy', 'vm1', 'vda', '/x', '--sh'), ['--shallow'])
        self.assertIn('--connect', self.offers('--'))
        self.assertNotIn('--all', self.offers('--'))

    def test_every_option_with_a_value_is_known(self):
        for command in self.offers(''):
            _, out, _ = self.run_client('help', command)
            valued = re.findall(r'(--[a-z-]+)=', out)
            for option in valued:
                done = subprocess.run(['bash', '-c', f'source {FILE}; _sinter_value_of {option}'],
                                      capture_output=True, text=True, check=True)
                self.assertNotEqual(done.stdout, '', f'{command} {option}')

    def test_domains(self):
        self.assertEqual(self.offers('--user', 'chain', 'v'), ['vm1', 'vm2'])
        self.assertEqual(self.offers('--user', 'consolidate', 'vm1', 'e'), ['empty'])
        self.assertEqual(self.offers('--user', 'plan', 'a'), ['a\\ name'])
        self.assertEqual(self.offers('--user', 'plan', 'vm1', ''), [])

    def test_checks(self):
        self.assertEqual(self.offers('--user', 'doctor', '--except', 'l'),
                         ['libvirt', 'lvm-autoextend', 'locks'])

    def test_disks(self):
        self.assertEqual(self.offers('--user', 'commit', 'vm1', ''), ['vda', 'vdb'])
        self.assertEqual(self.offers('--user', 'chain', 'a\\ name', ''), ['vda', 'vdb'])
        self.assertEqual(self.offers('--user', 'plan', 'vm2', '--disk', ''), ['vda'])
        self.assertEqual(self.offers('--user', 'plan', 'vm2', '--keep', '2', '--disk', '=', 'v'),
                         ['vda'])
        self.assertEqual(self.offers('--user', 'commit', 'nobody', ''), [])

    def test_jobs(self):
        for _ in range(2):
            self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('end', '1', 'done')
        self.assertEqual(self.offers('--user', 'job', ''), ['1', '2'])
        self.assertEqual(self.offers('--user', 'cancel', ''), ['2'])
        self.assertEqual(self.offers('--user', 'bandwidth', '2', ''), [])

    def test_values(self):
        self.assertEqual(self.offers('--json', '='), ['pretty', 'short'])
        self.assertEqual(self.offers('--json', '=', 's'), ['short'])
        self.assertEqual(self.offers('--json', 'li'), ['list'], 'without = it has no value')
        self.assertEqual(self.offers('copy', 'vm1', 'vda', '/x', '--format', 'q'), ['qcow2'])
        self.assertEqual(self.offers('copy', 'vm1', 'vda', '/x'), ['compopt -o default'])
        self.assertEqual(self.offers('-c', 'qemu', ':', '///se'), ['///session'],
                         'readline has broken the word at the colon')

    def test_the_same_daemon_is_asked(self):
        self.assertEqual(self.offers('--user', '-c', 'qemu', ':', '///system', 'chain', 'vm1', ''),
                         ['vda', 'vdb'])
        self.assertEqual(self.offers('--user', '-c', 'qemu', ':', '///other', 'chain', ''), [])
        self.assertEqual(self.offers('--system', 'chain', ''), [])

    def test_nobody_is_asked_for_a_password(self):
        self.daemon.do('plan', '*', 'LookupDomain', {'error': 'NotAuthorized', 'message': 'ask'})
        self.assertEqual(self.offers('--user', 'chain', 'vm1', ''), [])
        self.assertTrue(all(options.get('no-interaction')
                            for _, _, options in self.daemon.calls('LookupDomain')))


if __name__ == '__main__':
    unittest.main()
