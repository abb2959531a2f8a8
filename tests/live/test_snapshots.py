# SPDX-License-Identifier: LGPL-2.1-or-later
"""Snapshots of domains, as sinter and virsh show them."""

import os

import libvirt

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
