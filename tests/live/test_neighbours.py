# SPDX-License-Identifier: LGPL-2.1-or-later
"""Odd neighbours: domains whose images cannot be read stop nobody whom they do not concern."""

import os
import unittest
import xml.etree.ElementTree as ElementTree

import libvirt

from lib import images
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase

REFUSED = 4
UNKNOWN = 'unreadable'


class Neighbours(SinterCase):
    def place(self, name):
        folder = self.bench.folder('odd')
        return os.path.join(folder, name)

    def define(self, guest, name, source, format_='qcow2', type_='file'):
        """A domain that is shut off, whose disk has this source."""
        root = ElementTree.fromstring(guest.xml())
        root.find('name').text = name
        disk = root.find('devices/disk')
        disk.set('type', type_)
        disk.find('driver').set('type', format_)
        old = disk.find('source')
        old.attrib.clear()
        for key, value in source.items():
            old.set(key, value)
        domain = self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))
        self.addCleanup(domain.undefine)
        return domain

    def overlay(self, path, backing, format_):
        """An overlay whose base qemu-img does not look at."""
        images.qemu_img('create', '-q', '-u', '-f', 'qcow2', '-b', backing, '-F', format_, path,
                        '1M')
        return path

    def define_harmless(self, guest):
        """One domain for each way to be odd without being a reader of anybody's file."""
        folder = guest.folder
        path = lambda name: os.path.join(folder, name)  # noqa: E731
        images.qemu_img('create', '-q', '-f', 'vdi', path('odd.vdi'), '1M')
        images.qemu_img('create', '-q', '-f', 'vmdk', path('odd.vmdk'), '1M')
        self.define(guest, 'odd-vdi', {'file': path('odd.vdi')}, 'vdi')
        self.define(guest, 'odd-vmdk', {'file': path('odd.vmdk')}, 'vmdk')
        for name, backing in (('nbd', 'nbd://localhost/export'), ('rbd', 'rbd:pool/image'),
                              ('https', 'https://localhost/image'),
                              ('json', 'json:{"driver":"nbd","host":"localhost","port":"1"}')):
            overlay = self.overlay(path(f'odd-{name}.qcow2'), backing, 'raw')
            self.define(guest, f'odd-{name}', {'file': overlay})
        with open(path('odd-empty'), 'wb'):
            pass
        self.define(guest, 'odd-empty', {'file': path('odd-empty')})
        self.define(guest, 'odd-missing', {'file': path('odd-missing')})
        images.qemu_img('create', '-q', '-f', 'qcow2', path('odd-apart.qcow2'), '1M')
        overlay = self.overlay(path('odd-file.qcow2'), path('odd-apart.qcow2'), 'file')
        self.define(guest, 'odd-file', {'file': overlay})

    def define_pool(self, name, folder):
        pool = self.bench.connection.storagePoolDefineXML(
            f"<pool type='dir'><name>{name}</name><target><path>{folder}</path></target></pool>")
        self.addCleanup(pool.undefine)
        self.assertFalse(pool.isActive())

    def refusals(self, guest, **options):
        self.sinter.rescan()
        return [(refusal['code'], refusal['text'])
                for refusal in self.sinter.plan(guest.name, **options)['Refusals']]

    def test_who_is_no_reader_does_not_count(self):
        guest = self.grown(2)
        before = self.paths(guest)
        self.define_harmless(guest)
        images.qemu_img('create', '-q', '-f', 'qcow2', self.place('alone.qcow2'), '1M')
        self.define_pool('asleep', self.bench.folder('odd'))
        self.define(guest, 'odd-volume', {'pool': 'asleep', 'volume': 'alone.qcow2'},
                    type_='volume')
        self.bench.sinter('consolidate', guest.name)
        self.assert_chain(guest, before[-1:])
        self.assertEqual([path for path in before if os.path.exists(path)], before[-1:])
        self.assert_whole(guest)

    def test_a_volume_of_an_inactive_pool_is_a_reader(self):
        guest = self.grown(1)
        self.overlay(self.place('clone.qcow2'), guest.path('vda', 'base'), 'qcow2')
        self.define_pool('asleep', self.bench.folder('odd'))
        self.define(guest, 'reader', {'pool': 'asleep', 'volume': 'clone.qcow2'}, type_='volume')
        (code, text), = self.refusals(guest)
        self.assertEqual(code, 'shared-base')
        self.assertIn("'reader'", text)

    def test_who_is_unknown_counts_where_it_is(self):
        guest = self.grown(1)
        before = self.paths(guest)
        broken = os.path.join(guest.folder, 'broken.qcow2')
        with open(broken, 'wb') as file:
            file.write(b'not what it says' * 64)
        self.define(guest, 'broken', {'file': broken})
        (code, text), = self.refusals(guest)
        self.assertEqual(code, UNKNOWN)
        for word in ('broken.qcow2', "'broken'", '--ignore-reader'):
            self.assertIn(word, text)
        self.assertNotIn('remove', text)
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        done = self.bench.sinter('consolidate', guest.name, '--ignore-reader', 'other',
                                 check=False)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        plan = self.bench.sinter_json('plan', guest.name, '--ignore-reader', 'broken')
        self.assertIn("'broken'", ' '.join(plan['warnings']))
        self.bench.sinter('consolidate', guest.name, '--ignore-reader', 'broken')
        self.assert_chain(guest, before[-1:])
        self.assertFalse(os.path.exists(before[0]))
        self.assert_whole(guest)

    def test_who_is_unknown_does_not_count_elsewhere(self):
        with self.bench.small_filesystem(64 * 1024 * 1024) as small:
            broken = os.path.join(small.path, 'broken.qcow2')
            guest = self.grown(1)
            with open(broken, 'wb') as file:
                file.write(b'not what it says' * 64)
            self.define(guest, 'broken', {'file': broken})
            self.define(guest, 'device', {'dev': '/dev/sinter-no-device/lv'}, type_='block')
            self.assertEqual(self.refusals(guest), [])
            self.define(guest, 'placeless', {'pool': 'nowhere', 'volume': 'x'}, type_='volume')
            (code, text), = self.refusals(guest)
            self.assertEqual(code, UNKNOWN)
            self.assertIn("'nowhere'", text)

    def assert_stray(self, guest, stray):
        """The stray stops the merge by its name, until its name is given."""
        (code, text), = self.refusals(guest)
        self.assertEqual(code, 'shared-base')
        self.assertIn(stray, text)
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        plan = self.bench.sinter_json('plan', guest.name, '--ignore-reader', stray)
        self.assertEqual(plan['verdict'], 'work')

    def test_a_clone_beside_the_chain(self):
        guest = self.grown(2)
        before = self.paths(guest)
        clone = os.path.join(guest.folder, 'clone.qcow2')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', before[1], '-F', 'qcow2', clone)
        content = images.qemu_img('map', '--output=json', clone)
        self.assert_stray(guest, clone)
        self.assertEqual(images.qemu_img('map', '--output=json', clone), content)
        chain = self.bench.sinter('chain', guest.name).stdout
        self.assertIn('clone.qcow2', chain)
        self.bench.sinter('consolidate', guest.name, '--ignore-reader', clone)
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_a_clone_in_a_pool(self):
        guest = self.grown(1)
        pool = self.bench.connection.storagePoolCreateXML(
            "<pool type='dir'><name>awake</name>"
            f"<target><path>{self.bench.folder('odd')}</path></target></pool>")
        self.addCleanup(pool.destroy)
        clone = self.place('in-a-pool.qcow2')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', guest.path('vda', 'base'),
                        '-F', 'qcow2', clone)
        self.addCleanup(os.unlink, clone)
        self.assert_stray(guest, clone)

    def test_an_overlay_that_only_a_snapshot_names(self):
        """The domain was moved to another overlay on the snapshot's state by hand: the one before
        holds what the guest wrote since, and nothing but the snapshot's metadata names it."""
        guest = self.guest().start()
        guest.snapshot('s1')
        guest.stop()
        left = guest.path('vda', 's1')
        other = os.path.join(guest.folder, 'other.qcow2')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', guest.path('vda', 'base'),
                        '-F', 'qcow2', other)
        root = ElementTree.fromstring(
            guest.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        root.find('devices/disk/source').set('file', other)
        self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))
        self.assert_stray(guest, left)
        with self.assertRaises(SinterError) as caught:
            self.sinter.delete_snapshot(guest.name, 's1')
        self.assertEqual(caught.exception.code, 'SharedBase')

    def test_a_data_file(self):
        """A base that is the data file of an image which no domain uses."""
        guest = self.grown(1)
        image = os.path.join(guest.folder, 'with-data.qcow2')
        base = guest.path('vda', 'base')
        shadow = os.path.join(guest.folder, 'shadow')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-o',
                        f'data_file={shadow},data_file_raw=on', image, '1M')
        os.unlink(shadow)
        os.symlink(base, shadow)
        self.assert_stray(guest, image)

    def test_a_managed_save_image(self):
        """It resumes on the images that it was saved with, whatever the definition says since."""
        guest = self.grown(1)
        saved = self.guest('saved-one')
        overlay = os.path.join(guest.folder, 'of-saved.qcow2')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', guest.path('vda', 'base'),
                        '-F', 'qcow2', overlay)
        domain = self.bench.connection.lookupByName(saved.name)
        root = ElementTree.fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        usual = root.find('devices/disk/source').get('file')
        root.find('devices/disk/source').set('file', overlay)
        self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))
        guest.stop()
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        domain.managedSave()
        self.addCleanup(domain.managedSaveRemove)
        root.find('devices/disk/source').set('file', usual)
        self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))
        (code, text), = self.refusals(guest)
        self.assertEqual(code, 'shared-base')
        self.assertIn("the managed save image of domain 'saved-one'", text)

    def test_a_kept_image_does_not_count(self):
        """What a commit merged and kept is no reader of its base any more."""
        guest = self.grown(1)
        before = self.paths(guest)
        self.assertEqual(self.sinter.commit(guest.name).wait()['Phase'], 'done')
        self.assertTrue(os.path.exists(before[0]))
        guest.grow(1)
        self.assertEqual(self.refusals(guest), [])
        os.removexattr(before[0], 'user.sinter.merged')
        self.assert_stray(guest, before[0])

    def test_a_domain_of_another_manager(self):
        guest = self.grown(1)
        before = self.paths(guest)
        domain = self.bench.connection.lookupByName(guest.name)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, '<instance/>', 'nova',
                           'http://openstack.org/xmlns/libvirt/nova/1.1',
                           libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        (code, text), = self.refusals(guest)
        self.assertEqual(code, 'managed')
        self.assertIn('OpenStack', text)
        for command in (['consolidate', guest.name], ['commit', guest.name, 'vda'],
                        ['pull', guest.name, 'vda'],
                        ['copy', guest.name, 'vda', os.path.join(guest.folder, 'copy')]):
            done = self.bench.sinter(*command, check=False)
            self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.bench.sinter('consolidate', guest.name, '--ignore-manager')
        self.assert_chain(guest, before[-1:])
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
