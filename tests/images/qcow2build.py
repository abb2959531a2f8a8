# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds valid qcow2 images of every kind that the format knows.

    build = Builder(cluster_bits=12, refcount_order=1)
    build.write(0, b'A' * 4096)
    build.zero(8192, 4096)
    build.snapshot('1', 'before')
    image = build.finish()          # a Qcow2Image: every structure by its name
    image.save(path)

The layout of a fresh image is that of qemu-img: header in cluster 0, refcount
table in 1, first refcount block in 2, L1 table from 3 on. What comes later is
appended in the order of the calls. Reference counts and COPIED flags are not
kept while building: finish() derives both from a walk over all trees, which is
what they mean.
"""

import struct
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Optional

import codec
import qcow2image as q
from sparsebytes import SparseBytes

FEATURE_NAMES = [
    (0, 0, 'dirty bit'), (0, 1, 'corrupt bit'), (0, 2, 'external data file'),
    (0, 3, 'compression type'), (0, 4, 'extended L2 entries'),
    (1, 0, 'lazy refcounts'), (2, 0, 'bitmaps'), (2, 1, 'raw external data'),
]


@dataclass(frozen=True)
class Entry:
    """An L2 entry. `alloc` and `zero` are masks of subclusters (one, or 32 where extended)."""
    host: Optional[int] = None
    alloc: int = 0
    zero: int = 0
    packed: Optional[tuple] = None  # (host offset, stream bytes) of a compressed cluster


@dataclass
class L2:
    offset: int
    entries: dict = field(default_factory=dict)


@dataclass
class Snapshot:
    ident: bytes
    name: bytes
    tree: dict
    l1_entries: int
    l1_offset: int
    disk_bytes: int
    vm_state_bytes: int
    extra: Optional[bytes]
    date_sec: int


@dataclass
class Bitmap:
    name: bytes
    granularity_bits: int
    flags: int
    extra: bytes
    table: list
    table_offset: int = 0


@dataclass
class Options:
    version: int = 3
    cluster_bits: int = 16
    refcount_order: int = 4
    virtual_size: int = 1 << 20
    extended_l2: bool = False
    compression: str = 'zlib'
    backing: Optional[str] = None
    backing_format: Optional[str] = None
    data_file: Optional[str] = None
    data_file_raw: bool = False
    lazy_refcounts: bool = False
    luks_header: Optional[bytes] = None
    crypt_method: int = 0
    unknown_extensions: tuple = ()
    feature_names: Optional[list] = None  # None: the known ones, where they fit
    header_bytes: int = 112
    reftable_clusters: int = 1
    free_between: int = 0  # clusters left free behind each allocation


class Builder:
    def __init__(self, **options):
        self.options = o = Options(**options)
        self.raw = SparseBytes()
        self.data = SparseBytes() if o.data_file else self.raw
        self.cluster_size = 1 << o.cluster_bits
        self.sub_count = 32 if o.extended_l2 else 1
        self.unit = self.cluster_size // self.sub_count
        self.full = (1 << self.sub_count) - 1
        self.l2_entries = self.cluster_size // (16 if o.extended_l2 else 8)
        self.virtual_size = o.virtual_size
        self.tree = {}          # L1 index -> L2
        self.snapshots = []
        self.bitmaps = []
        self.shared_tables = set()  # ids of L2 objects that a snapshot holds
        self.shared_hosts = set()
        self.reserved = Counter()   # clusters of tables without an object of their own
        self.pack_at, self.pack_left, self.pack_count = 0, 0, 0
        self.end = 0
        self.header_at = self.alloc()
        self.reftable_at = self.alloc(o.reftable_clusters)
        self.refblocks = {0: self.alloc()}
        self.l1_room = self.l1_clusters(self.l1_entries)
        self.l1_at = self.alloc(max(self.l1_room, 1))
        self.directory_at = self.directory_bytes = 0
        self.luks_at = self.place_luks() if o.luks_header else 0

    # -- space --------------------------------------------------------------

    @property
    def l1_entries(self):
        return -(-self.virtual_size // (self.cluster_size * self.l2_entries))

    def l1_clusters(self, entries):
        return -(-entries * 8 // self.cluster_size)

    def clusters(self, n_bytes):
        return -(-n_bytes // self.cluster_size)

    def alloc(self, n=1):
        """The offset of `n` new clusters at the end of the file."""
        offset = self.end
        self.end += (n + self.options.free_between) * self.cluster_size
        self.raw.size = max(self.raw.size, offset + n * self.cluster_size)
        return offset

    def place_luks(self):
        header = self.options.luks_header
        offset = self.alloc(self.clusters(len(header)))
        self.raw.write(offset, header)
        return offset

    @property
    def refcount_max(self):
        return (1 << (1 << self.options.refcount_order)) - 1

    # -- the guest's clusters -------------------------------------------------

    def table(self, guest):
        """The active tree's own L2 table for a guest cluster, made or unshared if need be."""
        index = guest // self.l2_entries
        old = self.tree.get(index)
        if old is None:
            self.tree[index] = L2(self.alloc())
        elif id(old) in self.shared_tables:
            self.tree[index] = L2(self.alloc(), dict(old.entries))
        return self.tree[index]

    def get(self, guest):
        l2 = self.tree.get(guest // self.l2_entries)
        return l2.entries.get(guest % self.l2_entries, Entry()) if l2 else Entry()

    def set(self, guest, entry):
        self.table(guest).entries[guest % self.l2_entries] = entry

    def own_host(self, guest, keep_mask):
        """Host space that only the active tree uses, with the subclusters of `keep_mask`."""
        entry = self.get(guest)
        if self.options.data_file:
            return guest * self.cluster_size
        if entry.host is not None and entry.host not in self.shared_hosts:
            return entry.host
        self.table(guest)
        host = self.alloc()
        for sub in range(self.sub_count):
            if entry.alloc & keep_mask >> sub << sub & 1 << sub:
                piece = self.data.read(entry.host + sub * self.unit, self.unit)
                self.data.write(host + sub * self.unit, piece)
        return host

    def mask(self, first, n):
        return ((1 << n) - 1) << first

    def pieces(self, guest_offset, length):
        """(guest cluster, first subcluster, subclusters) of an aligned range."""
        if guest_offset % self.unit or length % self.unit:
            raise ValueError('the range is not aligned to (sub)clusters')
        at, end = guest_offset // self.unit, (guest_offset + length) // self.unit
        while at < end:
            cluster, sub = divmod(at, self.sub_count)
            n = min(end - at, self.sub_count - sub)
            yield cluster, sub, n
            at += n

    def write(self, guest_offset, data):
        """Plain data; range aligned to (sub)clusters, compressed clusters only as a whole."""
        done = 0
        for guest, sub, n in self.pieces(guest_offset, len(data)):
            mask = self.mask(sub, n)
            old = self.get(guest)
            if old.packed and mask != self.full:
                raise ValueError('part of a compressed cluster')
            host = self.own_host(guest, self.full & ~mask)
            self.data.write(host + sub * self.unit, data[done:done + n * self.unit])
            self.set(guest, Entry(host, old.alloc | mask, old.zero & ~mask))
            done += n * self.unit

    def zero(self, guest_offset, length, keep_host=False):
        """Explicit zeros; the host cluster goes with its last subcluster unless it is kept."""
        for guest, sub, n in self.pieces(guest_offset, length):
            mask = self.mask(sub, n)
            old = self.get(guest)
            if old.packed and mask != self.full:
                raise ValueError('part of a compressed cluster')
            alloc = old.alloc & ~mask
            host = old.host
            if keep_host and host is None:
                host = self.own_host(guest, 0)
            if not keep_host and not alloc:
                host = None
            self.set(guest, Entry(host, alloc, old.zero | mask))

    def unmap(self, guest):
        """The guest cluster shows the backing file's bytes again."""
        self.set(guest, Entry())

    def reserve(self, guest):
        """Host space without content: the subclusters still show the backing file (extended)."""
        self.set(guest, Entry(self.own_host(guest, 0)))

    def compress(self, guest, data):
        """One compressed cluster. False where it would not become smaller."""
        stream = codec.compress(self.options.compression, data)
        if len(stream) >= self.cluster_size:
            return False
        self.table(guest)
        offset = self.pack(len(stream))
        self.raw.write(offset, stream)
        self.set(guest, Entry(packed=(offset, len(stream))))
        return True

    def pack(self, n_bytes):
        """Room for a stream: behind the previous one, across a cluster's end if it can be."""
        if self.pack_left < n_bytes or self.pack_count >= self.refcount_max:
            fresh = self.alloc()
            goes_on = fresh == self.pack_at + self.pack_left and self.refcount_max > 1
            if not self.pack_at or not goes_on or self.pack_count >= self.refcount_max:
                self.pack_at, self.pack_left = fresh, 0
            self.pack_left += self.cluster_size
            self.pack_count = 0
        offset = self.pack_at
        self.pack_at += n_bytes
        self.pack_left -= n_bytes
        self.pack_count += 1
        return offset

    # -- snapshots, bitmaps, size ----------------------------------------------

    def snapshot(self, ident, name, vm_state=b'', extra=b'', date_sec=1700000000):
        """`extra` follows the known extra data; None leaves all extra data out (version 2)."""
        self.pack_at = self.pack_left = 0
        tree = dict(self.tree)
        for l2 in tree.values():
            self.shared_tables.add(id(l2))
            self.shared_hosts.update(e.host for e in l2.entries.values() if e.host is not None)
        l1_entries = self.l1_entries
        if vm_state:
            l1_entries = self.place_vm_state(tree, vm_state)
        l1_offset = self.alloc(max(self.l1_clusters(l1_entries), 1))
        self.snapshots.append(Snapshot(ident.encode(), name.encode(), tree, l1_entries, l1_offset,
                                       self.virtual_size, len(vm_state), extra, date_sec))
        return self.snapshots[-1]

    def place_vm_state(self, tree, vm_state):
        """VM state lies behind the disk, from the next L1 entry on; returns the L1's entries."""
        first = self.l1_entries * self.l2_entries
        for i in range(self.clusters(len(vm_state))):
            index, slot = divmod(first + i, self.l2_entries)
            l2 = tree.get(index)
            if l2 is None:
                l2 = tree[index] = L2(self.alloc())
            host = self.alloc()
            self.raw.write(host, vm_state[i * self.cluster_size:(i + 1) * self.cluster_size])
            l2.entries[slot] = Entry(host, self.full)
        return max(tree) + 1

    def fits_snapshot(self):
        """Whether another snapshot would keep all reference counts within their width."""
        counts = self.count_references()
        counts.update(self.tree_references(self.tree))
        return max(counts.values()) <= self.refcount_max

    def resize(self, virtual_size):
        """Grows the disk."""
        self.virtual_size = virtual_size
        needed = self.l1_clusters(self.l1_entries)
        if needed > self.l1_room:
            self.l1_room, self.l1_at = needed, self.alloc(needed)

    def bitmap(self, name, granularity_bits=16, dirty=(), flags=2, extra=b''):
        """A dirty bitmap; `dirty` is a list of (guest offset, length)."""
        n_bits = -(-self.virtual_size // (1 << granularity_bits))
        bits = bytearray(-(-n_bits // 8))
        for offset, length in dirty:
            last = min((offset + length - 1) >> granularity_bits, n_bits - 1)
            for bit in range(offset >> granularity_bits, last + 1):
                bits[bit // 8] |= 1 << bit % 8
        table = []
        for at in range(0, len(bits), self.cluster_size):
            piece = bits[at:at + self.cluster_size]
            table.append(self.bitmap_entry(piece, min(n_bits - at * 8, len(piece) * 8)))
        entry = Bitmap(name.encode(), granularity_bits, flags, extra, table)
        entry.table_offset = self.alloc(max(self.clusters(len(table) * 8), 1))
        self.bitmaps.append(entry)
        return entry

    def bitmap_entry(self, piece, n_bits):
        n_set = sum(byte.bit_count() for byte in piece)
        if n_set == 0:
            return 0
        if n_set == n_bits:
            return q.BITMAP_ALL_ONES
        offset = self.alloc()
        self.raw.write(offset, piece)
        return offset

    # -- writing it all down -----------------------------------------------------

    def finish(self):
        """Writes all metadata; the image as its structures. The builder is used up."""
        snapshot_table = b''.join(self.snapshot_bytes(s) for s in self.snapshots)
        self.snapshots_at = self.place(snapshot_table)
        directory = b''.join(self.bitmap_bytes(b) for b in self.bitmaps)
        self.directory_at, self.directory_bytes = self.place(directory), len(directory)
        for bitmap in self.bitmaps:
            self.raw.write(bitmap.table_offset, pack_words(bitmap.table))
        counts = self.place_refcounts()
        self.write_refcounts(counts)
        self.write_tree(self.tree, self.l1_at, self.l1_entries, counts)
        for snapshot in self.snapshots:
            self.write_tree(snapshot.tree, snapshot.l1_offset, snapshot.l1_entries, None)
        self.write_header()
        self.raw.truncate(max(self.raw.size, max(counts) * self.cluster_size + self.cluster_size))
        return q.Qcow2Image(self.raw)

    def place(self, table):
        """A table of the image at a place of its own; 0 where it is empty."""
        if not table:
            return 0
        n = self.clusters(len(table))
        offset = self.alloc(n)
        self.reserved.update(self.span(offset, n))
        self.raw.write(offset, table)
        return offset

    def span(self, offset, n_clusters):
        first = offset // self.cluster_size
        return range(first, first + n_clusters)

    def tree_references(self, tree):
        counts = Counter()
        for l2 in tree.values():
            counts[l2.offset // self.cluster_size] += 1
            for entry in l2.entries.values():
                counts.update(self.entry_clusters(entry))
        return counts

    def entry_clusters(self, entry):
        """The host clusters of the image that an entry counts for."""
        if entry.packed:
            offset, length = entry.packed
            last = (offset + length - 1) | 511
            return range(offset // self.cluster_size, last // self.cluster_size + 1)
        if entry.host is None or self.options.data_file:
            return ()
        return (entry.host // self.cluster_size,)

    def count_references(self):
        counts = Counter(self.reserved)
        counts[self.header_at // self.cluster_size] += 1
        counts.update(self.span(self.reftable_at, self.options.reftable_clusters))
        counts.update(offset // self.cluster_size for offset in self.refblocks.values())
        counts.update(self.span(self.l1_at, self.l1_clusters(self.l1_entries)))
        counts.update(self.tree_references(self.tree))
        if self.luks_at:
            counts.update(self.span(self.luks_at, self.clusters(len(self.options.luks_header))))
        for s in self.snapshots:
            counts.update(self.span(s.l1_offset, self.l1_clusters(s.l1_entries)))
            counts.update(self.tree_references(s.tree))
        for b in self.bitmaps:
            counts.update(self.span(b.table_offset, self.clusters(len(b.table) * 8)))
            counts.update(e // self.cluster_size for e in b.table if e > q.BITMAP_ALL_ONES)
        return counts

    def place_refcounts(self):
        """Allocates refcount blocks and a table large enough, which count themselves."""
        per_block = 1 << (self.options.cluster_bits + 3 - self.options.refcount_order)
        while True:
            counts = self.count_references()
            missing = {c // per_block for c in counts} - set(self.refblocks)
            n_table = self.clusters((max(counts) // per_block + 1) * 8)
            if n_table > self.options.reftable_clusters:
                self.options = replace(self.options, reftable_clusters=n_table)
                self.reftable_at = self.alloc(n_table)
            elif missing:
                self.refblocks.update((block, self.alloc()) for block in missing)
            else:
                return counts

    def write_refcounts(self, counts):
        if max(counts.values()) > self.refcount_max:
            raise OverflowError('a reference count exceeds its width')
        for block, offset in self.refblocks.items():
            self.raw.put(self.reftable_at + block * 8, 8, offset)
        view = RefcountWriter(self.raw, self.options, self.refblocks)
        for cluster, count in counts.items():
            view[cluster] = count

    def write_tree(self, tree, l1_at, l1_entries, counts):
        """`counts` gives the COPIED flags, which matter in the active tree alone."""
        l1 = q.Table(self.raw, l1_at, l1_entries)
        for index, l2 in tree.items():
            copied = counts is not None and counts[l2.offset // self.cluster_size] == 1
            l1[index] = l2.offset | (q.COPIED if copied else 0)
            self.write_l2(l2, counts)

    def write_l2(self, l2, counts):
        stride = self.cluster_size // self.l2_entries
        for slot, entry in l2.entries.items():
            word, bitmap = self.encode(entry, counts)
            if word or bitmap:
                self.raw.put(l2.offset + slot * stride, 8, word)
            if self.options.extended_l2 and bitmap:
                self.raw.put(l2.offset + slot * stride + 8, 8, bitmap)

    def encode(self, entry, counts):
        o = self.options
        bitmap = entry.zero << 32 | entry.alloc if o.extended_l2 else 0
        if entry.packed:
            offset, length = entry.packed
            sectors = ((offset + length - 1) >> 9) - (offset >> 9)
            return q.COMPRESSED | sectors << (62 - (o.cluster_bits - 8)) | offset, 0
        word = 0 if o.extended_l2 or not entry.zero else q.ZERO
        if entry.host is not None:
            only = o.data_file or counts is not None and \
                counts[entry.host // self.cluster_size] == 1
            word |= entry.host | (q.COPIED if only else 0)
        return word, bitmap

    # -- the tables' bytes ---------------------------------------------------------

    def snapshot_bytes(self, s):
        extra = b''
        if s.extra is not None:
            extra = struct.pack('>QQQ', s.vm_state_bytes, s.disk_bytes, (1 << 64) - 1) + s.extra
        small = s.vm_state_bytes if s.vm_state_bytes < 1 << 32 else 0
        head = struct.pack('>QIHHIIQII', s.l1_offset, s.l1_entries, len(s.ident), len(s.name),
                           s.date_sec, 0, 12345, small, len(extra))
        return pad8(head + extra + s.ident + s.name)

    def bitmap_bytes(self, b):
        head = struct.pack('>QIIBBHI', b.table_offset, len(b.table), b.flags, 1,
                           b.granularity_bits, len(b.name), len(b.extra))
        return pad8(head + b.extra + b.name)

    def extension_list(self):
        o = self.options
        if o.backing_format:
            yield q.EXT_BACKING_FORMAT, o.backing_format.encode()
        if o.data_file:
            yield q.EXT_DATA_FILE, o.data_file.encode()
        if o.luks_header:
            yield q.EXT_LUKS, struct.pack('>QQ', self.luks_at, len(o.luks_header))
        if self.bitmaps:
            yield q.EXT_BITMAPS, struct.pack('>IIQQ', len(self.bitmaps), 0, self.directory_bytes,
                                             self.directory_at)
        yield from o.unknown_extensions

    def extension_bytes(self, room):
        """All extensions with their end marker; feature names only where they fit or are asked."""
        o = self.options
        parts = [struct.pack('>II', kind, len(data)) + pad8(data)
                 for kind, data in self.extension_list()]
        names = FEATURE_NAMES if o.feature_names is None else o.feature_names
        table = b''.join(struct.pack('>BB46s', *name[:2], name[2].encode()) for name in names)
        features = struct.pack('>II', q.EXT_FEATURES, len(table)) + pad8(table)
        fits = sum(map(len, parts)) + len(features) + 8 <= room
        if o.version >= 3 and table and (fits or o.feature_names is not None):
            parts.insert(min(len(parts), 2), features)
        return b''.join(parts) + bytes(8)

    def feature_bits(self):
        o = self.options
        incompatible = (q.DATA_FILE if o.data_file else 0) | \
            (q.COMPRESSION if o.compression != 'zlib' else 0) | \
            (q.EXTENDED_L2 if o.extended_l2 else 0)
        compatible = q.LAZY_REFCOUNTS if o.lazy_refcounts else 0
        autoclear = (q.AUTO_BITMAPS if self.bitmaps else 0) | (q.AUTO_RAW if o.data_file_raw else 0)
        return incompatible, compatible, autoclear

    def write_header(self):
        o = self.options
        v3 = o.version >= 3
        header_bytes = o.header_bytes if v3 else 72
        backing = (o.backing or '').encode()
        extensions = self.extension_bytes(self.cluster_size - header_bytes - len(backing))
        if header_bytes + len(extensions) + len(backing) > self.cluster_size:
            raise OverflowError('the header does not fit its cluster')
        header = q.Record(self.raw, 0, q.HEADER_V3 if v3 else q.HEADER_V2)
        values = {
            'magic': q.MAGIC, 'version': o.version, 'cluster_bits': o.cluster_bits,
            'virtual_size': self.virtual_size, 'l1_entries': self.l1_entries,
            'l1_offset': self.l1_at, 'reftable_offset': self.reftable_at,
            'reftable_clusters': o.reftable_clusters, 'n_snapshots': len(self.snapshots),
            'snapshots_offset': self.snapshots_at,
            'crypt_method': q.CRYPT_LUKS if o.luks_header else o.crypt_method,
        }
        if v3:
            bits = zip(('incompatible', 'compatible', 'autoclear'), self.feature_bits())
            values.update(bits, refcount_order=o.refcount_order, header_bytes=header_bytes)
        if v3 and o.compression == 'zstd':
            values['compression'] = 1
        if backing:
            values['backing_offset'] = header_bytes + len(extensions)
            values['backing_bytes'] = len(backing)
        for name, value in values.items():
            header[name] = value
        self.raw.write(header_bytes, extensions + backing)


class RefcountWriter(q.Refcounts):
    """Refcounts of an image whose header does not stand yet."""

    def __init__(self, raw, options, refblocks):
        self.raw, self.order = raw, options.refcount_order
        self.per_block = 1 << (options.cluster_bits + 3 - options.refcount_order)
        self.blocks = [refblocks.get(i, 0) for i in range(max(refblocks) + 1)]


def pad8(data):
    return data + bytes(-len(data) % 8)


def pack_words(words):
    return struct.pack(f'>{len(words)}Q', *words)
