# SPDX-License-Identifier: LGPL-2.1-or-later
"""The sound images that are broken, and what several damages need.

All have clusters of 4 KiB (an L2 table maps 2 MiB) and a disk of 8 MiB unless a
damage asks for something else. Clusters of the plain image:

    0 header   1 refcount table   2 refcount block   3 L1 table   4 L2 table of guest 0
    5 6 7 data of guest clusters 0 1 2   8 compressed data of guest clusters 4 and 5
    9 L2 table of guest cluster 512   10 its data

Guest cluster 3 reads as zeros where the version allows, 6 and beyond are not
allocated.
"""

import os
import subprocess
import tempfile
import functools

import qcow2image as q
from qcow2build import Builder
from sparsebytes import SparseBytes

MIB = 1 << 20
LUKS_KEY = 'secret'


class Image(q.Qcow2Image):
    """An image with the words that damages are told in."""

    def guest(self, cluster):
        return cluster << self.cluster_bits

    def at_cluster(self, number):
        return number << self.cluster_bits

    def hosts(self, l1_index):
        """The host offsets of the standard clusters below an L1 entry."""
        l2 = self.l2(l1_index)
        return [l2[i] & q.OFFSET_MASK for i in range(self.l2_entries)
                if l2[i] & q.OFFSET_MASK and not l2[i] & q.COMPRESSED]

    def adopt(self, offset, count=1):
        """Gives the clusters at `offset` the reference count that makes them sound."""
        self.refcount[self.cluster(offset)] = count
        return offset

    def move_last(self, offset, n_clusters=1):
        """Copies clusters to the file's end, where a cut reaches them; the old ones are free."""
        new = self.append(n_clusters)
        self.raw.write(new, self.raw.read(offset, n_clusters * self.cluster_size))
        for i in range(n_clusters):
            self.refcount[self.cluster(new) + i] = self.refcount[self.cluster(offset) + i]
            self.refcount[self.cluster(offset) + i] = 0
        return new


def fill_plain(build):
    size = build.cluster_size
    for guest, byte in enumerate(b'ABC'):
        build.write(guest * size, bytes([byte]) * size)
    if build.options.version >= 3:
        build.zero(3 * size, size)
    if not build.options.data_file:
        build.compress(4, b'D' * size)
        build.compress(5, b'E' * size)
    if build.virtual_size > build.l2_entries * size:
        build.write(build.l2_entries * size, b'F' * size)


def fill_snapshots(build):
    """Two snapshots; guest clusters 0 and 1 have changed since."""
    size = build.cluster_size
    fill_plain(build)
    extra = None if build.options.version == 2 else b''
    build.snapshot('1', 'one', extra=extra)
    build.write(0, b'G' * size)
    build.snapshot('2', 'two', extra=extra)
    build.write(size, b'H' * size)


def fill_vm_state(build):
    fill_plain(build)
    build.snapshot('1', 'with state', vm_state=b'V' * 5000)
    build.write(0, b'G' * build.cluster_size)


def fill_bitmaps(build):
    """'marks' has data for the first table entry, 'full' is all ones, 'empty' all zeros.

    One byte of a bitmap stands for 4 KiB, so 8 MiB fill half a cluster.
    """
    fill_plain(build)
    build.bitmap('marks', 9, [(0, 5000), (2 * MIB, 512)])
    build.bitmap('full', 16, [(0, build.virtual_size)])
    build.bitmap('empty', 12)


def fill_subclusters(build):
    """Guest cluster 1 has subclusters of each kind."""
    fill_plain(build)
    unit = build.unit
    build.write(7 * build.cluster_size, b'S' * unit * 4)
    build.zero(7 * build.cluster_size + unit * 8, unit * 4)
    build.reserve(8)


def fill_run(build):
    """Guest clusters 16 to 39 lie in a run, as a guest that writes a file leaves them."""
    fill_plain(build)
    for guest in range(16, 40):
        build.write(guest * build.cluster_size, bytes([guest]) * build.cluster_size)


def fill_nothing(build):
    pass


def fill_chain(build):
    fill_plain(build)


BASES = {
    'plain': (fill_plain, {}),
    'empty': (fill_nothing, {}),
    'run': (fill_run, {}),
    'snapshots': (fill_snapshots, {}),
    'vm-state': (fill_vm_state, {}),
    'bitmaps': (fill_bitmaps, {}),
    'subclusters': (fill_subclusters, {'extended_l2': True, 'cluster_bits': 14}),
    'backing': (fill_plain, {'backing': 'base.raw', 'backing_format': 'raw'}),
    'data-file': (fill_plain, {'data_file': 'data.raw'}),
    'aes': (fill_plain, {'crypt_method': q.CRYPT_AES}),
    'luks': (fill_plain, {'luks_header': 'qemu'}),
}


@functools.lru_cache(maxsize=None)
def luks_header():
    """A true LUKS header, as qemu-img writes it into an encrypted image."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, 'luks.qcow2')
        command = ['qemu-img', 'create', '-q', '-f', 'qcow2', '--object',
                   f'secret,id=key,data={LUKS_KEY}', '-o',
                   'encrypt.format=luks,encrypt.key-secret=key,encrypt.iter-time=10', path, '1M']
        for _ in range(20):     # on a busy machine QEMU cannot time the making of a key
            if subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0:
                break
        else:
            subprocess.run(command, check=True)
        image = q.Qcow2Image.load(path)
        ext = image.extension(q.EXT_LUKS)
        return image.raw.read(ext['header_offset'], ext['header_length'])


def build(name, **options):
    """A sound base image, ready to be broken."""
    fill, usual = BASES[name]
    merged = {'cluster_bits': 12, 'virtual_size': 8 * MIB, **usual, **options}
    if merged.get('luks_header') == 'qemu':
        merged['luks_header'] = luks_header()
    builder = Builder(**merged)
    fill(builder)
    return Image(builder.finish().raw)


def write_companions(name, folder, options):
    """The other files that an image of this base names."""
    size = options.get('virtual_size', 8 * MIB)
    backing = options.get('backing') or BASES[name][1].get('backing')
    data_file = options.get('data_file') or BASES[name][1].get('data_file')
    for companion in filter(None, (backing, data_file)):
        path = os.path.join(folder, companion)
        if not os.path.exists(path):
            raw = SparseBytes()
            raw.write(0, b'R' * 65536)
            raw.truncate(size)
            raw.save(path)
