# SPDX-License-Identifier: LGPL-2.1-or-later
"""Symbolic access to every structure of a qcow2 image, good or broken.

    image = Qcow2Image.load(path)
    image.header['l1_offset'] += 512
    image.l2(0)[3] |= RESERVED
    image.refcount[7] = 0
    image.snapshots[0]['name_bytes'] = 1024

Where the structures lie is read once, when the image is taken in hand; later
changes do not move the views. So a field can be damaged and its neighbours
still be reached. `.at(...)` tells the file offset of anything.

Source of the format facts: QEMU, docs/interop/qcow2.txt.
"""

from sparsebytes import SparseBytes

COPIED = 1 << 63
COMPRESSED = 1 << 62
ZERO = 1
OFFSET_MASK = 0x00fffffffffffe00
BITMAP_ALL_ONES = 1

DIRTY, CORRUPT, DATA_FILE, COMPRESSION, EXTENDED_L2 = (1 << bit for bit in range(5))
LAZY_REFCOUNTS = 1
AUTO_BITMAPS, AUTO_RAW = 1, 2
CRYPT_AES, CRYPT_LUKS = 1, 2

# Entries of L1 and refcount table that are remembered as they were before any damage.
KEPT = 65536

MAGIC = 0x514649fb
EXT_END = 0
EXT_BACKING_FORMAT = 0xe2792aca
EXT_FEATURES = 0x6803f857
EXT_BITMAPS = 0x23852875
EXT_LUKS = 0x0537be77
EXT_DATA_FILE = 0x44415441
EXT_LEAKS_KEPT = 0x534b4c4b      # of Sinter: a repair kept leaked clusters

# name: (offset, bytes)
HEADER_V2 = {
    'magic': (0, 4), 'version': (4, 4), 'backing_offset': (8, 8), 'backing_bytes': (16, 4),
    'cluster_bits': (20, 4), 'virtual_size': (24, 8), 'crypt_method': (32, 4),
    'l1_entries': (36, 4), 'l1_offset': (40, 8), 'reftable_offset': (48, 8),
    'reftable_clusters': (56, 4), 'n_snapshots': (60, 4), 'snapshots_offset': (64, 8),
}
HEADER_V3 = {
    **HEADER_V2, 'incompatible': (72, 8), 'compatible': (80, 8), 'autoclear': (88, 8),
    'refcount_order': (96, 4), 'header_bytes': (100, 4), 'compression': (104, 1),
}
EXTENSION_HEAD = {'type': (0, 4), 'length': (4, 4)}
EXTENSION_FIELDS = {
    EXT_BITMAPS: {'n_bitmaps': (8, 4), 'reserved': (12, 4), 'directory_bytes': (16, 8),
                  'directory_offset': (24, 8)},
    EXT_LUKS: {'header_offset': (8, 8), 'header_length': (16, 8)},
}
SNAPSHOT = {
    'l1_offset': (0, 8), 'l1_entries': (8, 4), 'id_bytes': (12, 2), 'name_bytes': (14, 2),
    'date_sec': (16, 4), 'date_nsec': (20, 4), 'vm_clock_nsec': (24, 8),
    'vm_state_bytes': (32, 4), 'extra_bytes': (36, 4),
}
SNAPSHOT_EXTRA = {'vm_state_bytes_64': (40, 8), 'disk_bytes': (48, 8), 'icount': (56, 8)}
BITMAP = {
    'table_offset': (0, 8), 'table_entries': (8, 4), 'flags': (12, 4), 'type': (16, 1),
    'granularity_bits': (17, 1), 'name_bytes': (18, 2), 'extra_bytes': (20, 4),
}


def round_up(value, unit):
    return -(-value // unit) * unit


class Record:
    """Named big-endian fields at an offset."""

    def __init__(self, raw, offset, fields):
        self.raw, self.offset, self.fields = raw, offset, fields

    def at(self, name):
        return self.offset + self.fields[name][0]

    def __getitem__(self, name):
        return self.raw.get(self.at(name), self.fields[name][1])

    def __setitem__(self, name, value):
        self.raw.put(self.at(name), self.fields[name][1], value)

    def __contains__(self, name):
        return name in self.fields


class Table:
    """Big-endian 64-bit entries, `stride` bytes apart."""

    def __init__(self, raw, offset, n_entries, stride=8):
        self.raw, self.offset, self.n_entries, self.stride = raw, offset, n_entries, stride

    def at(self, index):
        return self.offset + index * self.stride

    def __len__(self):
        return self.n_entries

    def __getitem__(self, index):
        return self.raw.get(self.at(index), 8)

    def __setitem__(self, index, value):
        self.raw.put(self.at(index), 8, value)


class L2Table(Table):
    """An L2 table; `bitmap` is the second half of the extended entries."""

    def __init__(self, image, offset):
        super().__init__(image.raw, offset, image.l2_entries, image.l2_entry_bytes)
        self.bitmap = Table(image.raw, offset + 8, image.l2_entries, image.l2_entry_bytes)


class Refcounts:
    """The stored reference counts by cluster number, through table and blocks."""

    def __init__(self, image):
        self.raw, self.order = image.raw, image.refcount_order
        self.per_block = 1 << (image.cluster_bits + 3 - image.refcount_order)
        self.blocks = [image.reftable[i] & ~0x1ff for i in range(min(len(image.reftable), KEPT))]

    def at(self, cluster):
        """The byte that holds the count, or its first."""
        block, index = divmod(cluster, self.per_block)
        return self.blocks[block] + (index << self.order) // 8

    def has_block(self, cluster):
        block = cluster // self.per_block
        return block < len(self.blocks) and self.blocks[block] != 0

    def __getitem__(self, cluster):
        if not self.has_block(cluster):
            return 0
        if self.order >= 3:
            return self.raw.get(self.at(cluster), 1 << (self.order - 3))
        shift = (cluster << self.order) % 8
        return self.raw.get(self.at(cluster), 1) >> shift & ((1 << (1 << self.order)) - 1)

    def __setitem__(self, cluster, value):
        if self.order >= 3:
            self.raw.put(self.at(cluster), 1 << (self.order - 3), value)
            return
        shift = (cluster << self.order) % 8
        mask = ((1 << (1 << self.order)) - 1) << shift
        byte = self.raw.get(self.at(cluster), 1) & ~mask
        self.raw.put(self.at(cluster), 1, byte | value << shift)


class Snapshot(Record):
    """An entry of the snapshot table with its L1 table."""

    def __init__(self, image, offset):
        super().__init__(image.raw, offset, SNAPSHOT)
        extra = self['extra_bytes']
        self.fields = {**SNAPSHOT, **{name: (at, width)
                                      for name, (at, width) in SNAPSHOT_EXTRA.items()
                                      if at + width - 40 <= extra}}
        self.id_offset = offset + 40 + extra
        self.name_offset = self.id_offset + self['id_bytes']
        self.end = offset + round_up(40 + extra + self['id_bytes'] + self['name_bytes'], 8)
        self.l1 = Table(image.raw, self['l1_offset'], self['l1_entries'])


class Bitmap(Record):
    """An entry of the bitmap directory with its table."""

    def __init__(self, image, offset):
        super().__init__(image.raw, offset, BITMAP)
        self.name_offset = offset + 24 + self['extra_bytes']
        self.end = offset + round_up(24 + self['extra_bytes'] + self['name_bytes'], 8)
        self.table = Table(image.raw, self['table_offset'], self['table_entries'])


class Qcow2Image:
    def __init__(self, raw):
        self.raw = raw
        self.header = Record(raw, 0, HEADER_V2 if raw.get(4, 4) < 3 else HEADER_V3)
        self.version = self.header['version']
        v3 = self.version >= 3
        self.cluster_bits = self.header['cluster_bits']
        self.cluster_size = 1 << self.cluster_bits
        self.refcount_order = self.header['refcount_order'] if v3 else 4
        self.header_bytes = self.header['header_bytes'] if v3 else 72
        incompatible = self.header['incompatible'] if v3 else 0
        self.extended_l2 = bool(incompatible & EXTENDED_L2)
        self.l2_entry_bytes = 16 if self.extended_l2 else 8
        self.l2_entries = self.cluster_size // self.l2_entry_bytes
        self.l1 = Table(raw, self.header['l1_offset'], self.header['l1_entries'])
        self.reftable = Table(raw, self.header['reftable_offset'],
                              self.header['reftable_clusters'] * self.cluster_size // 8)
        self.refcount = Refcounts(self)
        self.l2_offsets = [self.l1[i] & OFFSET_MASK for i in range(min(len(self.l1), KEPT))]
        self.extensions = list(self.walk_extensions())
        self.snapshots = self.walk(Snapshot, self.header['snapshots_offset'],
                                   self.header['n_snapshots'])
        bitmaps = self.extension(EXT_BITMAPS)
        self.bitmaps = bitmaps and self.walk(Bitmap, bitmaps['directory_offset'],
                                             bitmaps['n_bitmaps']) or []

    @classmethod
    def load(cls, path):
        return cls(SparseBytes.load(path))

    def save(self, path):
        self.raw.save(path)

    def walk_extensions(self):
        """The header extensions as records, their data one word behind."""
        at = self.header_bytes
        end = self.header['backing_offset'] or self.cluster_size
        while at + 8 <= end:
            ext = Record(self.raw, at, EXTENSION_HEAD)
            if ext['type'] == EXT_END:
                return
            ext.fields = {**EXTENSION_HEAD, **EXTENSION_FIELDS.get(ext['type'], {})}
            yield ext
            at += 8 + round_up(ext['length'], 8)

    def walk(self, kind, offset, n):
        found = []
        for _ in range(n):
            found.append(kind(self, offset))
            offset = found[-1].end
        return found

    def extension(self, kind):
        return next((ext for ext in self.extensions if ext['type'] == kind), None)

    @property
    def extensions_end(self):
        """Where the end marker of the extensions stands."""
        last = self.extensions[-1] if self.extensions else None
        return last.offset + 8 + round_up(last['length'], 8) if last else self.header_bytes

    def l2(self, l1_index):
        return L2Table(self, self.l2_offsets[l1_index])

    def l2_at(self, offset):
        return L2Table(self, offset)

    def entry(self, guest):
        """(L2 table, index) of the guest cluster number `guest`."""
        return self.l2(guest // self.l2_entries), guest % self.l2_entries

    def host(self, guest):
        """Host offset of the standard guest cluster number `guest`."""
        table, index = self.entry(guest)
        return table[index] & OFFSET_MASK

    def cluster(self, offset):
        return offset >> self.cluster_bits

    @property
    def n_clusters(self):
        return round_up(self.raw.size, self.cluster_size) >> self.cluster_bits

    def compressed_shift(self):
        return 62 - (self.cluster_bits - 8)

    def compressed(self, entry):
        """(host offset, bytes to the end of the last sector) of a compressed entry."""
        shift = self.compressed_shift()
        offset = entry & ((1 << shift) - 1)
        sectors = entry >> shift & ((1 << (self.cluster_bits - 8)) - 1)
        return offset, (sectors + 1) * 512 - offset % 512

    def compressed_entry(self, offset, sectors):
        """`sectors` go on beyond the one that the data begins in."""
        return COMPRESSED | sectors << self.compressed_shift() | offset

    def append(self, n_clusters=1):
        """New clusters at the end of the file, without a reference count."""
        offset = round_up(self.raw.size, self.cluster_size)
        self.raw.truncate(offset + n_clusters * self.cluster_size)
        return offset
