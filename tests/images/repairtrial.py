# SPDX-License-Identifier: LGPL-2.1-or-later
"""One damaged image, repaired, and held against what it was before it was damaged.

    trial = Trial(damage, image, folder)
    trial.run(command)      → Outcome: what a program made of it

Three views of the guest's disk and of each internal snapshot are compared, piece by
piece: of the sound image (the truth), of the damaged one, of the repaired one.

A repair makes an image worse where a piece that could be read reads otherwise and not
as in truth; where a piece that could not be read shows anything but the truth or
zeros (old bytes of the backing file, another cluster's); where bytes that were left
of unreadable pieces are overwritten, or freed while damage remains; or where the
backing file is forgotten.
"""

import functools
import os
from dataclasses import dataclass, field

import qcow2image as q
from damages import base
from guestview import PIECE, ZERO, Bad, GuestView, Pieces, Shaky, normal
from sparsebytes import SparseBytes

LIMIT = 16 << 20
LEAKS = 3                       # the exit status of a check that finds nothing else
GONE = Pieces(Bad('no such snapshot'))


class Counts:
    """The stored reference counts of an image that may be broken in any way."""

    def __init__(self, raw):
        self.raw = raw

    @functools.cached_property
    def counts(self):
        header = q.Record(self.raw, 0, q.HEADER_V2 if self.raw.get(4, 4) < 3 else q.HEADER_V3)
        self.cluster_bits = header['cluster_bits']
        self.refcount_order = header['refcount_order'] if 'refcount_order' in header else 4
        if not 9 <= self.cluster_bits <= 21 or self.refcount_order > 6:
            return None
        n_entries = min(header['reftable_clusters'], 2048) << (self.cluster_bits - 3)
        self.reftable = q.Table(self.raw, header['reftable_offset'], n_entries)
        return q.Refcounts(self)

    def of(self, offset):
        """Of the cluster at that offset; 0 where none can be read."""
        return self.counts[offset >> self.cluster_bits] if self.counts else 0


@dataclass
class Outcome:
    """What a program made of an image."""
    status: int
    report: dict
    said: str
    lost: int = 0               # bytes of the truth that cannot be read
    worse: list = field(default_factory=list)
    filled: bool = False        # a piece that nobody could vouch for reads now, and not as in truth

    @property
    def whole(self):
        return self.status == 0 and not self.lost and not self.worse

    @property
    def word(self):
        if self.worse:
            return 'made worse'
        if self.status:
            return 'leaks kept' if self.status == LEAKS else 'left'
        return 'mended with loss' if self.lost else 'mended'


def snapshot_of(view, key):
    """By id and name, by the name alone, by the id alone: one of them may be damaged."""
    if key in view.snapshots:
        return view.snapshots[key]
    for part in (1, 0):
        found = [one for other, one in view.snapshots.items() if other[part] == key[part]]
        if found:
            return found[0]
    return GONE


def all_pieces(views):
    """The numbers of the pieces that any of the three has something to say about."""
    if len({str(view.default) for view in views}) > 1:
        return range(LIMIT // PIECE)
    return set().union(*views)


class Comparison:
    """Truth, damaged and repaired of one disk."""

    def __init__(self, name, views, has_backing, files):
        """`files`: the sound one, the damaged, the repaired (None: nothing was)."""
        self.name, self.views, self.has_backing = name, views, has_backing
        self.sound, self.damaged, self.repaired = files
        self.lost, self.worse, self.freed, self.filled = 0, [], [], False

    def run(self, n_pieces):
        for number in all_pieces(self.views):
            if number < n_pieces:
                self.piece(number)
        return self

    def piece(self, number):
        truth, before, after = (normal(view[number], self.has_backing) for view in self.views)
        if isinstance(truth, Bad):
            return
        if after != truth:
            self.lost += PIECE
            self.filled |= isinstance(before, (Bad, Shaky)) and not isinstance(after, (Bad, Shaky))
            self.leftover(number)
        why = self.wrong(truth, before, after)
        if why:
            self.worse.append(f'{self.name} at {number * PIECE:#x}: {why}')

    @staticmethod
    def wrong(truth, before, after):
        if after in (truth, before):
            return None
        if isinstance(before, Bad):
            return None if isinstance(after, Bad) or after == ZERO else \
                f'could not be read ({before}), now shows {after[:16]!r}'
        if isinstance(before, Shaky):
            return None if isinstance(after, Bad) or after == ZERO else \
                f'lay in a table, now shows {after[:16]!r}'
        return f'could be read, now {after[:40]!r}'

    def leftover(self, number):
        """What there still is of a piece that reads otherwise must stay."""
        place = self.views[0].places.get(number)
        if not place or self.repaired is None or self.views[1] is GONE:
            return      # of a snapshot that nothing names, only leaks are left
        offset, length = place
        kept = self.damaged.raw.read(offset, length)
        if kept != self.sound.read(offset, length):
            return
        what = f'{self.name} at {number * PIECE:#x}: what was left of it at {offset:#x} is'
        if self.repaired.raw.read(offset, length) != kept:
            self.worse.append(f'{what} overwritten')
        elif self.damaged.of(offset) and not self.repaired.of(offset):
            self.freed.append(f'{what} freed')


class Trial:
    def __init__(self, damage, image, folder):
        """Writes the damaged image into `folder`, with the other files that it names."""
        self.damage, self.name, self.key = damage, damage.name, damage.key
        legal = getattr(damage, 'subject', '') == 'legal'
        sound = image if legal else base.build(damage.base, **damage.options)
        self.sound, self.damaged = sound.raw, image.raw.copy()
        size = sound.header['virtual_size']
        self.n_pieces = min(size, LIMIT) // PIECE
        self.limit = min(q.round_up(size, sound.cluster_size) + (1 << 16), LIMIT)
        self.folder = folder
        base.write_companions(damage.base, folder, damage.options)
        self.companions = {name: SparseBytes.load(os.path.join(folder, name))
                           for name in sorted(os.listdir(folder)) if name.endswith('.raw')}
        self.data = self.companions.get('data.raw') if sound.extension(q.EXT_DATA_FILE) else None
        self.truth, self.before = self.view(self.sound), self.view(self.damaged)
        self.has_backing = self.truth.backing is not None

    def view(self, raw):
        return GuestView(raw, self.limit, self.data)

    def write(self, name):
        path = os.path.join(self.folder, name)
        self.damaged.save(path)
        return path

    def lost_before(self):
        """Bytes of the truth that the damaged image does not show."""
        return sum(one.lost for one in self.comparisons(self.before, None))

    def comparisons(self, view, repaired):
        """Of the disk and of each snapshot that there was."""
        pairs = [('the disk', (self.truth.disk, self.before.disk, view.disk), self.n_pieces)]
        pairs += [(f'snapshot {key[1].decode()}',
                   (disk, snapshot_of(self.before, key), snapshot_of(view, key)), LIMIT // PIECE)
                  for key, disk in self.truth.snapshots.items()]
        for name, views, n_pieces in pairs:
            files = (self.sound, Counts(self.damaged), repaired)
            yield Comparison(name, views, self.has_backing, files).run(n_pieces)

    def judge(self, outcome, path):
        """Fills in what became of the guest's bytes."""
        raw = SparseBytes.load(path)
        after = self.view(raw)
        for one in self.comparisons(after, Counts(raw)):
            outcome.lost += one.lost
            outcome.worse += one.worse
            outcome.worse += one.freed
            outcome.filled |= one.filled
        if after.backing not in (self.truth.backing, self.before.backing):
            outcome.worse.append(f'the backing file {self.truth.backing} is now {after.backing}')
        for name, content in self.companions.items():
            with open(os.path.join(self.folder, name), 'rb') as file:
                if file.read() != content.read(0, content.size):
                    outcome.worse.append(f'{name} was written')
        return outcome
