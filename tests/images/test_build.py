# SPDX-License-Identifier: LGPL-2.1-or-later
"""The builder makes what it says: QEMU's tools find its images sound and read them alike.

Without this, a damage in the corpus might show nothing but a mistake of the
builder. The image views are held against the bytes as well.
"""

import os
import tempfile
import unittest

import judge
import qcow2image as q
from qcow2build import Builder
from random_image import random_chain

FIRST_SEED = int(os.environ.get('SINTER_TEST_SEED', '1000'))
N_SEEDS = int(os.environ.get('SINTER_TEST_SEEDS', '12'))


class InFolder(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix='sinter-images-')
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, name='image.qcow2'):
        return os.path.join(self.folder, name)

    def save(self, image):
        image.save(self.path())
        return self.path()

    def assert_clean(self, path):
        report = judge.check(path)
        self.assertEqual(report['verdict'], 'clean', report['said'])
        return report


def everything(cluster_bits, refcount_order, extended_l2, version=3):
    """A builder with each kind of cluster, a snapshot where counts allow it, and bitmaps."""
    size = 1 << cluster_bits
    compression = 'zstd' if version == 3 and cluster_bits % 2 and cluster_bits > 9 else 'zlib'
    build = Builder(version=version, cluster_bits=cluster_bits, refcount_order=refcount_order,
                    virtual_size=size * 12 + 512, extended_l2=extended_l2, compression=compression)
    build.write(0, b'A' * size)
    build.compress(3, b'B' * size)
    build.compress(4, b'C' * size)
    build.compress(5, (b'%d' * 50) % tuple(range(50)) * (size // 90) + bytes(size % 90))
    if version == 3:
        build.zero(size, size)
        build.zero(size * 2, size, keep_host=True)
    if extended_l2:
        build.reserve(6)
        build.write(7 * size + build.unit * 3, b'E' * build.unit * 4)
        build.zero(7 * size + build.unit * 9, build.unit * 2)
    if build.fits_snapshot():
        build.snapshot('1', 'one', vm_state=b'V' * 600)
        build.write(0, b'Z' * size)
        build.write(8 * size, b'Y' * size)
    if build.fits_snapshot():
        build.snapshot('2', 'two')
    build.write(9 * size, b'X' * size)
    if version == 3:
        build.bitmap('marks', 9, [(0, size), (5 * size, 512)])
        build.bitmap('all', 16, [(0, size * 13)])
    return build


class Matrix(InFolder):
    def check_matrix(self, cases):
        for bits, order, extended, version in cases:
            with self.subTest(cluster_bits=bits, order=order, extended=extended, version=version):
                build = everything(bits, order, extended, version)
                path = self.save(build.finish())
                report = self.assert_clean(path)
                n_packed = sum(1 for l2 in build.tree.values()
                               for entry in l2.entries.values() if entry.packed)
                self.assertEqual(report.get('compressed-clusters', 0), n_packed)
                info = judge.info(path)['format-specific']['data']
                self.assertEqual((info.get('refcount-bits'), info['compat']),
                                 (1 << order, '1.1' if version == 3 else '0.10'))

    def test_small_clusters(self):
        self.check_matrix((bits, bits % 7, False, 3) for bits in range(9, 14))

    def test_large_clusters(self):
        self.check_matrix((bits, bits % 7, bits % 2 == 0, 3) for bits in range(14, 22))

    def test_version_2(self):
        self.check_matrix((bits, 4, False, 2) for bits in (9, 12, 16, 21))

    def test_refcount_orders(self):
        self.check_matrix((12, order, False, 3) for order in range(7))

    def test_extended_l2(self):
        self.check_matrix((bits, 6 - bits % 7, True, 3) for bits in (14, 15, 16))

    def test_many_refcount_blocks(self):
        build = Builder(cluster_bits=9, refcount_order=6, virtual_size=3 << 20)
        build.write(0, b'\1' * (3 << 20))
        image = build.finish()
        self.assertGreater(image.header['reftable_clusters'], 1)
        self.assert_clean(self.save(image))


class Views(InFolder):
    """Each view reaches the bytes that QEMU means by the same name."""

    def test_a_field_is_where_qemu_reads_it(self):
        image = Builder(virtual_size=1 << 20).finish()
        image.header['virtual_size'] = 12345 * 512
        image.header['compatible'] = q.LAZY_REFCOUNTS
        info = judge.info(self.save(image))
        self.assertEqual(info['virtual-size'], 12345 * 512)
        self.assertTrue(info['format-specific']['data']['lazy-refcounts'])

    def test_refcounts_of_each_width(self):
        for order in range(7):
            with self.subTest(order=order):
                build = Builder(refcount_order=order, cluster_bits=12)
                build.write(0, b'\1' * 4096)
                image = build.finish()
                cluster = image.cluster(image.host(0))
                self.assertEqual(image.refcount[cluster], 1)
                image.refcount[cluster] = 0
                self.assertEqual([image.refcount[i] for i in range(cluster)], [1] * cluster)
                report = judge.check(self.save(image))
                self.assertIn(f'ERROR cluster {cluster} refcount=0 reference=1', report['said'])

    def test_load_gives_the_views_of_a_foreign_image(self):
        judge.qemu_img('create', '-f', 'qcow2', self.path(), '1M')
        judge.qemu_img('snapshot', '-c', 'name', self.path())
        judge.qemu_img('bitmap', '--add', self.path(), 'marks')
        image = q.Qcow2Image.load(self.path())
        snapshot, bitmap = image.snapshots[0], image.bitmaps[0]
        self.assertEqual(image.raw.read(snapshot.name_offset, 4), b'name')
        self.assertEqual(image.raw.read(bitmap.name_offset, 5), b'marks')
        self.assertEqual(snapshot['disk_bytes'], 1 << 20)
        self.assertEqual([ext['type'] for ext in image.extensions],
                         [q.EXT_FEATURES, q.EXT_BITMAPS])


class Content(InFolder):
    """QEMU reads each random layer as the bytes that were put into it."""

    def judge_chain(self, seed):
        chain = random_chain(seed, self.folder)
        for layer in chain.layers:
            if layer.format == 'qcow2':
                self.assert_clean(layer.path)
            read = judge.content(layer.path, layer.format)
            self.assertTrue(read == layer.content, f'{chain}: {layer.story}: {read[:200]}')
            for ident, content in layer.snapshots.items():
                read = judge.content(layer.path, layer.format, ident)
                self.assertTrue(read == content, f'{chain}: {layer.story}: snapshot {ident}')

    def test_random_chains(self):
        for seed in range(FIRST_SEED, FIRST_SEED + N_SEEDS):
            with self.subTest(seed=seed):
                self.judge_chain(seed)

    def test_a_seed_gives_the_same_chain(self):
        twin = os.path.join(self.folder, 'twin')
        os.mkdir(twin)
        one, two = random_chain(42, self.folder), random_chain(42, twin)
        self.assertEqual(str(one), str(two))
        self.assertEqual([layer.content for layer in one.layers],
                         [layer.content for layer in two.layers])
