# SPDX-License-Identifier: LGPL-2.1-or-later
"""check -r beside qemu-img on the damages that QEMU's own tests repair.

Each case damages an image that qemu-img made, and gives a copy to each program. Where QEMU's
repair is right, both end alike: exit status, verdict of a later check, content, snapshots. Where it
is not, the case says why and what ours ends with.
"""

import os
import shutil
import struct
import subprocess
import unittest

from img import ImgCase, QEMU_IO, ours, theirs

KIB = 1024
CLUSTER = 64 * KIB
COPIED = 1 << 63
OFFSET = 0x00fffffffffffe00


class RepairCase(ImgCase):
    def number(self, name, offset, width=8):
        with open(self.path(name), 'rb') as file:
            file.seek(offset)
            return int.from_bytes(file.read(width), 'big')

    def put(self, name, offset, value, width=8):
        self.poke(name, offset, value.to_bytes(width, 'big'))

    # -- where things stand, as the image's header says ------------------------

    def reftable(self, name='image'):
        return self.number(name, 48)

    def refblock(self, name='image'):
        return self.number(name, self.reftable(name))

    def l1(self, name='image'):
        return self.number(name, 40)

    def l2(self, name='image', index=0):
        return self.number(name, self.l1(name) + 8 * index) & OFFSET

    def data(self, guest, name='image'):
        return self.number(name, self.l2(name) + 8 * guest) & OFFSET

    def set_count(self, offset, value, name='image'):
        self.put(name, self.refblock(name) + 2 * (offset // CLUSTER), value, 2)

    # -- both programs ------------------------------------------------------------

    def repaired(self, what='all', name='image'):
        """(qemu-img's answer, ours) on copies 'theirs' and 'ours'."""
        for copy in ('theirs', 'ours'):
            shutil.copy(self.path(name), self.path(copy))
        return (theirs('check', '-f', 'qcow2', '-r', what, 'theirs', folder=self.folder),
                ours('check', '-f', 'qcow2', '-r', what, 'ours', folder=self.folder))

    def verdict(self, name):
        return theirs('check', '-f', 'qcow2', name, folder=self.folder).status

    def assert_settled(self, status=0, what='all'):
        """Ours ends so, both checks say the same, and another run changes nothing."""
        self.assertEqual(self.verdict('ours'), status)
        self.assertEqual(ours('check', '-f', 'qcow2', 'ours', folder=self.folder).status, status)
        before = self.content('ours')
        ours('check', '-f', 'qcow2', '-r', what, 'ours', folder=self.folder)
        self.assertTrue(self.content('ours') == before, 'the second run wrote to the image')

    def assert_same_end(self, what='all', name='image', status=0):
        their, our = self.repaired(what, name)
        self.assertEqual((their.status, our.status), (status, status), f'{their}\n{our}')
        self.assertEqual(self.verdict('theirs'), status)
        self.assert_settled(status, what)
        self.assertEqual(theirs('compare', '-f', 'qcow2', '-F', 'qcow2', 'theirs', 'ours',
                                folder=self.folder).status, 0)
        self.assertEqual(*(theirs('snapshot', '-l', copy, folder=self.folder).stdout
                           for copy in ('theirs', 'ours')))
        return their, our

    def assert_reads(self, *commands, name='ours'):
        """qemu-io reads the patterns."""
        self.io(*commands, name=name, options=['-r', '-f', 'qcow2'])


class Unclosed(RepairCase):
    def killed(self, options='lazy_refcounts=on'):
        self.create('image', '128M', options)
        subprocess.run([QEMU_IO, '-f', 'qcow2', '-c', 'write -P 90 0 512', '-c', 'flush',
                        '-c', 'sigraise 9', self.path('image')], check=False,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_lazy_refcounts(self):
        self.killed()
        self.assertEqual(self.number('image', 72) & 1, 1)
        self.assert_same_end()
        self.assert_reads('read -P 90 0 512')
        self.assertEqual(self.number('ours', 72) & 1, 0)

    def test_leaks_alone_do_not_make_counts(self):
        """-r leaks raises no count. QEMU wants to rebuild all and gives up; we say what is left."""
        self.killed()
        their, our = self.repaired('leaks')
        self.assertEqual((their.status, our.status), (1, 2), f'{their}\n{our}')
        self.assertTrue(self.content('ours') == self.content('image'), 'the image was written')


class Counts(RepairCase):
    def setUp(self):
        super().setUp()
        self.create('image', '64M', writes=['write -P 42 0 64k', 'write -P 23 64k 128k'])

    def test_header_not_counted(self):
        self.set_count(0, 0)
        self.assert_same_end()

    def test_refcount_table_not_counted(self):
        self.set_count(self.reftable(), 0)
        self.assert_same_end()

    def test_refcount_block_not_counted(self):
        self.set_count(self.refblock(), 0)
        self.assert_same_end()

    def test_l1_table_not_counted(self):
        self.set_count(self.l1(), 0)
        self.assert_same_end()

    def test_l2_table_not_counted(self):
        self.set_count(self.l2(), 0)
        self.assert_same_end()

    def test_data_not_counted(self):
        self.set_count(self.data(0), 0)
        self.assert_same_end()
        self.assert_reads('read -P 42 0 64k', 'read -P 23 64k 128k')

    def test_leaks(self):
        end = os.path.getsize(self.path('image'))
        self.poke('image', end, bytes(CLUSTER))
        self.set_count(end, 1)
        self.assert_same_end('leaks')

    def test_count_too_high_with_leaks(self):
        """The count is a leak, the flag that no longer fits it a corruption."""
        self.set_count(self.data(0), 2)
        self.assert_same_end('all')

    def test_leaks_among_corruptions(self):
        """QEMU gives up on a cluster that is used and counted free; we lower what is too high."""
        self.set_count(self.data(0), 0)
        self.set_count(self.data(1), 2)
        their, our = self.repaired('leaks')
        self.assertEqual((their.status, our.status), (1, 2), f'{their}\n{our}')
        self.assertEqual(self.number('ours', self.refblock() + 2 * (self.data(1) // CLUSTER), 2), 1)

    def test_negative_count(self):
        self.create('wide', '64M', 'refcount_bits=64', writes=['write -P 42 0 64k'])
        self.put('wide', self.refblock('wide') + 8 * (self.data(0, 'wide') // CLUSTER),
                 (1 << 64) - 1)
        self.assert_same_end(name='wide')

    def test_copied_flags(self):
        for guest, change in ((0, 0), (1, COPIED)):
            at = self.l2() + 8 * guest
            self.put('image', at, self.number('image', at) & ~COPIED | change)
        self.put('image', self.l1(), self.l2())
        self.assert_same_end()


class Structure(RepairCase):
    """Refcount tables and blocks that are not there, or not where they can be."""

    def setUp(self):
        super().setUp()
        self.create('image', '64M', writes=['write -P 42 0 64k', 'write -P 23 1M 128k'])

    def assert_rebuilt(self):
        self.assert_same_end()
        self.assert_reads('read -P 42 0 64k', 'read -P 23 1M 128k')

    def test_no_refcount_table(self):
        self.poke('image', 48, bytes(12))
        self.assert_rebuilt()

    def test_empty_refcount_table(self):
        self.put('image', self.reftable(), 0)
        self.assert_rebuilt()

    def test_empty_refcount_block(self):
        self.poke('image', self.refblock(), bytes(CLUSTER))
        self.assert_rebuilt()

    def test_unaligned_refcount_block(self):
        """QEMU makes a new block here, too."""
        self.put('image', self.reftable(), self.refblock() | 512)
        their, our = self.repaired()
        self.assertEqual(our.status, 0, f'{their}\n{our}')
        self.assert_settled()
        self.assert_reads('read -P 42 0 64k', 'read -P 23 1M 128k')

    def test_refcount_block_beyond_the_file(self):
        self.put('image', self.reftable(), 1 << 40)
        self.assert_rebuilt()

    def test_refcount_block_at_the_end_of_all_offsets(self):
        self.put('image', self.reftable(), OFFSET & ~(CLUSTER - 1))
        their, our = self.repaired()
        self.assertEqual(our.status, 0, f'{their}\n{our}')
        self.assert_settled()

    def test_second_block_beyond_the_file(self):
        self.put('image', self.reftable() + 8, 1 << 40)
        their, our = self.repaired()
        self.assertEqual(our.status, 0, f'{their}\n{our}')
        self.assert_settled()
        self.assert_reads('read -P 42 0 64k', 'read -P 23 1M 128k')

    def test_unreferenced_cluster_where_a_new_block_would_go(self):
        """A leaked cluster that no block covers: with blocks of 32 KiB counts, far behind."""
        self.create('narrow', '64M', 'cluster_size=512', writes=['write -P 42 0 512'])
        with open(self.path('narrow'), 'r+b') as file:
            file.truncate(512 * 1000)
        self.poke('narrow', 512 * 999, b'x' * 512)
        self.assert_same_end(name='narrow')

    def test_all_counts_of_a_large_image(self):
        """More blocks than the old table has room for."""
        self.create('wide', '8M', 'cluster_size=512,refcount_bits=64',
                    writes=['write -P 7 0 4M'])
        offset, clusters = self.reftable('wide'), self.number('wide', 56, 4)
        self.poke('wide', offset, bytes(512 * clusters))
        self.assert_same_end(name='wide')
        self.assert_reads('read -P 7 0 4M')

    def test_every_width(self):
        for bits in (1, 2, 4, 8, 16, 32, 64):
            with self.subTest(bits=bits):
                self.create('image', '8M', f'refcount_bits={bits},cluster_size=4k',
                            writes=['write -P 7 0 1M'])
                self.poke('image', self.refblock(), bytes(4 * KIB))
                self.assert_same_end()
                self.assert_reads('read -P 7 0 1M')


class Overlaps(RepairCase):
    """Guest data and tables on one cluster. QEMU raises counts and lets the guest read metadata."""

    def setUp(self):
        super().setUp()
        self.create('image', '64M', writes=['write -P 42 0 64k', 'write -P 23 64k 64k'])

    def assert_separated(self, **finding):
        _their, our = self.repaired()
        said = ours('check', '-f', 'qcow2', '--output=json', 'ours', folder=self.folder)
        self.assertEqual(said.status, our.status, said)
        if our.status == 0:
            self.assertNotIn(b'metadata-overlap', said.stdout)
        else:
            self.assertTrue(our.stderr or our.stdout)
        self.assert_reads('read -P 23 64k 64k')

    def test_data_on_refcount_block(self):
        self.put('image', self.l2(), self.refblock() | COPIED)
        self.assert_separated()

    def test_data_on_l1_table(self):
        self.put('image', self.l2(), self.l1() | COPIED)
        self.assert_separated()

    def test_deletion_keeps_what_a_lost_table_named(self):
        """The disk's table is zeroed and a snapshot's is damaged: what leaks is the disk's data."""
        self.create('image', writes=['write -P 1 0 512k'])
        self.qemu('snapshot', '-c', 'one', 'image')
        self.io('write -P 2 0 1M', name='image')
        data = [self.data(guest) for guest in range(16)]
        table = self.number('image', self.number('image', 64)) & OFFSET   # of the snapshot
        self.put('image', table, COPIED | (data[0] + 512))
        self.poke('image', self.l2(), bytes(CLUSTER))
        self.assertEqual(ours('snapshot', '-d', 'one', 'image', folder=self.folder).status, 0)
        block = self.refblock()
        self.assertEqual([self.number('image', block + 2 * (one // CLUSTER), 2) for one in data],
                         [1] * 16)

    def test_snapshots_l2_table_is_the_disks(self):
        """The disk has a table of its own since; its entry in L1 is turned to the snapshot's.

        QEMU frees the disk's table and its data; we keep them.
        """
        self.qemu('snapshot', '-c', 'one', 'image')
        shared = self.l2()
        self.io('write -P 99 0 64k', name='image')
        self.put('image', self.l1(), shared | COPIED)
        their, our = self.repaired()
        self.assertEqual(our.status, 3, f'{their}\n{our}')
        self.assert_settled(3)
        self.assert_reads('read -P 42 0 64k', 'read -P 23 64k 64k')


class Entries(RepairCase):
    """Entries that cannot be. QEMU leaves them, or frees what they led to."""

    def setUp(self):
        super().setUp()
        self.create('image', '64M', writes=['write -P 42 0 64k', 'write -P 23 64k 64k'])

    def assert_nothing_lost(self):
        """Mended or left with a word, and the neighbour reads as before."""
        _their, our = self.repaired()
        self.assertIn(our.status, (0, 2, 3))
        self.assertTrue(our.status == 0 or our.stderr or our.stdout)
        self.assertEqual(ours('check', '-f', 'qcow2', 'ours', folder=self.folder).status,
                         our.status)
        self.assert_reads('read -P 23 64k 64k')

    def test_unaligned_data(self):
        self.put('image', self.l2(), self.data(0) | COPIED | 512)
        self.assert_nothing_lost()

    def test_unaligned_preallocated_zero(self):
        self.put('image', self.l2(), self.data(0) | COPIED | 512 | 1)
        self.assert_nothing_lost()

    def test_unaligned_l2_table(self):
        self.put('image', self.l1(), self.l2() | COPIED | 512)
        _their, our = self.repaired()
        self.assertIn(our.status, (0, 2, 3))
        self.assertIn(b'\x2a' * CLUSTER, self.content('ours'))

    def test_compressed_size_too_large(self):
        """Two compressed clusters; the first says that it goes on for much longer."""
        self.create('packed', '8M')
        for at in (0, 64):
            self.io(f'write -c -P {10 + at} {at}k 64k', name='packed')
        entry = self.number('packed', self.l2('packed'))
        self.put('packed', self.l2('packed'), entry | 0xff << 54)
        _their, our = self.repaired(name='packed')
        self.assertIn(our.status, (0, 2, 3))
        self.assert_reads('read -P 10 0 64k', 'read -P 74 64k 64k')


class Snapshots(RepairCase):
    """Extra data of snapshots: what version 3 needs, and what nobody knows."""

    def setUp(self):
        super().setUp()
        self.create('image', '64M', writes=['write -P 42 0 64k'])
        for name in ('one', 'two'):
            self.qemu('snapshot', '-c', name, 'image')

    def entries(self, name='image'):
        """(offset, bytes of extra data, id and name) of each snapshot."""
        at = self.number(name, 64)
        for _ in range(self.number(name, 60, 4)):
            extra = self.number(name, at + 36, 4)
            n_text = self.number(name, at + 12, 2) + self.number(name, at + 14, 2)
            with open(self.path(name), 'rb') as file:
                file.seek(at)
                yield at, extra, file.read(40 + extra + n_text)[40 + extra:]
            at += (40 + extra + n_text + 7) // 8 * 8

    def rewrite(self, extras):
        """The table with so much extra data in each entry; what is new is zeros."""
        table = self.number('image', 64)
        heads = []
        for (at, extra, text), wanted in zip(list(self.entries()), extras):
            with open(self.path('image'), 'rb') as file:
                file.seek(at)
                head = file.read(36)
                file.read(4)
                old = file.read(extra)
            new = (old + bytes(wanted))[:wanted]
            whole = head + struct.pack('>I', wanted) + new + text
            heads.append(whole + bytes(-len(whole) % 8))
        self.poke('image', table, b''.join(heads))

    def test_extra_data_missing(self):
        self.rewrite([0, 0])
        self.assert_snapshots_mended()

    def test_extra_data_too_short(self):
        self.rewrite([8, 16])
        self.assert_snapshots_mended()

    def assert_snapshots_mended(self):
        """Both repairs add what is missing; the disk size is that of the image."""
        _their, our = self.repaired()
        if our.status == 0:
            self.assert_settled()
            self.assertEqual(*(theirs('snapshot', '-l', copy, folder=self.folder).stdout
                               for copy in ('theirs', 'ours')))
        else:
            self.assertTrue(our.stderr or our.stdout)

    def test_unknown_extra_data_is_kept(self):
        """40 bytes are more than anybody knows, and nothing is wrong."""
        self.rewrite([40, 24])
        before = list(self.entries())
        _their, our = self.repaired()
        self.assertEqual(our.status, 0, our)
        self.assertEqual(list(self.entries('ours')), before)


if __name__ == '__main__':
    unittest.main()
