# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chains of domains that are shut off, merged by sinter-worker; the guest then boots and judges.

The guest grew its chain while it ran, so its disk has an oracle; QEMU's tools read it before and
after.
"""

import os
import unittest
import xml.etree.ElementTree as ElementTree

import libvirt

from lib import images
from lib.guestcode import GuestCode
from lib.offlinecase import OfflineCase
from lib.sinterbus import SinterError

MIB = 1024 * 1024
REFUSED = 4


class Consolidate(OfflineCase):
    def test_all_layers_become_one(self):
        guest = self.shut_off(4)
        before, content = self.files(guest), self.content(guest)
        self.assertEqual(len(before), 5)
        done = self.bench.sinter('consolidate', guest.name)
        self.assertEqual(done.returncode, 0)
        self.assert_merged(guest, content, before[-1:], before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)

    def test_newest_snapshots_stay(self):
        guest = self.shut_off(5)
        before, content = self.files(guest), self.content(guest)   # s5 s4 s3 s2 s1 base
        job, = self.sinter.consolidate(guest.name, keep=2)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, [before[0], before[1], before[-1]], before)
        self.assertEqual(guest.snapshot_names(), ['s4', 's5'])
        self.assertEqual(self.frozen_path(guest, 's5'), before[1])
        self.assertEqual(self.frozen_path(guest, 's4'), before[-1])
        self.assert_boots(guest)

    def test_upward(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job, = self.sinter.consolidate(guest.name, pull=True)
        end = job.wait()
        self.assertEqual((end['Phase'], end['Operation'], end['Warnings']), ('done', 'pull', []))
        self.assert_merged(guest, content, before[:1], before)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)

    def test_the_way_with_fewer_bytes(self):
        """All of the disk lies in the active layer: the others go up into it, by themselves."""
        guest = self.shut_off(2)
        before = self.files(guest)
        empty = os.path.join(guest.folder, 'empty.qcow2')
        images.qemu_img('create', '-f', 'qcow2', empty, guest.size_bytes)
        images.qemu_img('rebase', '-f', 'qcow2', '-F', 'qcow2', '-b', empty, before[0])
        images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', before[1], before[0])
        content = self.content(guest)
        plan = self.sinter.plan(guest.name)
        self.assertIn('pull', [step['kind'] for step in plan['Steps']])
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, before[:1], before)
        self.assert_boots(guest)

    def test_two_disks(self):
        guest = self.shut_off(3, code=GuestCode(n_disks=2))
        before = {target: self.files(guest, target) for target in guest.targets}
        content = {target: self.content(guest, target) for target in guest.targets}
        jobs = self.sinter.consolidate(guest.name)
        self.assertEqual([job.wait()['Phase'] for job in jobs], ['done', 'done'])
        for target in guest.targets:
            self.assert_merged(guest, content[target], before[target][-1:], before[target], target)
        self.assertEqual(guest.snapshot_names(), [])
        self.assert_boots(guest)

    def test_a_raw_base(self):
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        raw = os.path.join(guest.folder, 'base.raw')
        images.convert(before[-1], raw, 'qcow2', 'raw')
        images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'raw', '-b', raw, before[-2])
        self.redefine_chain(guest, '')          # libvirt had noted the old one
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        layer, = guest.chain(inactive=True)
        self.assertEqual((layer.path, layer.format), (raw, 'raw'))
        with open(raw, 'rb') as file:
            self.assertTrue(file.read() == content, 'the content has changed')
        guest.start()
        guest.wait_rounds(5)
        guest.stop()

    def redefine_chain(self, guest, chain):
        """Lets vda's definition hold this in place of its <backingStore>."""
        root = ElementTree.fromstring(guest.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        disk = root.find("devices/disk/target[@dev='vda']/..")
        for old in disk.findall('backingStore'):
            disk.remove(old)
        if chain:
            disk.insert(2, ElementTree.fromstring(chain))
        self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))

    @staticmethod
    def chain_xml(paths):
        chain = '<backingStore/>'
        for path in reversed(paths):
            chain = (f"<backingStore type='file'><format type='qcow2'/><source file='{path}'/>"
                     f'{chain}</backingStore>')
        return chain

    def test_a_definition_that_contradicts_the_headers(self):
        """Which of the two is right nobody can tell: neither is touched."""
        guest = self.shut_off(3)
        before = self.files(guest)
        for snapshot in guest.domain.listAllSnapshots():
            snapshot.delete(libvirt.VIR_DOMAIN_SNAPSHOT_DELETE_METADATA_ONLY)
        self.redefine_chain(guest, self.chain_xml([before[1], before[3]]))
        job, = self.sinter.consolidate(guest.name)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'ChainChanged'))
        self.assertIn(before[2], end['ErrorMessage'])
        self.assertEqual(self.paths(guest, inactive=True), [before[0], before[1], before[3]])
        self.assertEqual(self.files(guest), before)

    def test_a_chain_that_stands_in_the_definition(self):
        """libvirt believes a <backingStore> more than the headers: it has to go."""
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        self.redefine_chain(guest, self.chain_xml(before[1:]))
        self.assertEqual(self.paths(guest, inactive=True), before)
        job, = self.sinter.consolidate(guest.name, keep=1)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assert_merged(guest, content, [before[0], before[-1]], before)
        self.assert_boots(guest)

    def test_a_storage_pool_is_refreshed(self):
        guest = self.shut_off(2)
        pool = self.bench.connection.storagePoolCreateXML(
            f"<pool type='dir'><name>images</name><target><path>{guest.folder}</path></target>"
            '</pool>')
        self.addCleanup(pool.destroy)
        names = [os.path.basename(path) for path in self.files(guest)]
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual([name for name in names if name in pool.listVolumes()], names[-1:])

    def test_files_may_stay(self):
        guest = self.shut_off(2)
        before = self.files(guest)
        job, = self.sinter.consolidate(guest.name, keep_files=True)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), before[-1:])
        self.assertTrue(all(os.path.exists(path) for path in before))
        self.assert_boots(guest)


class SingleJobs(OfflineCase):
    def test_intermediate_commit(self):
        guest = self.shut_off(4)
        before, content = self.files(guest), self.content(guest)   # s4 s3 s2 s1 base
        done = self.bench.sinter('commit', guest.name, 'vda', '--top', before[1], '--base',
                                 before[3])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.files(guest), [before[0], before[3], before[4]])
        self.assertTrue(all(os.path.exists(path) for path in before))     # as virsh leaves them
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)

    def test_pull_with_a_base(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        job = self.sinter.pull(guest.name, base=before[-1])
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), [before[0], before[-1]])
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)

    def test_relative_names_stay_relative(self):
        guest = self.shut_off(3)
        before, content = self.files(guest), self.content(guest)
        for above, below in zip(before, before[1:]):
            images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b',
                            os.path.basename(below), above)
        job, = self.sinter.consolidate(guest.name, keep=1)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_merged(guest, content, [before[0], before[-1]], before)
        self.assertEqual(images.info(before[0])['backing-filename'], os.path.basename(before[-1]))
        self.assert_boots(guest)

    def test_a_copy_needs_a_guest_that_runs(self):
        guest = self.shut_off(1)
        with self.assertRaises(SinterError) as caught:
            self.sinter.copy(guest.name, os.path.join(guest.folder, 'copy.qcow2'))
        self.assertEqual(caught.exception.code, 'Unsupported')
        self.assertIn('requires a running domain', caught.exception.message)


class Refusals(OfflineCase):
    def assert_refused(self, guest, *texts):
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ''), done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for text in texts:
            self.assertIn(text, done.stderr)

    def test_base_shared_with_another_domain(self):
        guest = self.shut_off(2)
        before = self.files(guest)
        overlay = os.path.join(guest.folder, 'sibling.qcow2')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', before[-1], overlay)
        sibling = self.bench.connection.defineXML(
            guest.xml().replace(f'<name>{guest.name}<', '<name>sibling<')
            .replace(before[-1], overlay))
        self.addCleanup(sibling.undefine)
        kept = images.qemu_img('map', '--output=json', overlay)
        self.assert_refused(guest, 'sibling', before[-1])
        self.assertEqual(self.files(guest), before)
        self.assertEqual(images.qemu_img('map', '--output=json', overlay), kept)
        # what lies above the shared one can be merged
        job, = self.sinter.consolidate(guest.name, base=before[-2])
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.files(guest), before[-2:])
        self.assertEqual(images.qemu_img('map', '--output=json', overlay), kept)

    def test_a_sibling_that_comes_while_sinterd_is_dead(self):
        """A merge that was cut off is not begun anew under somebody who came meanwhile."""
        guest = self.shut_off(2)
        before, content = self.files(guest), self.content(guest)
        job = self.half_merged(guest)
        self.bench.sinterd.kill()
        overlay = os.path.join(guest.folder, 'newcomer.qcow2')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', before[-2], overlay)
        sibling = self.bench.connection.defineXML(
            guest.xml().replace(f'<name>{guest.name}<', '<name>newcomer<')
            .replace(before[-1], overlay))
        self.addCleanup(sibling.undefine)
        end = self.start_again(job).wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'SharedBase'))
        self.assertTrue(self.content(guest) == content, 'the content has changed')

    def test_managed_save(self):
        guest = self.grown(1)
        guest.domain.managedSave()
        self.assert_refused(guest, 'managed save')
        guest.domain.managedSaveRemove()

    def test_internal_snapshot(self):
        guest = self.shut_off(1)
        images.qemu_img('snapshot', '-c', 'inside', self.files(guest)[-1])
        self.assert_refused(guest, 'internal snapshot')


class NoSpace(OfflineCase):
    def test_base_runs_full_in_mid_merge(self):
        with self.bench.small_filesystem(24 * MIB) as small:
            guest = self.guest(base_folder=small.path).start()
            guest.grow(2)
            guest.stop()
            before, content = self.files(guest), self.content(guest)
            job = self.half_merged(guest)
            small.resize(24 * MIB - small.free_bytes())
            job.set_bandwidth(0)
            end = job.wait()
            self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'NoSpace'),
                             end['ErrorMessage'])
            self.assertIn(before[-1], end['ErrorMessage'])
            self.assertEqual(self.files(guest), before)
            self.assertTrue(self.content(guest) == content, 'the content has changed')
            guest.check_images()
            small.resize(48 * MIB)
            job, = self.sinter.consolidate(guest.name)
            self.assertEqual(job.wait()['Phase'], 'done')
            self.assert_merged(guest, content, before[-1:], before)


if __name__ == '__main__':
    unittest.main()
