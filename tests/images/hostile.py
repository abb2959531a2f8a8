#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Images that want to harm their reader: its time, its memory, the files around it.

    @hostile('cve')
    def giant_thing(folder):
        …
        return Case(path)

Each makes its files in a folder of its own and says what must come of it. What
holds for all of them stands in the test: no crash, bounded time and memory, and
inspecting opens the one file.

    hostile.py FOLDER       makes them all
"""

import os
import struct
import sys
from dataclasses import dataclass

import qcow2image as q
from qcow2build import Builder
from sparsebytes import SparseBytes

MIB = 1 << 20
SECRET = '/etc/shadow'

# What must come of an operation.
FINE, REFUSED, EITHER = 'fine', 'refused', 'either'


@dataclass
class Case:
    path: str
    format: str = 'qcow2'
    chain: str = EITHER          # opening it with all that it stands on
    says: str = ''               # part of the refusal
    forbidden: tuple = ()        # files that nothing may open, whatever it does
    content: bytes = None        # what the disk must read as, where it can be read
    members: tuple = ()          # what may be opened beside `path` when the chain is
    finding: str = ''            # what a check of the whole chain must find


@dataclass
class Hostile:
    name: str
    threat: str
    make: object


TABLE = []


def hostile(threat):
    def enter(function):
        TABLE.append(Hostile(function.__name__.replace('_', '-'), threat, function))
        return function
    return enter


def put(folder, image, name='image.qcow2'):
    path = os.path.join(folder, name)
    image.save(path)
    return path


def small(**options):
    build = Builder(**{'cluster_bits': 12, 'virtual_size': 8 * MIB, **options})
    build.write(0, b'A' * build.cluster_size)
    return build.finish()


def overlay(folder, backing, name='image.qcow2', backing_format='raw'):
    build = Builder(cluster_bits=12, virtual_size=MIB, backing=backing,
                    backing_format=backing_format)
    return put(folder, build.finish(), name)


# -- giant tables and arithmetic ---------------------------------------------------------


@hostile('giant L1 (CVE-2014-0143, 0144)')
def l1_at_its_limit(folder):
    """32 MiB of L1, all of it a hole in the file."""
    image = Builder(cluster_bits=21, virtual_size=0).finish()
    image.header['l1_entries'] = 1 << 22
    image.header['virtual_size'] = 1 << 61
    image.header['l1_offset'] = image.append(16)
    return Case(put(folder, image), chain=FINE)


@hostile('many L1 entries on one L2: 1.7 MB, and qemu-img is busy for minutes')
def l1_aliases_one_table(folder):
    """200,000 L1 entries and one L2 table, full of entries that name one cluster."""
    build = Builder(cluster_bits=16, virtual_size=512 * MIB * 200000)
    build.write(0, b'A' * 65536)
    image = build.finish()
    entry, table = image.l1[0], image.l2(0)
    image.raw.write(image.l1.offset, struct.pack('>Q', entry) * 200000)
    image.raw.write(table.offset, struct.pack('>Q', table[0]) * image.l2_entries)
    return Case(put(folder, image))


@hostile('many L1 entries on one L2, which is almost empty')
def l1_aliases_sparse_table(folder):
    build = Builder(cluster_bits=16, virtual_size=512 * MIB * 200000)
    build.write(0, b'A' * 65536)
    image = build.finish()
    image.raw.write(image.l1.offset, struct.pack('>Q', image.l1[0]) * 200000)
    return Case(put(folder, image))


@hostile('L1 entries that name the L1 table itself')
def l1_is_its_own_l2(folder):
    image = small()
    image.raw.write(image.l1.offset, struct.pack('>Q', image.l1.offset | q.COPIED) * 4)
    return Case(put(folder, image))


@hostile('giant refcount table (CVE-2014-0144)')
def refcount_table_at_its_limit(folder):
    image = small(cluster_bits=16)
    image.header['reftable_offset'] = image.append(128)
    image.header['reftable_clusters'] = 128
    return Case(put(folder, image), chain=FINE)


@hostile('a refcount table whose million entries name one block')
def refcount_table_aliases_one_block(folder):
    image = small(cluster_bits=16)
    at = image.append(128)
    image.raw.write(at, struct.pack('>Q', image.refcount.blocks[0]) * (1 << 20))
    image.header['reftable_offset'] = at
    image.header['reftable_clusters'] = 128
    return Case(put(folder, image), chain=FINE)


@hostile('counts for clusters far beyond the file')
def refcounts_for_exabytes(folder):
    """Each block says that all its clusters are used; the file has none of them."""
    image = small(cluster_bits=16)
    block = image.append()
    image.raw.write(block, b'\0\1' * 32768)
    at = image.append(128)
    image.raw.write(at, struct.pack('>QQ', image.refcount.blocks[0], block) +
                    struct.pack('>Q', block) * 100000)
    image.header['reftable_offset'] = at
    image.header['reftable_clusters'] = 128
    return Case(put(folder, image), chain=FINE)


@hostile('giant snapshot table (CVE-2014-0145)')
def snapshot_table_of_holes(folder):
    """65,536 entries of zeros, 2.5 MiB of them, all in a hole."""
    image = small(cluster_bits=16)
    image.header['snapshots_offset'] = image.append(64)
    image.header['n_snapshots'] = 65536
    return Case(put(folder, image))


@hostile('snapshot entries with the most extra data (CVE-2014-0145)')
def snapshot_table_of_extra_data(folder):
    image = small(cluster_bits=16)
    at = image.append(256)
    one = struct.pack('>QIHHIIQII', 0, 0, 0, 0, 0, 0, 0, 0, 1024) + bytes(1024)
    image.raw.write(at, one * (16 * MIB // len(one)))
    image.header['snapshots_offset'] = at
    image.header['n_snapshots'] = 65536
    return Case(put(folder, image))


@hostile('65,536 snapshots that share one L1 table of 32 MiB: 2 TiB to be walked')
def snapshots_share_a_giant_l1(folder):
    build = Builder(cluster_bits=16, virtual_size=64 * MIB)
    build.write(0, b'A' * 65536)
    image = build.finish()
    l1 = image.append(512)
    image.raw.write(l1, struct.pack('>Q', image.l1[0]) * 1000)
    at = image.append(64)
    entries = (struct.pack('>QIHHIIQIIQQ', l1, 1 << 22, 5, 5, 0, 0, 0, 0, 16, 0, 64 * MIB) +
               b'%05d%05d' % (i, i) + bytes(6) for i in range(50000))
    image.raw.write(at, b''.join(entries)[:64 * 65536])
    image.header['snapshots_offset'] = at
    image.header['n_snapshots'] = 50000
    return Case(put(folder, image))


@hostile('bitmaps: the directory, full of giant tables')
def bitmaps_with_giant_tables(folder):
    build = Builder(cluster_bits=16, virtual_size=64 * MIB)
    build.bitmap('marks', 9, [(0, MIB)])
    image = build.finish()
    table = image.bitmaps[0]['table_offset']
    at = image.append(32)
    entries = b''.join(struct.pack('>QIIBBHI', table, 0x8000000, 0, 1, 9, 5, 0) +
                       b'%05d' % i + bytes(3) for i in range(65535))
    image.raw.write(at, entries[:32 * 65536])
    ext = image.extension(q.EXT_BITMAPS)
    ext['n_bitmaps'], ext['directory_bytes'] = 65535, min(len(entries), 32 * 65536)
    ext['directory_offset'] = at
    return Case(put(folder, image))


@hostile('65,535 bitmaps that share one table')
def bitmaps_share_a_table(folder):
    build = Builder(cluster_bits=16, virtual_size=1 << 36)
    build.bitmap('marks', 9, [(0, MIB)])
    image = build.finish()
    table, n = image.bitmaps[0]['table_offset'], image.bitmaps[0]['table_entries']
    entries = b''.join(struct.pack('>QIIBBHI', table, n, 0, 1, 9, 5, 0) + b'%05d' % i + bytes(3)
                       for i in range(65535))
    at = image.append(-(-len(entries) // 65536))
    image.raw.write(at, entries)
    ext = image.extension(q.EXT_BITMAPS)
    ext['n_bitmaps'], ext['directory_bytes'], ext['directory_offset'] = 65535, len(entries), at
    return Case(put(folder, image))


@hostile('a disk of two exbibytes (CVE-2013-2096)')
def virtual_size_bomb(folder):
    return Case(put(folder, Builder(cluster_bits=21, virtual_size=1 << 61).finish()), chain=FINE)


@hostile('a disk larger than its L1 can be (CVE-2014-0223)')
def virtual_size_beyond_any_l1(folder):
    image = small()
    image.header['virtual_size'] = (1 << 63) - 512
    return Case(put(folder, image), chain=REFUSED)


@hostile('a cluster said to lie at 32 PiB (QEMU iotest 138)')
def cluster_at_32_pib(folder):
    image = small()
    image.l2(0)[0] = q.COPIED | 1 << 55
    return Case(put(folder, image))


@hostile('qcow1 (CVE-2014-0222)')
def version_1(folder):
    image = small()
    image.header['version'] = 1
    return Case(put(folder, image), chain=REFUSED)


@hostile('unknown incompatible features')
def features_of_tomorrow(folder):
    image = small(feature_names=[(0, 17, 'tomorrow\x1b[2J')])
    image.header['incompatible'] = 1 << 17
    return Case(put(folder, image), chain=REFUSED, says='tomorrow')


# -- bombs ---------------------------------------------------------------------------------


@hostile('a compressed bomb: 512 GiB in one host cluster, and every count right')
def compressed_bomb(folder):
    """262,144 entries on one stream of 2 MiB of zeros."""
    build = Builder(cluster_bits=21, virtual_size=1 << 39, refcount_order=5)
    build.compress(0, bytes(1 << 21))
    image = build.finish()
    table = image.l2(0)
    offset, _ = image.compressed(table[0])
    image.raw.write(table.offset, struct.pack('>Q', table[0]) * image.l2_entries)
    image.refcount[image.cluster(offset)] = image.l2_entries
    return Case(put(folder, image))


@hostile('a zstd stream that claims a window of 2 GiB')
def zstd_window_bomb(folder):
    build = Builder(cluster_bits=16, virtual_size=MIB, compression='zstd')
    build.compress(0, b'A' * 65536)
    image = build.finish()
    offset, _ = image.compressed(image.l2(0)[0])
    # magic, no content size, no single segment, window 2^31; one RLE block of 65,536 'A'
    stream = b'\x28\xb5\x2f\xfd' + b'\x00' + bytes([(31 - 10) << 3]) + \
        (1 | 1 << 1 | 65536 << 3).to_bytes(3, 'little') + b'A'
    image.raw.write(offset, stream)
    return Case(put(folder, image))


@hostile('a zstd stream of endless empty blocks')
def zstd_empty_blocks(folder):
    build = Builder(cluster_bits=21, virtual_size=2 * MIB, compression='zstd')
    build.compress(0, b'A' * (1 << 21))
    image = build.finish()
    host = image.append()
    stream = b'\x28\xb5\x2f\xfd' + b'\x00' + bytes([(17 - 10) << 3]) + b'\0\0\0' * 600000
    image.raw.write(host, stream)
    image.l2(0)[0] = image.compressed_entry(host, (len(stream) - 1) // 512)
    return Case(put(folder, image))


# -- names --------------------------------------------------------------------------------------


@hostile('a backing file that names a foreign file (CVE-2015-5163)')
def backing_names_a_secret(folder):
    return Case(overlay(folder, SECRET), members=(SECRET,))


@hostile('a data file that names a foreign file (CVE-2024-32498)')
def data_file_names_a_secret(folder):
    build = Builder(cluster_bits=12, virtual_size=MIB, data_file=SECRET)
    return Case(put(folder, build.finish()), members=(SECRET,))


@hostile('a VMDK descriptor whose extent names a foreign file (CVE-2022-47951)')
def vmdk_extent_names_a_secret(folder):
    path = os.path.join(folder, 'image.vmdk')
    with open(path, 'w', encoding='ascii') as file:
        file.write('# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\n'
                   f'createType="monolithicFlat"\nRW 2048 FLAT "{SECRET}" 0\n')
    return Case(path, format='probe', forbidden=(SECRET,))


def protocol(name):
    def make(folder):
        return Case(overlay(folder, name), chain=REFUSED, forbidden=(SECRET,),
                    finding='chain-member-missing')
    return make


for number, url in enumerate((
        'json:{"driver":"file","filename":"' + SECRET + '"}',
        'json:{"driver":"raw","file":{"driver":"nbd","host":"127.0.0.1","port":"9"}}',
        'nbd://127.0.0.1:9/x', 'http://127.0.0.1:9/x', 'ssh://127.0.0.1/x', 'file:' + SECRET,
        'fat:/etc', 'blkdebug::' + SECRET, 'nbd:unix:/run/x', 'host_device:/dev/sda')):
    scheme = url.split(':')[0]
    maker = protocol(url)
    maker.__name__ = f'backing_name_{scheme}_{number}'
    hostile('json: and protocol names (CVE-2024-4467)')(maker)


@hostile('json: as the data file\'s name (CVE-2024-4467)')
def data_file_name_json(folder):
    name = 'json:{"driver":"file","filename":"' + SECRET + '"}'
    build = Builder(cluster_bits=12, virtual_size=MIB, data_file=name)
    return Case(put(folder, build.finish()), chain=REFUSED, forbidden=(SECRET,))


@hostile('raw re-probed as qcow2 (CVE-2010-2238): a guest wrote a header into its raw disk')
def raw_that_looks_like_qcow2(folder):
    put(folder, Builder(cluster_bits=12, virtual_size=MIB, backing=SECRET,
                        backing_format='raw').finish(), 'base.raw')
    with open(os.path.join(folder, 'base.raw'), 'rb') as file:
        content = file.read()
    return Case(overlay(folder, 'base.raw'), chain=FINE, forbidden=(SECRET,),
                content=content + bytes(MIB - len(content)),
                members=(os.path.join(folder, 'base.raw'),))


@hostile('no backing format is stated: nobody may guess it')
def backing_format_not_stated(folder):
    put(folder, Builder(cluster_bits=12, virtual_size=MIB, backing=SECRET,
                        backing_format='raw').finish(), 'base.raw')
    return Case(overlay(folder, 'base.raw', backing_format=None), chain=REFUSED,
                forbidden=(SECRET, os.path.join(folder, 'base.raw')))


@hostile('a backing file that is no file: reading would never end')
def backing_is_a_device(folder):
    return Case(overlay(folder, '/dev/zero'), chain=REFUSED)


@hostile('a backing file that is a pipe: opening would wait for ever')
def backing_is_a_pipe(folder):
    os.mkfifo(os.path.join(folder, 'pipe'))
    return Case(overlay(folder, 'pipe'), chain=REFUSED)


@hostile('a backing file that is a folder')
def backing_is_a_folder(folder):
    return Case(overlay(folder, '.'), chain=REFUSED)


@hostile('a data file that is the image itself')
def data_file_is_the_image(folder):
    build = Builder(cluster_bits=12, virtual_size=MIB, data_file='image.qcow2')
    build.write(0, b'A' * 4096)
    return Case(put(folder, build.finish()))


# -- chains --------------------------------------------------------------------------------------


@hostile('a chain that bites its tail: itself')
def loop_of_one(folder):
    return Case(overlay(folder, 'image.qcow2', backing_format='qcow2'), chain=REFUSED,
                says='image.qcow2', finding='chain-loop')


@hostile('a chain that bites its tail, by other names of the same files')
def loop_of_two_by_links(folder):
    path = overlay(folder, 'link.qcow2', backing_format='qcow2')
    two = overlay(folder, os.path.join('..', os.path.basename(folder), 'hard.qcow2'), 'two.qcow2',
                  'qcow2')
    os.symlink('two.qcow2', os.path.join(folder, 'link.qcow2'))
    os.link(path, os.path.join(folder, 'hard.qcow2'))
    return Case(path, chain=REFUSED, members=(two,), finding='chain-loop')


@hostile('a chain too deep')
def chain_of_a_thousand(folder):
    image = Builder(cluster_bits=9, virtual_size=512, backing='0000',
                    backing_format='qcow2').finish()
    for i in range(1000):
        image.raw.write(image.header['backing_offset'], b'%04d' % (i + 1))
        put(folder, image, f'{i:04d}')
    put(folder, Builder(cluster_bits=9, virtual_size=512).finish(), '1000')
    return Case(os.path.join(folder, '0000'), chain=REFUSED, says='deep',
                finding='chain-too-deep')


@hostile('a missing member')
def member_missing(folder):
    overlay(folder, 'gone.qcow2', 'middle.qcow2', 'qcow2')
    return Case(overlay(folder, 'middle.qcow2', backing_format='qcow2'), chain=REFUSED,
                says='gone.qcow2', finding='chain-member-missing')


# -- every number at its extremes -------------------------------------------------------------

EXTREMES = {1: (0xff, 0x7f, 0x80), 2: (0xffff, 0x8000),
            4: (0xffffffff, 0x7fffffff, 0x80000000, 0x10000),
            8: ((1 << 64) - 1, (1 << 63) - 1, 1 << 63, (1 << 64) - 4096, (1 << 63) - 4096,
                1 << 32, 1 << 55, 0x00fffffffffff000)}


def rich():
    """Has each structure, in little room."""
    build = Builder(cluster_bits=12, virtual_size=8 * MIB, backing='base.raw',
                    backing_format='raw')
    for guest in range(3):
        build.write(guest * 4096, b'A' * 4096)
    build.compress(4, b'D' * 4096)
    build.snapshot('1', 'one')
    build.write(0, b'B' * 4096)
    build.bitmap('marks', 9, [(0, 5000)])
    return build.finish()


def numbers_of(image):
    """(name, offset, bytes) of every number in the image's structures, one of each table."""
    records = [('header', image.header), ('snapshot', image.snapshots[0]),
               ('bitmap', image.bitmaps[0])]
    records += [(f'extension-{ext["type"]:x}', ext) for ext in image.extensions]
    for name, record in records:
        for field_name, (_, width) in record.fields.items():
            if field_name != 'magic':
                yield f'{name}-{field_name}', record.at(field_name), width
    for name, table in (('l1', image.l1), ('l2', image.l2(0)), ('reftable', image.reftable),
                        ('bitmap-table', image.bitmaps[0].table),
                        ('snapshot-l1', image.snapshots[0].l1)):
        yield f'{name}-entry', table.at(0), 8
    yield 'l2-compressed-entry', image.l2(0).at(4), 8


def extremes():
    """(name, image) for each number of the rich image at each of its extremes."""
    base = rich()
    for name, offset, width in numbers_of(base):
        for value in EXTREMES[width]:
            raw = base.raw.copy()
            raw.put(offset, width, value)
            yield f'{name}-{value:x}', Image(raw)


@dataclass
class Image:
    raw: SparseBytes

    def save(self, path):
        self.raw.save(path)


def make(one, folder):
    home = os.path.join(folder, one.name)
    os.mkdir(home)
    return one.make(home)


def main():
    if len(sys.argv) != 2:
        sys.exit('usage: hostile.py FOLDER')
    os.makedirs(sys.argv[1], exist_ok=True)
    for one in TABLE:
        case = make(one, sys.argv[1])
        print(f'{case.path}  {one.threat}')
    os.mkdir(os.path.join(sys.argv[1], 'extremes'))
    for name, image in extremes():
        image.save(os.path.join(sys.argv[1], 'extremes', name + '.qcow2'))


if __name__ == '__main__':
    main()
