# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a guest can read from an image, however damaged it is: in pieces of 512 bytes.

    view = GuestView(raw, limit)        # raw: the file, as SparseBytes
    view.disk[number]                   # bytes, ZERO, BACKING, or Bad('why')
    view.snapshots[(id, name)]          # the same for each internal snapshot

A reader of the tests' own: it shares nothing with the engine, and goes on where
the engine and QEMU stop. Reserved bits are passed over, as QEMU does. What lies
in a cluster that a table stands in is Shaky: a guest reads it, and nobody can
say whose it is.
"""

import struct

import codec
import qcow2image as q

PIECE = 512
ZERO, BACKING = 'zero', 'backing'
ZEROS = bytes(PIECE)
MAX_SNAPSHOTS = 64
MAX_NAME = 1024


class Bad(str):
    """Nothing can be read, and why."""


class Shaky(bytes):
    """Bytes of a cluster that belongs to a table, too."""


class Pieces(dict):
    """Of one disk; what is not in it is as `default` says.

    `places`: (offset, length) in the image of the bytes that a piece comes from.
    """

    def __init__(self, default):
        super().__init__()
        self.default = default
        self.places = {}

    def __missing__(self, number):
        return self.default


class Unreadable(Exception):
    """A header with which no disk can be read."""


class Geometry:
    """The fields that reading needs, checked as far as reading needs it."""

    def __init__(self, raw):
        if raw.get(0, 4) != q.MAGIC or raw.size < 72:
            raise Unreadable('no qcow2 image')
        self.header = q.Record(raw, 0, q.HEADER_V2 if raw.get(4, 4) < 3 else q.HEADER_V3)
        self.version = self.header['version']
        self.cluster_bits = self.header['cluster_bits']
        if self.version not in (2, 3) or not 9 <= self.cluster_bits <= 21:
            raise Unreadable('a version or cluster size that nobody has')
        self.cluster_size = 1 << self.cluster_bits
        bits = self.header['incompatible'] if self.version == 3 else 0
        if bits >> 5:
            raise Unreadable('unknown features')
        self.extended = bool(bits & q.EXTENDED_L2)
        self.data_file = bool(bits & q.DATA_FILE)
        self.entry_bytes = 16 if self.extended else 8
        self.l2_entries = self.cluster_size // self.entry_bytes
        kind = self.header['compression'] if self.version == 3 and \
            self.header['header_bytes'] > 104 else 0
        self.compression = {0: 'zlib', 1: 'zstd'}.get(kind)

    def aligned(self, offset):
        return offset % self.cluster_size == 0


class GuestView:
    def __init__(self, raw, limit, data=None):
        """`data`: the external data file. Beyond `limit` bytes of a disk nothing is looked at."""
        self.raw, self.limit, self.data = raw, limit, data or raw
        self.snapshots = {}
        self.backing = None
        try:
            self.geo = Geometry(raw)
        except Unreadable as error:
            self.disk = Pieces(Bad(str(error)))
            return
        header = self.geo.header
        self.backing = raw.read(header['backing_offset'], min(header['backing_bytes'], MAX_NAME)) \
            if header['backing_offset'] else None
        entries = list(self.snapshot_entries())
        self.tables = self.table_clusters(entries)
        self.disk = self.tree(header['l1_offset'], header['l1_entries'])
        for key, offset, n_entries in entries:
            self.snapshots[key] = self.tree(offset, n_entries)

    # -- tables ---------------------------------------------------------------

    def snapshot_entries(self):
        """((id, name), L1 offset, L1 entries) of those that lie in the file."""
        header, raw = self.geo.header, self.raw
        at = header['snapshots_offset']
        for _ in range(min(header['n_snapshots'], MAX_SNAPSHOTS)):
            one = q.Record(raw, at, q.SNAPSHOT)
            extra, id_bytes, name_bytes = one['extra_bytes'], one['id_bytes'], one['name_bytes']
            end = at + q.round_up(40 + extra + id_bytes + name_bytes, 8)
            if extra > 1024 or end > raw.size + 8:
                return
            ident = raw.read(at + 40 + extra, id_bytes)
            name = raw.read(at + 40 + extra + id_bytes, name_bytes)
            if one['l1_offset']:
                yield (ident, name), one['l1_offset'], one['l1_entries']
            at = end

    def l1_words(self, offset, n_entries):
        if not offset or not self.geo.aligned(offset) or n_entries > 1 << 22 or \
                offset >= self.raw.size:
            return None
        per_table = self.geo.l2_entries * self.geo.cluster_size
        n = min(n_entries, q.round_up(self.limit, per_table) // per_table)
        return [self.raw.get(offset + 8 * i, 8) for i in range(n)]

    def table_clusters(self, entries):
        """Numbers of the clusters that the header leads to as tables."""
        header, size = self.geo.header, self.geo.cluster_size
        found = {0}
        for offset, n_bytes in [(header['l1_offset'], header['l1_entries'] * 8)] + \
                [(offset, n * 8) for _, offset, n in entries]:
            found.update(range(offset // size, (offset + min(n_bytes, 1 << 20) - 1) // size + 1))
            words = self.l1_words(offset, n_bytes // 8) or ()
            found.update((word & q.OFFSET_MASK) // size for word in words)
        at, clusters = header['reftable_offset'], min(header['reftable_clusters'], 8)
        found.update(range(at // size, at // size + clusters))
        table = self.raw.read(at, clusters * size)
        found.update((word & ~0x1ff) // size for word, in struct.iter_unpack('>Q', table) if word)
        return found

    # -- one disk --------------------------------------------------------------

    def tree(self, l1_offset, n_entries):
        words = self.l1_words(l1_offset, n_entries)
        if words is None:
            return Pieces(Bad('no L1 table'))
        pieces = Pieces(BACKING)
        per_table = self.geo.l2_entries * self.geo.cluster_size
        for index, word in enumerate(words):
            self.table(pieces, index * per_table, word)
        for number in range(q.round_up(len(words) * per_table, PIECE) // PIECE,
                            self.limit // PIECE):
            pieces[number] = Bad('the L1 table is too short')
        return pieces

    def fill(self, pieces, guest, length, value):
        for number in range(guest // PIECE, min(guest + length, self.limit) // PIECE):
            pieces[number] = value

    def table(self, pieces, guest, word):
        offset = word & q.OFFSET_MASK
        span = self.geo.l2_entries * self.geo.cluster_size
        if not offset:
            return
        if not self.geo.aligned(offset) or offset + self.geo.cluster_size > self.raw.size:
            self.fill(pieces, guest, span, Bad('no L2 table'))
            return
        stride = self.geo.entry_bytes
        content = self.raw.read(offset, self.geo.cluster_size)
        n_slots = -(-(self.limit - guest) // self.geo.cluster_size)
        for slot in range(min(self.geo.l2_entries, n_slots)):
            raw_entry = content[slot * stride:(slot + 1) * stride]
            if any(raw_entry):
                self.entry(pieces, guest + slot * self.geo.cluster_size, raw_entry)

    def entry(self, pieces, guest, raw_entry):
        if guest >= self.limit:
            return
        word = int.from_bytes(raw_entry[:8], 'big')
        if word & q.COMPRESSED:
            self.put(pieces, guest, self.unpack(word), self.geo.cluster_size)
            self.place(pieces, guest, self.geo.cluster_size, self.stream(word), whole=True)
        elif self.geo.extended:
            self.subclusters(pieces, guest, word & q.OFFSET_MASK,
                             int.from_bytes(raw_entry[8:], 'big'), bool(word & q.COPIED))
        elif word & q.ZERO and self.geo.version > 2:
            self.fill(pieces, guest, self.geo.cluster_size, ZERO)
        elif word & q.OFFSET_MASK or self.geo.data_file and word & q.COPIED:
            size = self.geo.cluster_size
            self.put(pieces, guest, self.cluster(word & q.OFFSET_MASK, size), size)
            self.place(pieces, guest, size, (word & q.OFFSET_MASK, size))

    def subclusters(self, pieces, guest, host, bitmap, copied):
        unit = self.geo.cluster_size // 32
        there = host or self.geo.data_file and copied
        for sub in range(32):
            alloc, zero = bitmap >> sub & 1, bitmap >> (32 + sub) & 1
            at = guest + sub * unit
            if alloc and (zero or not there):
                self.fill(pieces, at, unit, Bad('a subcluster that cannot be'))
            elif zero:
                self.fill(pieces, at, unit, ZERO)
            elif alloc:
                self.put(pieces, at, self.cluster(host, unit, sub * unit), unit)
                self.place(pieces, at, unit, (host + sub * unit, unit))

    def put(self, pieces, guest, found, length):
        """Bytes, or why there are none."""
        if isinstance(found, Bad):
            self.fill(pieces, guest, length, found)
            return
        for at in range(0, len(found), PIECE):
            if guest + at < self.limit:
                pieces[(guest + at) // PIECE] = type(found)(found[at:at + PIECE])

    def place(self, pieces, guest, length, where, whole=False):
        for at in range(0, 0 if self.geo.data_file else length, PIECE):
            pieces.places[(guest + at) // PIECE] = where if whole else (where[0] + at, PIECE)

    def cluster(self, host, length, skip=0):
        if not self.geo.aligned(host):
            return Bad('an unaligned cluster')
        if not self.geo.data_file and host >= self.raw.size:
            return Bad('beyond the file')
        found = self.data.read(host + skip, length)
        if not self.geo.data_file and host // self.geo.cluster_size in self.tables:
            return Shaky(found)
        return found

    def stream(self, word):
        """(offset, length to the end of the last sector) of a compressed cluster."""
        shift = 62 - (self.geo.cluster_bits - 8)
        offset = word & ((1 << shift) - 1)
        sectors = word >> shift & ((1 << (self.geo.cluster_bits - 8)) - 1)
        return offset, (sectors + 1) * 512 - offset % 512

    def unpack(self, word):
        if self.geo.data_file:
            return Bad('compressed in a data file')
        offset, length = self.stream(word)
        if offset >= self.raw.size:
            return Bad('beyond the file')
        stream = self.raw.read(offset, length)
        found = codec.decompress(self.geo.compression, stream, self.geo.cluster_size)
        if found is None:
            return Bad('cannot be decoded')
        return Shaky(found) if offset // self.geo.cluster_size in self.tables else found


def normal(value, has_backing):
    """The same word for what a guest sees alike."""
    if isinstance(value, bytes):
        return ZERO if value == ZEROS else value
    return ZERO if value == BACKING and not has_backing else value
