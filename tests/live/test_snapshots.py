# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of domains, as sinter and virsh show them."""

import os
import stat
import time

import libvirt

from lib import images
from lib.crashpoints import CrashPoints
from lib.guestcode import GuestCode
from lib.sinterbus import Job, SinterBus, SinterError
from lib.sintercase import SinterCase

MEMORY_XML = '''<domainsnapshot><name>{name}</name><description>with memory</description>
  <memory snapshot='external' file='{memory}'/>
  <disks><disk name='vda' snapshot='external'><source file='{path}'/></disk></disks>
</domainsnapshot>'''


class Snapshots(SinterCase):
    def listed(self, guest):
        """The tree of the client, by name."""
        domain = self.bench.sinter_json('snapshot', 'list', guest.name)
        return {row['name']: row for row in domain['snapshot-tree']}

    def agree(self, guest):
        """The client and virsh show the same snapshots, parents and current snapshot."""
        listed = self.listed(guest)
        names = guest.domain.snapshotListNames()
        self.assertEqual(sorted(listed), sorted(names))
        current = [name for name, row in listed.items() if row.get('current')]
        self.assertEqual(current, [guest.domain.snapshotCurrent().getName()] if
                         guest.domain.hasCurrentSnapshot() else [])
        for name in names:
            snapshot = guest.domain.snapshotLookupByName(name)
            try:
                parent = snapshot.getParent().getName()
            except libvirt.libvirtError:
                parent = None
            self.assertEqual(listed[name].get('parent'), parent)
        return listed

    def test_list(self):
        guest = self.guest().start()
        self.assertEqual(self.agree(guest), {})
        guest.snapshot('s1')
        guest.wait_rounds(5)
        memory = guest.path('vda', 'memory')
        guest.domain.snapshotCreateXML(MEMORY_XML.format(
            name='s2', memory=memory, path=guest.path('vda', 's2')))
        listed = self.agree(guest)
        state, = listed['s1']['disks']
        self.assertEqual((state['image'], state['external']), (guest.path('vda', 'base'), True))
        self.assertEqual(state['allocated-bytes'], os.stat(state['image']).st_blocks * 512)
        self.assertEqual((listed['s1']['state'], listed['s2']['state']),
                         ('disk-snapshot', 'running'))
        self.assertEqual((listed['s2']['memory'], listed['s2']['description']),
                         (memory, 'with memory'))
        self.assertEqual(listed['s2']['memory-bytes'], os.stat(memory).st_blocks * 512)
        text = self.bench.sinter('snapshot', 'list', guest.name).stdout
        self.assertIn(f'{guest.name} (running), 2 snapshots\n└─ s1  ', text)
        self.assertIn('\n   └─ s2  ', text)
        guest.domain.snapshotLookupByName('s1').delete(
            libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.agree(guest)

    # -- creating ----------------------------------------------------------------

    def mode(self, path):
        found = os.stat(path)
        return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid

    def check_created(self, guest, name, before):
        """All disks are on new overlays, which only their owner can access; virsh knows it."""
        listed = self.agree(guest)
        self.assertTrue(listed[name]['current'])
        for target, old in before.items():
            top = guest.chain(target, inactive=True)[0].path
            self.assertEqual(top, os.path.splitext(old)[0] + '.' + name)
            self.assertEqual(self.frozen_path(guest, name, target), old)
            self.assertEqual(self.mode(top), (0o600, *self.mode(old)[1:]))
        self.bench.virsh('snapshot-dumpxml', guest.name, name)

    def tops(self, guest):
        return {target: guest.chain(target, inactive=True)[0].path for target in guest.targets}

    def test_create_live(self):
        guest = self.guest(code=GuestCode(n_disks=2)).start()
        for name in ('before upgrade', 's2'):
            before = self.tops(guest)
            self.bench.sinter('snapshot', 'create', guest.name, name, '--description', 'a <b>')
            self.check_created(guest, name, before)
            guest.wait_rounds(5)
        self.assertEqual(self.agree(guest)['s2']['description'], 'a <b>')
        self.assertEqual(self.agree(guest)['s2']['parent'], 'before upgrade')
        self.assert_whole(guest)

    def test_create_shut_off(self):
        guest = self.guest(code=GuestCode(n_disks=2)).start()
        guest.stop()
        for path in self.tops(guest).values():
            os.chmod(path, 0o644)
        before = self.tops(guest)
        self.bench.sinter('snapshot', 'create', guest.name, 's1')
        self.check_created(guest, 's1', before)
        for old in before.values():
            info = images.info(os.path.splitext(old)[0] + '.s1', shared=False)
            self.assertEqual((info['backing-filename'], info['backing-filename-format'],
                              info['virtual-size']), (old, 'qcow2', guest.size_bytes))
        guest.start()
        self.assert_whole(guest)
        self.bench.sinter('snapshot', 'delete', guest.name, 's1')
        self.assertEqual(self.tops(guest), before)

    def test_create_one_disk(self):
        guest = self.guest(code=GuestCode(n_disks=2)).start()
        done = self.bench.sinter('snapshot', 'create', guest.name, '--disk', 'vdb')
        self.assertEqual(done.stdout,
                         f'{guest.name} vdb: snapshot created, the chain has 2 layers\n')
        name, = self.agree(guest)
        self.assertAlmostEqual(int(name), time.time(), delta=600)
        self.assertEqual((guest.depth('vda'), guest.depth('vdb')), (1, 2))

    def create_fails(self, code, guest, **keys):
        with self.assertRaises(SinterError) as caught:
            self.sinter.create_snapshot(guest.name, **keys)
        self.assertEqual(caught.exception.code, code, caught.exception.message)
        return caught.exception.message

    def test_create_refusals(self):
        guest = self.guest().start()
        path = os.path.splitext(guest.path('vda', 'base'))[0] + '.taken'
        with open(path, 'w', encoding='ascii') as file:
            file.write('precious')
        end = self.sinter.create_snapshot(guest.name, name='taken').wait()
        self.assertEqual(end['Phase'], 'failed')
        self.assertIn('exists', end['ErrorMessage'])
        with open(path, encoding='ascii') as file:
            self.assertEqual(file.read(), 'precious')
        for name in ('', '.hidden', 'a/b', 'a\nb'):
            self.create_fails('InvalidArgument', guest, name=name)
        guest.snapshot('s1')
        self.create_fails('InvalidArgument', guest, name='s1')
        guest.stop()
        guest.domain.create()
        guest.domain.managedSave()
        self.assertIn('managed save', self.create_fails('Busy', guest, name='s2'))
        self.assertEqual(sorted(self.agree(guest)), ['s1'])

    def test_create_killed(self):
        """sinterd dies at each point of the creation: the next one completes it, or nothing is
        left of it."""
        points = CrashPoints(self.bench)
        self.addCleanup(points.close)
        env = self.bench.sinterd.env
        self.addCleanup(setattr, self.bench.sinterd, 'env', env)
        self.addCleanup(self.bench.sinterd.stop)
        points.preload(self.bench.sinterd)
        for running in (True, False):
            guest = self.guest(f'killed-{running}'.lower(), code=GuestCode(n_disks=2)).start()
            if not running:
                guest.stop()
            names = ['snapshot-announced', 'snapshot-requesting', 'snapshot-created']
            for name in names if running else names + ['snapshot-overlay-created']:
                with self.subTest(point=name, running=running):
                    self.kill_at(points, guest, name)

    def connect(self):
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)

    def kill_at(self, points, guest, point):
        before, service = self.tops(guest), self.bench.sinterd
        service.stop()
        points.arm(point + ' 1')
        service.start()
        self.connect()
        job = self.sinter.create_snapshot(guest.name, name=point)
        self.assertTrue(points.wait(lambda: False))
        service.kill()
        points.arm('')
        service.start()
        self.connect()
        end = Job(self.sinter, job.path).wait()
        self.assertEqual((end['Phase'], end['Warnings']), ('done', []), end['ErrorMessage'])
        self.check_created(guest, point, before)

    # -- deleting ----------------------------------------------------------------

    def states(self, guest, *names):
        """What the disk holds at each snapshot, taken while the guest is suspended."""
        contents = {}
        for name in names:
            guest.pause()
            guest.snapshot(name)
            contents[name] = self.content(self.frozen_path(guest, name))
            guest.resume()
            guest.wait_rounds(5)
        return contents

    def content(self, path):
        raw = os.path.join(self.bench.folder('dumps'), 'state.raw')
        images.convert(path, raw, 'qcow2', 'raw', shared=True)
        with open(raw, 'rb') as file:
            content = file.read()
        os.unlink(raw)
        return content

    def check_states(self, guest, contents):
        """Each snapshot still has its state; virsh, the client and the files agree."""
        self.assertEqual(sorted(self.agree(guest)), sorted(contents))
        for name, content in contents.items():
            self.assertTrue(self.content(self.frozen_path(guest, name)) == content, name)
            self.bench.virsh('snapshot-dumpxml', guest.name, name)
        self.bench.virsh('snapshot-list', guest.name, '--tree')

    def files(self, guest):
        return self.paths(guest) if guest.is_active() else guest.image_files('vda')

    def delete(self, guest, name):
        return self.bench.sinter('snapshot', 'delete', guest.name, name)

    def delete_each(self, guest, contents, order):
        for name in order:
            paths = self.files(guest)
            kept = self.frozen_path(guest, name)
            merged = paths[paths.index(kept) - 1]
            self.delete(guest, name)
            del contents[name]
            self.assertFalse(os.path.exists(merged))
            self.assertEqual(self.files(guest), [path for path in paths if path != merged])
            self.check_states(guest, contents)

    def test_delete_live(self):
        guest = self.guest().start()
        contents = self.states(guest, 's1', 's2', 's3')
        self.delete_each(guest, contents, ['s2', 's3', 's1'])
        self.assert_whole(guest)

    def test_delete_shut_off(self):
        guest = self.guest().start()
        contents = self.states(guest, 's1', 's2', 's3')
        guest.stop()
        self.delete_each(guest, contents, ['s2', 's1', 's3'])
        guest.start()
        self.assert_whole(guest)

    def test_delete_two_disks(self):
        guest = self.guest(code=GuestCode(n_disks=2)).start()
        guest.snapshot('s1')
        guest.wait_rounds(5)
        guest.snapshot('s2', ['vdb'])
        guest.wait_rounds(5)
        self.delete(guest, 's1')
        self.assertEqual((guest.depth('vda'), guest.depth('vdb')), (1, 2))
        self.assertEqual(list(self.agree(guest)), ['s2'])
        self.assertEqual(self.frozen_path(guest, 's2', 'vdb'), guest.path('vdb', 'base'))
        self.assert_whole(guest)

    def test_refusals(self):
        guest = self.guest().start()
        guest.snapshot('s1')
        with self.assertRaises(SinterError) as caught:
            self.sinter.delete_snapshot(guest.name, 'lost')
        self.assertEqual(caught.exception.code, 'NotFound')
        memory = guest.path('vda', 'memory')
        guest.domain.snapshotCreateXML(MEMORY_XML.format(
            name='s2', memory=memory, path=guest.path('vda', 's2')))
        with self.assertRaises(SinterError) as caught:
            self.sinter.delete_snapshot(guest.name, 's2')
        self.assertEqual(caught.exception.code, 'Unsupported')
        self.assertIn(memory, caught.exception.message)
        self.assertEqual(sorted(self.agree(guest)), ['s1', 's2'])
        self.assertTrue(os.path.exists(memory))
