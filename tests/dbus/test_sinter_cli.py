#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sinter shows, and what it says to wrong words: one call each, against a
daemon that is driven by the test."""

import json
import os
import re
import time
import unittest

from cli_stage import (GIB, MIB, ROOT, TOP, CliCase, Terminal, disk, disk_path, domain, images, layer,
                       usual_state)


class Show(CliCase):
    def test_list(self):
        status, out, err = self.run_client('list')
        self.assertEqual((status, err), (0, ''))
        self.assertEqual(out, '''\
 Domain   State      Disk   Depth   Chain size   Reclaimable   Notes
---------------------------------------------------------------------
 empty    running    -          -            -             -
 vm1      running    vda        6     10.2 GiB       1.2 GiB
 vm1      running    vdb        1        2 GiB             -
 vm2      shut off   vda        1        1 GiB             -
 vm10     running    vda        3      9.5 GiB       512 MiB
 vm10     running    vdb        2      9.2 GiB       256 MiB

4 domains, 5 disks; up to 2 GiB reclaimable
''')

    def test_list_looks_afresh(self):
        """One call so that it is true, and one that shows all; only names need no look."""
        self.run_client('list')
        self.assertEqual([method for _, method, _, _ in self.daemon.do('calls')], ['Rescan'])
        self.run_client('list', '-q')
        self.run_client('chain', '-q', 'vm1')
        self.assertEqual(len(self.daemon.calls('Rescan')), 1)
        self.run_client('chain', 'vm1')
        self.assertEqual(len(self.daemon.calls('Rescan')), 2)

    def test_list_that_cannot_look_afresh(self):
        self.daemon.do('plan', '*', 'Rescan', {'error': 'Failed', 'message': 'no connection',
                                               'always': True})
        status, out, err = self.run_client('list', '--no-legend', 'vm2')
        self.assertEqual((status, len(out.splitlines())), (0, 1))
        self.assertEqual(err, 'sinter: the following may be out of date: no connection\n')

    def test_list_chosen(self):
        _, out, _ = self.run_client('list', '--no-legend', '--chains')
        self.assertEqual([line.split()[:4:2] for line in out.splitlines()],
                         [['vm1', 'vda'], ['vm10', 'vda'], ['vm10', 'vdb']])
        _, out, _ = self.run_client('list', '--no-legend', '--all', 'vm1')
        self.assertEqual([line.split()[2] for line in out.splitlines()], ['vda', 'vdb', 'sda'])
        _, out, _ = self.run_client('list', '-q')
        self.assertEqual(out, 'empty\nvm1\nvm2\nvm10\n')
        _, out, _ = self.run_client('-q', 'list', '00000000-0000-4000-8000-000000000010')
        self.assertEqual(out, 'vm10\n')

    def test_list_json(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        _, out, _ = self.run_client('list', '--json', 'vm1', 'vm2')
        vm1, vm2 = json.loads(out)
        self.assertEqual([vm1['name'], vm2['state']], ['vm1', 'shut off'])
        vda, vdb = vm1['disks']
        self.assertEqual([vda['depth'], vda['chain'][5]['path'], vda['job']['id'],
                          vda['block-job']],
                         [6, '/var/lib/libvirt/images/vm1.qcow2', '1', 'active-commit'])
        self.assertNotIn('job', vdb)
        self.assertNotIn('/org/sinter', out, 'object paths say nothing outside the bus')

    def test_list_notes(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('job', '1', {'Phase': 'copying', 'Progress': 0.456, 'ProgressValid': True})
        self.daemon.do('disk', disk_path(10, 'vda'), {'BlockJob': 'backup'})
        chain = images('x', 2)
        chain[1]['missing'] = True
        self.daemon.do('disk', disk_path(10, 'vdb'), {'Chain': chain})
        self.daemon.do('disk', os.path.dirname(os.path.dirname(disk_path(2, 'vda'))),
                       {'Problem': 'odd XML'})
        _, out, _ = self.run_client('list', '--no-legend')
        notes = {' '.join(line.split()[0:3:2]): line.split('   ')[-1] for line in out.splitlines()}
        self.assertEqual(notes['vm1 vda'], 'job 1: copying 45%')
        self.assertEqual(notes['vm10 vda'], 'block job of another program: backup')
        self.assertEqual(notes['vm10 vdb'], 'PROBLEM with 1 layer')
        self.assertIn('PROBLEM: not read completely', out)

    def test_what_does_not_respond(self):
        since = int((time.time() - 60) * 1000000)
        clock = time.strftime('%H:%M:%S', time.localtime(since // 1000000))
        domain = os.path.dirname(os.path.dirname(disk_path(2, 'vda')))
        self.daemon.do('disk', domain, {'UnresponsiveSince': since,
                                        'UnresponsiveReason': 'the QEMU process 7 is stopped'})
        self.daemon.do('disk', disk_path(10, 'vdb'), {'UnresponsiveSince': since})
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('job', '1', {'WaitingFor': 'a free lock'})
        out = self.run_client('list', '--no-legend')[1]
        self.assertRegex(out, rf'vm2 .* domain not responding since {clock}\n')
        self.assertRegex(out, rf'vm10 +running +vdb .* storage not responding since {clock}\n')
        self.assertIn(f'not responding since {clock}: the QEMU process 7 is stopped',
                      self.run_client('chain', 'vm2')[1])
        self.assertRegex(self.run_client('jobs', '--no-legend')[1], r'vm1 .*queued .*a free lock\n')
        self.assertIn('Waiting for:      a free lock\n', self.run_client('job', '1')[1])

    def test_chain(self):
        status, out, err = self.run_client('chain', 'vm10')
        self.assertEqual((status, err), (0, ''))
        self.assertEqual(out, '''\
vm10 (running)
├─ vda: 20 GiB, 3 layers that take 9.5 GiB, up to 512 MiB reclaimable
│  ├─ vda[1]  qcow2  256 MiB  /var/lib/libvirt/images/vm10.s2.qcow2  active
│  ├─ vda[2]  qcow2  256 MiB  /var/lib/libvirt/images/vm10.s1.qcow2  snapshot s2
│  └─ vda[3]  qcow2    9 GiB  /var/lib/libvirt/images/vm10.qcow2     snapshot s1
└─ vdb: 20 GiB, 2 layers that take 9.2 GiB, up to 256 MiB reclaimable
   ├─ vdb[1]  qcow2  256 MiB  /var/lib/libvirt/images/vm10b.s1.qcow2  active
   └─ vdb[2]  qcow2    9 GiB  /var/lib/libvirt/images/vm10b.qcow2     snapshot s1
''')

    def test_snapshot_list(self):
        status, out, err = self.run_client('snapshot', 'list', 'vm10', env={'TZ': 'UTC'})
        self.assertEqual((status, err), (0, ''))
        self.assertEqual(out, '''\
vm10 (running), 5 snapshots
├─ s1  2026-03-02 10:00:00  vda 9 GiB, vdb 1 MiB
│  ├─ s2  2026-03-02 10:00:01  vda 64 KiB; "before \\x1bupgrade"
│  └─ s3  2026-03-02 10:00:02  vda 64 KiB; memory 2 MiB in '/data/s3.mem'; current
├─ orphan  1970-01-01 00:00:00; internal
└─ loop  2026-03-02 10:00:03  vda MISSING '/data/gone'
''')
        _, out, _ = self.run_client('snapshot', 'list', '-q', 'vm10')
        self.assertEqual(out, 's1\ns2\ns3\norphan\nloop\n')
        _, out, _ = self.run_client('snapshot', 'list', 'vm10', '--json=short')
        self.assertEqual(json.loads(out)['snapshot-tree'][2]['memory-bytes'], 2 * MIB)
        _, out, _ = self.run_client('snapshot', 'list', 'vm2')
        self.assertEqual(out, 'vm2 (shut off), no snapshots\n')
        self.assertEqual(self.run_client('snapshot', 'lost', 'vm2'), (
            1, '', "sinter: unknown action 'lost'; expected 'list', 'create' or 'delete'\n"))

    def test_what_is_shadowed(self):
        self.daemon.do('plan', '*', 'shadows', True)
        _, out, _ = self.run_client('chain', 'vm10', 'vda')
        self.assertIn('/vm10.s1.qcow2  snapshot s2; 64 MiB shadowed\n', out)
        self.assertEqual(out.count('shadowed'), 1)
        _, out, _ = self.run_client('chain', 'vm10', 'vda', '--json')
        layer = json.loads(out)['disks'][0]['chain'][1]
        self.assertEqual((layer['data-bytes'], layer['shadowed-bytes']), (256 * MIB, 64 * MIB))
        asked = len(self.daemon.calls('MeasureChain'))
        self.run_client('chain', '-q', 'vm10')
        self.run_client('chain', 'vm1', 'vdb')      # a single layer
        self.assertEqual(len(self.daemon.calls('MeasureChain')), asked)
        self.daemon.do('plan', '*', 'unmeasurable', True)
        status, out, err = self.run_client('chain', 'vm10', 'vda')
        self.assertEqual((status, len(out.splitlines())), (0, 5))
        self.assertEqual(err, 'sinter: vda: cannot measure shadowed data: '
                              'the chain is another one\n')

    def test_chain_of_one_disk(self):
        by_target = self.run_client('chain', 'vm10', 'vdb')
        by_path = self.run_client('chain', 'vm10', '/var/lib/libvirt/images/vm10b.s1.qcow2')
        self.assertEqual(by_target, by_path)
        self.assertEqual(len(by_target[1].splitlines()), 4)
        _, out, _ = self.run_client('chain', '-q', 'vm1')
        self.assertEqual(out, 'vda\nvdb\n', 'without the empty drive')
        _, out, _ = self.run_client('chain', 'vm1', 'sda')
        self.assertIn('sda: empty (cdrom; read-only)', out)
        _, out, _ = self.run_client('chain', 'vm1', 'vdb', '--json=short')
        self.assertEqual(json.loads(out)['disks'][0]['chain'][0]['format'], 'raw')

    def test_ascii_where_the_locale_has_no_more(self):
        _, out, _ = self.run_client('chain', 'vm10', 'vdb', env={'LC_ALL': 'C'})
        self.assertIn('\n`- vdb: ', out)
        self.assertTrue(out.isascii())

    def test_plan(self):
        self.daemon.do('plan', '*', 'plan', {
            'Steps': [{'kind': 'commit', 'disk': 'vda', 'subject': '/b', 'bytes': GIB,
                       'text': 'merge it'}],
            'BytesToCopy': GIB, 'SpaceBeforeBytes': 3 * GIB, 'SpaceAfterBytes': 2 * GIB,
            'PeakExtraBytes': MIB, 'Warnings': ['mind the gap']})
        status, out, err = self.run_client('plan', 'vm1', '--disk', 'vda', '--keep', '2', '--top',
                                           'a', '--base=b', '--pull', '--keep-files')
        self.assertEqual((status, err), (0, ''))
        self.assertIn('merge it', out)
        self.assertIn('sinter consolidate --plan 3fa29c01\n', out)
        (path, _, options), = self.daemon.calls('Plan')
        self.assertTrue(path.endswith('000000000001'))
        self.assertEqual(options, {'disk': 'vda', 'keep': 2, 'top': 'a', 'base': 'b',
                                   'pull': True, 'keep-files': True, 'no-interaction': True})
        status, out, _ = self.run_client('plan', 'vm1', '--json')
        answer = json.loads(out)
        self.assertEqual([answer['id'], answer['verdict'], answer['domain-name'],
                          answer['steps'][0]['bytes']], ['3fa29c02', 'work', 'vm1', GIB])
        self.assertEqual(self.run_client('plan', '-q', 'vm1')[1], '3fa29c03\n')
        self.assertEqual(self.daemon.calls('Discard'), [])

    def test_plan_refused(self):
        self.daemon.do('plan', '*', 'plan', {'Refusals': [
            {'code': 'shared-base', 'error': 'SharedBase', 'disk': 'vda',
             'text': "'base.qcow2' is used by vm2"}]})
        status, out, err = self.run_client('plan', 'vm1')
        self.assertEqual((status, out, err), (4, "Refused:  'base.qcow2' is used by vm2\n", ''))
        status, out, _ = self.run_client('plan', 'vm1', '--json')
        self.assertEqual((status, json.loads(out)['verdict'], json.loads(out)['id']),
                         (4, 'refused', None))
        self.assertEqual(self.run_client('plan', 'vm1', '-q'), (4, '', ''))
        self.assertEqual(len(self.daemon.calls('Discard')), 3, 'it takes no room at the daemon')

    def test_plan_of_a_stretch_that_is_none(self):
        self.daemon.do('plan', '*', 'plan', {'Refusals': [
            {'code': 'bad-range', 'error': 'InvalidArgument', 'disk': 'vda',
             'text': "--top 'x' is no layer"}]})
        self.assertEqual(self.run_client('plan', 'vm1', '--top', 'x'),
                         (1, "Refused:  --top 'x' is no layer\n", ''))

    def test_plan_of_nothing(self):
        self.assertEqual(self.run_client('plan', 'vm2'), (0, 'vm2: nothing to consolidate\n', ''))

    def test_jobs(self):
        empty = self.run_client('jobs')
        self.assertEqual(len(empty[1].splitlines()), 2)
        for _ in range(11):
            self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('end', '2', 'failed', 'NoSpace', 'full')
        self.daemon.do('job', '10', {'Phase': 'copying', 'Progress': 0.999, 'ProgressValid': True,
                                     'Rate': 3 * MIB})
        status, out, err = self.run_client('jobs', '--no-legend')
        self.assertEqual((status, err), (0, ''))
        lines = [line.split() for line in out.splitlines()]
        self.assertEqual([line[0] for line in lines], [str(n) for n in range(1, 12)])
        self.assertEqual(lines[9], ['10', 'vm1', 'vda', 'active-commit', 'copying', '99%', '3',
                                    'MiB/s', '-'])
        self.assertEqual(lines[1][4], 'failed')
        self.assertEqual(len(self.run_client('jobs', '--running', '-q')[1].split()), 10)
        self.assertEqual(len(json.loads(self.run_client('jobs', '--json')[1])), 11)

    def test_job(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('end', '1', 'failed', 'NoSpace', 'no room on /data')
        status, out, err = self.run_client('job', '1')
        self.assertEqual((status, err), (0, ''))
        self.assertIn('Phase:            failed\n', out)
        self.assertIn('Error:            no room on /data\n', out)
        self.assertEqual(self.run_client('job', '1', '-q')[1], 'failed\n')
        self.assertEqual(json.loads(self.run_client('job', '1', '--json')[1])['error-name'],
                         'NoSpace')

    def test_job_in_doubt(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('job', '1', {'InDoubt': True})
        self.daemon.do('end', '1', 'quarantined', 'Failed', 'QEMU ended')
        status, out, err = self.run_client('job', '1', '--compare')
        self.assertEqual(status, 0)
        self.assertRegex(out, r'/images/new +checked +0 +0 +0 +1 range differs, 64 KiB in all\n')
        self.assertIn('QEMU ended', err)
        self.daemon.do('plan', '*', 'stubborn', True)
        status, out, err = self.run_client('job', '1', '--resolve', 'new')
        self.assertEqual((status, out), (1, ''))
        self.assertIn('domain is running: shut it off', err)
        self.daemon.do('plan', '*', 'stubborn', False)
        status, out, err = self.run_client('job', '1', '--resolve', 'old')
        self.assertEqual(status, 0)
        self.assertEqual([call[1] for call in self.daemon.calls('Resolve')], [['new'], ['old']])
        self.assertIn('Resolution:       old\n', self.run_client('job', '1')[1])
        self.assertEqual(self.run_client('job', '1', '--compare')[0], 1)

    def test_cancel(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        self.daemon.do('plan', '*', 'stubborn', True)
        self.assertEqual(self.run_client('cancel', '1'),
                         (0, 'job 1: cancellation requested\n', ''))
        self.assertEqual(self.run_client('cancel', '1', '-q'), (0, '', ''))
        self.daemon.do('job', '1', {'Phase': 'pivoting', 'Cancelable': False})
        self.assertEqual(self.run_client('cancel', '1'),
                         (4, '', 'sinter: job 1 is pivoting and can no longer be cancelled\n'))
        self.daemon.do('end', '1', 'done')
        self.assertEqual(self.run_client('cancel', '1'),
                         (1, '', 'sinter: job 1 has already ended: done\n'))

    def test_bandwidth(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        for words, line, rate in ((['50'], '50 MiB/s', 50 * MIB), (['0'], 'no limit', 0),
                                  (['500K'], '500 KiB/s', 500 << 10),
                                  (['4096', '--bytes'], '4 KiB/s', 4096)):
            self.assertEqual(self.run_client('bandwidth', '1', *words),
                             (0, f'job 1: {line}\n', ''))
            self.assertEqual(self.daemon.calls('SetBandwidth')[-1][1], [rate])
        self.assertEqual(json.loads(self.run_client('bandwidth', '1', '2M', '--json')[1])
                         ['bandwidth-limit'], 2 * MIB)

    def test_help_and_version(self):
        status, out, err = self.run_client('--help')
        self.assertEqual((status, err), (0, ''))
        for command in ('list', 'consolidate', 'monitor'):
            self.assertIn(f'\n  {command} ', out)
            status, text, err = self.run_client(command, '--help')
            self.assertEqual((status, err), (0, ''))
            self.assertIn(f'sinter [OPTION…] {command}', text)
        self.assertRegex(self.run_client('--version')[1], r'^sinter \d+\.\d+\.\d+\n$')

    def test_output_that_cannot_be_written(self):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            process = self.client.start('list', stdout=full)
            _, err = process.communicate()
        self.assertEqual(process.returncode, 1)
        self.assertEqual(err, 'sinter: cannot write to standard output: '
                              'No space left on device\n')


class Doctor(CliCase):
    FINDINGS = [
        {'check': 'error-policy', 'subject': 'vm1 vda', 'problem': 'nothing pauses the guest',
         'remedy': 'virt-xml vm1 --edit'},
        {'check': 'reflink', 'subject': '/my\nimages', 'problem': 'files cannot share blocks',
         'remedy': 'mkfs.xfs -m reflink=1'},
    ]

    def found(self, *words):
        self.daemon.do('plan', '*', 'findings', self.FINDINGS)
        return self.run_client('doctor', *words)

    def test_clean(self):
        self.assertEqual(self.run_client('doctor'), (0, '', ''))
        self.assertEqual(self.run_client('doctor', '--json=short'), (0, '[]\n', ''))

    def test_table(self):
        status, out, err = self.found()
        self.assertEqual((status, err), (8, ''))
        self.assertEqual(out, '''\
 Check          Subject         Problem, and what solves it
------------------------------------------------------------
 error-policy   vm1 vda         nothing pauses the guest
                                  virt-xml vm1 --edit
 reflink        /my\\x0aimages   files cannot share blocks
                                  mkfs.xfs -m reflink=1
''')

    def test_short(self):
        self.assertEqual(self.found('-q')[1].splitlines()[0], 'error-policy vm1 vda')
        self.assertEqual(len(self.found('--no-legend')[1].splitlines()), 4)

    def test_json(self):
        status, out, _ = self.found('--json')
        self.assertEqual((status, json.loads(out)), (8, self.FINDINGS))

    def test_except(self):
        status, out, _ = self.found('-q', '--except', 'reflink')
        self.assertEqual((status, out), (8, 'error-policy vm1 vda\n'))
        self.assertEqual(self.found('--except', 'reflink', '--except=error-policy'), (0, '', ''))

    def test_refused(self):
        self.daemon.do('plan', '*', 'ExamineHost', {'error': 'Busy', 'message': 'later',
                                                    'always': True})
        self.assertEqual(self.run_client('doctor'), (4, '', 'sinter: later\n'))


class ManPage(CliCase):
    """The manual page names every command and every option, and none that is not there."""

    def test_commands_and_options(self):
        with open(os.path.join(TOP, 'docs', 'man', 'sinter.rst'), encoding='utf-8') as file:
            page = file.read()
        _, out, _ = self.run_client('--help')
        commands = re.findall(r'^  ([a-z]+)  ', out.split('Commands:')[1].split('\n\n')[0], re.M)
        options = set()
        for command in commands:
            options |= set(re.findall(r'^ .*?(--[a-z-]+)', self.run_client('help', command)[1],
                                      re.M))
            self.assertIn(f'**{command}** ' if command not in ('jobs', 'monitor')
                          else f'**{command}**\n', page)
        self.assertEqual(set(re.findall(r'--[a-z][a-z-]+', page)), options)


class TwoHundred(CliCase):
    """As a large host looks."""

    def state(self):
        state = usual_state()
        state['domains'] = [
            domain(n, f'node-{n}', [disk('vda', images(f'node-{n}', 1 + n % 4)),
                                    disk('vdb', [layer(f'/data/{n}.raw', GIB, format='raw')])])
            for n in range(1, 201)]
        state['domains'][3]['Name'] = '\u4eee\u60f3\u6a5f'
        return state

    def test_columns_stand_in_line(self):
        _, out, _ = self.run_client('list')
        head, _, *rows = out.splitlines()[:402]
        self.assertEqual(len(rows), 400)
        column = head.index('Depth') + len('Depth')
        for row in rows:
            wide = sum(ord(letter) > 0x2fff for letter in row)
            self.assertRegex(row[:column - wide], r' \d$', 'numbers end below their heading')
        self.assertEqual(out.splitlines()[-1], '200 domains, 400 disks; up to 75 GiB reclaimable')

    def test_natural_order(self):
        names = self.run_client('list', '-q')[1].split()
        self.assertEqual(names[:3], ['node-1', 'node-2', 'node-3'])
        self.assertLess(names.index('node-9'), names.index('node-10'))


class Wrong(CliCase):
    """Each is answered by one clear line and a status that is not 0."""

    WORDS = [
        [], ['lits'], ['frobnicate'], ['--json=xml', 'list'], ['--nope'], ['list', '--nope'],
        ['list', 'nobody'], ['list', ''], ['list', '--all=yes'],
        ['chain'], ['chain', 'nobody'], ['chain', 'vm1', 'vdz'], ['chain', 'vm1', '/no/such'],
        ['chain', 'empty', 'vda'], ['chain', 'vm1', 'vda', 'vdb'], ['chain', '', ''],
        ['chain', '../../etc'], ['chain', '\x1b[2J'], ['chain', 'a' * 5000],
        ['plan'], ['plan', 'vm1', 'vm2'], ['plan', 'vm1', '--keep'], ['plan', 'vm1', '--keep', 'x'],
        ['plan', 'vm1', '--keep', '-1'], ['plan', 'vm1', '--keep', '99999999999'],
        ['consolidate'], ['consolidate', 'nobody'], ['consolidate', 'vm1', 'nobody'],
        ['consolidate', 'vm1', '--disk', 'vdz'], ['consolidate', '--plan', 'ffffffff'],
        ['consolidate', 'vm1', '--plan', '1'], ['consolidate', '--plan', '1', '--keep', '1'],
        ['consolidate', '--plan', '1', '--disk', 'vda'], ['consolidate', 'vm1', '--timeout', 'x'],
        ['consolidate', 'vm1', '--timeout', '-3'], ['consolidate', 'vm1', '--bandwidth', 'fast'],
        ['consolidate', 'vm1', '--bandwidth', '-1'], ['consolidate', 'vm1', '--wait=maybe'],
        ['commit'], ['commit', 'vm1'], ['commit', 'nobody', 'vda'], ['commit', 'vm1', 'vdz'],
        ['commit', 'vm1', 'vda', 'vdb'], ['commit', 'vm1', 'vda', '--bandwidth', ''],
        ['pull', 'vm1'], ['pull', 'vm1', 'vdz'], ['pull', 'vm1', 'vda', '--top', 'x'],
        ['copy', 'vm1', 'vda'], ['copy', 'vm1', 'vda', ''], ['copy', 'vm1', 'vdz', '/x'],
        ['copy', 'vm1', 'vda', '/x', '--pivot', '--finish'], ['copy', 'vm1', 'vda', '/x', '/y'],
        ['jobs', '1'], ['job'], ['job', '77'], ['job', 'x', 'y'], ['job', ''],
        ['job', '77', '--compare'], ['job', '1', '--compare', '--resolve', 'old'],
        ['job', '1', '--resolve'],
        ['cancel'], ['cancel', '77'], ['bandwidth'], ['bandwidth', '1'], ['bandwidth', '1', 'x'],
        ['bandwidth', '77', '1M'], ['bandwidth', '1', '1M', '2M'], ['monitor', 'all'], ['doctor', 'host'], ['doctor', '--except'],
        ['incidents', 'solve', '1'], ['incidents', '77'], ['incidents', 'resolve', '77'],
        ['incidents', 'resolve', '1', '2'], ['help', 'lits'], ['--system', 'list'], ['-c'], ['-c', 'qemu:///session', 'list'],
    ]

    def test_one_line_each(self):
        for words in self.WORDS:
            with self.subTest(words=words):
                status, out, err = self.run_client(*words)
                self.assertEqual((status, out), (1, ''))
                self.assertRegex(err, r'^sinter: [^\n]{8,}[^.\n]\n$')
                self.assertNotIn('\x1b', err)
                self.assertNotIn('GDBus', err)
                self.assertNotIn('org.sinter', err)
        self.assertEqual(self.daemon.do('calls') and [
            method for _, method, _, _ in self.daemon.do('calls')
            if method in ('Consolidate', 'Commit', 'Pull', 'Copy', 'Execute')], [],
            'nothing was started')

    def test_the_lines(self):
        for words, line in (
                (['lits'], "unknown command 'lits'; did you mean 'list'?"),
                (['chain', 'nobody'], "no domain 'nobody'"),
                (['list', 'nobody'], "no domain 'nobody'"),
                (['chain', 'vm1', 'vdz'],
                 "domain 'vm1' has no disk 'vdz'; its disks: vda, vdb, sda"),
                (['chain', 'empty', 'vda'], "domain 'empty' has no disk 'vda'; its disks: none"),
                (['commit', 'vm1'],
                 'commit: DISK is missing; usage: sinter commit DOMAIN DISK'),
                (['policy'], 'policy: the action is missing; usage: sinter policy preview [DOMAIN] '
                             '| show DOMAIN'),
                (['consolidate', 'vm1', '--timeout', '-3'],
                 'invalid value -3 of --timeout: expected a number of seconds'),
                (['-c', 'qemu:///session', 'list'],
                 "sinterd on the session bus is connected to 'qemu:///system', not to "
                 "'qemu:///session'; start another one: sinterd --user --connect "
                 "'qemu:///session'")):
            with self.subTest(words=words):
                self.assertEqual(self.run_client(*words)[2], f'sinter: {line}\n')

    def test_bytes_that_are_no_text(self):
        status, _, err = self.client.run(b'chain', b'vm\xff')
        self.assertEqual((status, err),
                         (1, 'sinter: argument 3 is not valid UTF-8\n'))

    def test_errors_of_the_daemon(self):
        """Each error name has its status; the text is the daemon's own."""
        refused = {'SharedBase', 'Locked', 'NoSpace', 'ChainChanged', 'Corrupt', 'Unsupported',
                   'Busy'}
        cancelled = {'Cancelled', 'TimedOut'}
        for name in sorted(refused | cancelled | {'NotAuthorized', 'NotFound', 'Failed',
                                                  'InvalidArgument'}):
            self.daemon.do('plan', '*', 'Plan', {'error': name, 'message': 'so it is',
                                                 'always': True})
            self.daemon.do('plan', '*', 'Consolidate', {'error': name, 'message': 'so it is',
                                                        'always': True})
            expected = 4 if name in refused else 5 if name in cancelled else 1
            with self.subTest(name=name):
                self.assertEqual(self.run_client('plan', 'vm1'),
                                 (expected, '', 'sinter: so it is\n'))
                self.assertEqual(self.run_client('consolidate', 'vm1'),
                                 (expected, '', 'sinter: so it is\n'))


class Connection(CliCase):
    """Which daemon, and what when there is none."""

    def test_uri_that_fits(self):
        self.assertEqual(self.run_client('-c', 'qemu:///system', 'list', '-q')[0], 0)

    def test_both_buses_at_once(self):
        self.assertEqual(self.run_client('--system', 'list'),
                         (1, '', 'sinter: --user and --system are mutually exclusive\n'))

    def test_no_daemon(self):
        self.daemon.close()
        self.assertEqual(self.run_client('list'),
                         (1, '', 'sinter: sinterd is not running on the session bus; '
                                 'start it: sinterd --user\n'))

    def test_no_bus(self):
        status, _, err = self.run_client(
            'list', env={'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent'})
        self.assertEqual(status, 1)
        self.assertRegex(err, r'^sinter: the session bus cannot be reached: [^\n]*\n$')

    def test_daemon_without_libvirt(self):
        self.daemon.do('disk', ROOT + '/Manager', {'Connected': False})
        status, out, err = self.run_client('list', '--no-legend', 'vm2')
        self.assertEqual(status, 0)
        self.assertIn('vm2', out)
        self.assertEqual(err, "sinter: sinterd is not connected to 'qemu:///system': its "
                              'information may be out of date\n')
        self.assertEqual(self.run_client('list', '-q')[2], '')


class SystemBus(CliCase):
    """The private bus stands for the system bus too."""

    def state(self):
        return dict(usual_state(), bus='system')

    def run_bare(self, *words):
        env = {'DBUS_SYSTEM_BUS_ADDRESS': self.bus.address,
               'DBUS_SESSION_BUS_ADDRESS': 'unix:path=/nonexistent'}
        return self.client.run(*words, env=env, user=False)

    def test_chosen_when_the_daemon_is_there(self):
        self.assertEqual(self.run_bare('list', '-q')[0], 0)
        self.assertEqual(self.run_bare('--system', 'list', '-q')[0], 0)

    def test_with_a_uri(self):
        self.assertEqual(self.run_bare('-c', 'qemu:///system', 'list', '-q')[0], 0)
        status, _, err = self.run_bare('-c', 'qemu:///session', 'list')
        self.assertEqual(status, 1)
        self.assertIn("sinterd on the system bus is connected to 'qemu:///system'", err)

    def test_password_is_asked_for_only_when_it_must_be(self):
        self.daemon.do('plan', '*', 'Plan', {'error': 'NotAuthorized', 'message': 'ask'})
        self.assertEqual(self.run_bare('plan', 'vm2')[0], 0)
        options = [options.get('no-interaction', False)
                   for _, _, options in self.daemon.calls('Plan')]
        self.assertEqual(options, [True, False], 'first without, then with a dialogue')
        self.assertEqual(self.run_bare('--no-ask-password', 'plan', 'vm2'),
                         (1, '', 'sinter: ask\n'))
        self.assertEqual(len(self.daemon.calls('Plan')), 3)

    @unittest.skipIf(os.geteuid() == 0, 'polkit asks root for nothing: run as an ordinary user')
    def test_agent_on_a_terminal(self):
        """polkit's agent is there while it is asked, is told where to say so, and goes again."""
        agent = os.path.join(self.folder, 'pkttyagent')
        record = os.path.join(self.folder, 'record')
        with open(agent, 'w', encoding='utf-8') as file:
            file.write(f'''#!/bin/sh
echo "$@" >> {record}
trap 'echo ended >> {record}; exit 0' TERM
exec 3>&-
sleep infinity &
wait''')
        os.chmod(agent, 0o755)
        self.daemon.do('plan', '*', 'Plan', {'error': 'NotAuthorized', 'message': 'ask'})
        self.client.env.update(PATH=f'{self.folder}:{os.environ["PATH"]}',
                               DBUS_SYSTEM_BUS_ADDRESS=self.bus.address)
        terminal = Terminal([self.client.binary, '--system', 'plan', 'vm2'], self.client.env)
        self.addCleanup(terminal.close)
        self.assertEqual(terminal.wait(), 0)
        with open(record, encoding='utf-8') as file:
            self.assertEqual(file.read(), '--notify-fd 3 --fallback\nended\n')

    def test_never_asked_on_the_session_bus(self):
        self.daemon.do('plan', '*', 'Plan', {'error': 'NotAuthorized', 'message': 'ask'})
        self.assertEqual(self.run_client('plan', 'vm2'), (1, '', 'sinter: ask\n'))
        self.assertEqual(len(self.daemon.calls('Plan')), 1)


if __name__ == '__main__':
    unittest.main()
