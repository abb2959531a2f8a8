# SPDX-License-Identifier: LGPL-2.1-or-later
"""The watch room on a real libvirt: what it sees of chains, jobs, snapshots and lost connections."""

import json
import os
import select
import subprocess
import time
import unittest

import libvirt

from lib import images, namespace
from lib.bench import BUILD
from lib.guest import MIB
from lib.livecase import LiveCase

PROBE = os.path.join(BUILD, 'tests', 'live', 'watch-probe')
READY = 2                                   # SinterMirror
COMMIT, ACTIVE_COMMIT = 3, 4                # SinterBlockJobType


class Probe:
    """watch-probe as it runs; lines() are JSON objects, each handed out once, in order."""

    def __init__(self, bench, uri='qemu:///session'):
        self.log = open(os.path.join(bench.folder('log'), 'probe.log'), 'ab')
        self.process = subprocess.Popen(namespace.plain([PROBE, uri]), env=bench.env,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=self.log)
        self.rest = b''
        self.domains = {}

    def stop(self):
        if self.process.stdin.closed:
            return self.process.returncode
        self.process.stdin.close()
        status = self.process.wait(20)
        self.process.stdout.close()
        self.log.close()
        return status

    def _next(self, deadline):
        while b'\n' not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise TimeoutError('the probe does not say what is waited for')
            data = os.read(self.process.stdout.fileno(), 65536)
            if not data:
                raise EOFError(f'the probe ended with {self.process.wait()}')
            self.rest += data
        line, self.rest = self.rest.split(b'\n', 1)
        return json.loads(line)

    def wait(self, condition, timeout=30):
        """The next line that fulfils it; domains on the way are kept in self.domains."""
        deadline = time.monotonic() + timeout
        while True:
            line = self._next(deadline)
            if line['kind'] == 'domain':
                self.domains[line['name']] = line
            elif line['kind'] == 'gone':
                self.domains.pop(line['name'], None)
            if condition(line):
                return line

    def wait_kind(self, kind):
        return self.wait(lambda line: line['kind'] == kind)

    def wait_event(self, event, **fields):
        return self.wait(lambda line: line['kind'] == 'event' and line['event'] == event and
                         all(line[name] == value for name, value in fields.items()))

    def wait_events(self, *events):
        """One of each of these, whatever their order; by their names."""
        said = {}

        def all_said(line):
            if line['kind'] == 'event':
                said[line['event']] = line
            return all(event in said for event in events)
        self.wait(all_said)
        return said

    def wait_disk(self, name, condition, target='vda'):
        """Until the domain is told in a state whose disk fulfils it."""
        def fits(line):
            return (line['kind'] == 'domain' and line['name'] == name and
                    condition(line['disks'][target]))
        return self.wait(fits)['disks'][target]

    def ask(self, text=''):
        self.process.stdin.write(text.encode() + b'\n')
        self.process.stdin.flush()

    def scan(self):
        self.ask()
        self.wait_kind('scanned')

    def users(self, path):
        self.ask(path)
        return self.wait_kind('users')['users']


class Watch(LiveCase):
    def setUp(self):
        self.probe = None

    def watch(self):
        self.probe = Probe(self.bench)
        self.addCleanup(self.probe.stop)
        self.probe.wait_kind('scanned')
        return self.probe

    def paths(self, layers):
        return [layer['path'] for layer in layers]

    def test_a_running_chain(self):
        guest = self.guest().start()
        guest.grow(3)
        domain = self.watch().domains[guest.name]
        disk = domain['disks']['vda']
        self.assertEqual(domain['state'], 'running')
        self.assertIsNone(domain['problem'])
        self.assertEqual(self.paths(disk['layers']), [layer.path for layer in guest.chain()])
        self.assertEqual(self.paths(disk['inactive_layers']), self.paths(disk['layers']))
        self.assertEqual([layer['index'] for layer in disk['layers']],
                         self.indexes(guest))
        self.assertEqual([layer['snapshot_name'] for layer in disk['layers']],
                         [None, 's3', 's2', 's1'])
        self.assertEqual([snapshot['name'] for snapshot in domain['snapshots']],
                         ['s1', 's2', 's3'])
        self.assertEqual([snapshot['parent'] for snapshot in domain['snapshots']],
                         [None, 's1', 's2'])
        self.assertEqual(domain['snapshots'][1]['disks']['vda'],
                         {'overlay_path': guest.path('vda', 's2'),
                          'frozen_path': guest.path('vda', 's1')})
        for layer in disk['layers']:
            self.assertIsNone(layer['problem'])
            self.assertEqual(layer['format'], 'qcow2')
            self.assertEqual(layer['virtual_size'], guest.size_bytes)
            self.assertEqual(layer['inode'], os.stat(layer['path']).st_ino)
            self.assertGreater(layer['allocated'], 0)
            self.assertGreater(layer['fs_free'], 0)

    def indexes(self, guest):
        """What libvirt wrote, by its own text."""
        text = guest.domain.XMLDesc()
        return [int(part.split("'", 1)[0]) for part in text.split("index='")[1:]
                if part.split("'", 1)[0].isdigit()][:guest.depth()]

    def test_a_stopped_domain_shares_a_base(self):
        guest = self.guest('upper').start()
        guest.grow(1)
        base = guest.path('vda', 'base')
        sibling = self.guest('sibling')
        overlay = guest.path('vda', 'sibling')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', os.path.basename(base),
                        overlay)
        xml = sibling.xml().replace(sibling.path('vda', 'base'), overlay)
        self.bench.connection.defineXML(xml.replace(
            '<name>', f'<uuid>{sibling.domain.UUIDString()}</uuid><name>'))
        probe = self.watch()
        disk = probe.domains['sibling']['disks']['vda']
        self.assertEqual(self.paths(disk['layers']), [overlay, base])
        self.assertEqual(disk['layers'][0]['backing_name'], os.path.basename(base))
        self.assertIn('sibling vda (inactive)', probe.users(base))
        self.assertIn('upper vda (live)', probe.users(base))
        link = base + '.link'
        os.symlink(base, link)
        self.assertIn('sibling vda (inactive)', probe.users(link))

    def test_an_active_commit(self):
        guest = self.guest().start()
        guest.grow(2)
        base = guest.path('vda', 'base')
        probe = self.watch()
        guest.domain.blockCommit('vda', None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
        disk = probe.wait_disk(guest.name, lambda disk: disk['mirror'] == READY)
        self.assertEqual(disk['mirror_job'], ACTIVE_COMMIT)
        self.assertEqual(disk['block_job'], ACTIVE_COMMIT)
        self.assertEqual(self.paths(disk['mirror_layers']), [base])
        guest.domain.blockJobAbort('vda', libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        disk = probe.wait_disk(guest.name, lambda disk: len(disk['layers']) == 1)
        self.assertEqual(self.paths(disk['layers']), [base])
        self.assertEqual(disk['mirror'], 0)
        self.assertEqual(disk['mirror_layers'], [])
        self.assertIsNone(disk['layers'][0]['snapshot_name'])
        probe.scan()
        self.assertEqual(self.paths(probe.domains[guest.name]['disks']['vda']['inactive_layers']),
                         [base])
        guest.verify()

    def test_an_intermediate_commit_is_seen_before_it_ends(self):
        guest = self.guest().start()
        guest.grow(2)
        probe = self.watch()
        guest.domain.blockCommit('vda', guest.path('vda', 'base'), guest.path('vda', 's1'), 4096,
                                 libvirt.VIR_DOMAIN_BLOCK_COMMIT_BANDWIDTH_BYTES)
        probe.ask()
        disk = probe.wait_disk(guest.name, lambda disk: disk['block_job'] == COMMIT)
        self.assertEqual(disk['mirror'], 0)
        guest.domain.blockJobSetSpeed('vda', 0)
        event = probe.wait_event('block-job', disk='vda', job_type=COMMIT)
        self.assertEqual(event['status'], libvirt.VIR_DOMAIN_BLOCK_JOB_COMPLETED)
        disk = probe.wait_disk(guest.name, lambda disk: len(disk['layers']) == 2)
        self.assertEqual(self.paths(disk['layers']),
                         [guest.path('vda', 's2'), guest.path('vda', 'base')])

    def test_a_failed_job_has_qemus_reason(self):
        with self.bench.small_filesystem(24 * MIB) as small:
            guest = self.guest(base_folder=small.path).start()
            guest.grow(2)
            probe = self.watch()
            small.resize(24 * MIB - small.free_bytes())
            guest.domain.blockCommit('vda', None, None, 0, libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)
            said = probe.wait_events('qmp-job-error', 'block-job')
            self.assertEqual(said['qmp-job-error']['text'], 'No space left on device')
            self.assertEqual(said['qmp-job-error']['disk'], 'vda')
            self.assertEqual(said['qmp-job-error']['name'], guest.name)
            self.assertEqual(said['block-job']['status'], libvirt.VIR_DOMAIN_BLOCK_JOB_FAILED)
            probe.scan()
            disk = probe.domains[guest.name]['disks']['vda']
            self.assertEqual((disk['mirror'], disk['block_job'], len(disk['layers'])), (0, 0, 3))

    def test_an_io_error_names_the_disk(self):
        """libvirt says the device's alias, which is no name of the disk."""
        with self.bench.small_filesystem(2 * MIB) as small:
            guest = self.guest(folder=small.path, base_folder=self.bench.folder('images'),
                               error_policy='stop').start()
            probe = self.watch()
            guest.snapshot()
            event = probe.wait_event('io-error')
            self.assertEqual((event['name'], event['disk'], event['text']),
                             (guest.name, 'vda', 'enospc'))
            self.assertNotEqual(event['device'], 'vda')
            small.resize(16 * MIB)
            guest.resume()
            guest.wait_rounds(5)

    def test_a_threshold_names_disk_and_layer(self):
        """libvirt says "vda" and "vda[N]" of the same write."""
        guest = self.guest().start()
        guest.grow(1)
        probe = self.watch()
        index = probe.domains[guest.name]['disks']['vda']['layers'][0]['index']
        guest.domain.setBlockThreshold(f'vda[{index}]', 1)
        event = probe.wait_event('block-threshold', device=f'vda[{index}]')
        self.assertEqual((event['disk'], event['layer_index']), ('vda', index))

    def test_a_plugged_disk_is_named(self):
        """Its alias is new to everybody; and gone again before its domain is read anew."""
        guest = self.guest(devices="<controller type='scsi' model='virtio-scsi'/>").start()
        path = guest.path('sda', 'base')
        images.qemu_img('create', '-f', 'qcow2', path, '16M')
        device = (f"<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                  f"<source file='{path}'/><target dev='sda' bus='scsi'/></disk>")
        probe = self.watch()
        guest.domain.attachDevice(device)
        added = probe.wait_event('device-added')
        self.assertEqual((added['name'], added['disk']), (guest.name, 'sda'))
        self.assertIn('sda', probe.domains[guest.name]['disks'])
        guest.domain.detachDevice(device)
        removed = probe.wait_event('device-removed')
        self.assertEqual((removed['disk'], removed['device']), ('sda', added['device']))

    def test_the_connection_comes_back(self):
        guest = self.guest().start()
        guest.grow(1)
        probe = self.watch()
        self.bench.libvirtd.kill()
        probe.wait_event('disconnected')
        self.bench.libvirtd.start()
        probe.wait_event('connected')
        probe.wait_kind('scanned')
        guest.snapshot('later')
        probe.scan()
        self.assertEqual(len(probe.domains[guest.name]['disks']['vda']['layers']), 3)
        self.assertEqual(probe.stop(), 0)

    def test_a_domain_comes_and_goes(self):
        probe = self.watch()
        guest = self.bench.guest('passing')
        probe.wait(lambda line: line['kind'] == 'domain' and line['name'] == 'passing')
        guest.start()
        probe.wait(lambda line: line['kind'] == 'domain' and line['state'] == 'running')
        guest.stop()
        probe.wait(lambda line: line['kind'] == 'domain' and line['state'] == 'shut off')
        guest.remove()
        probe.wait_kind('gone')
        self.assertNotIn('passing', probe.domains)


if __name__ == '__main__':
    unittest.main()
