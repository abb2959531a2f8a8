# SPDX-License-Identifier: LGPL-2.1-or-later
"""The judge: has any write that a disk acknowledged been lost, torn, aged or moved?

From the content before the guest ran, the guest's rules and its serial log
follows every byte that the disk must hold now. One round for each boot may be
under way when the guest stops: it was not acknowledged, so each of its sectors
may be old or new, but nothing else. Whatever else differs is an error.
"""

from dataclasses import dataclass, field

from .guestcode import SECTOR_BYTES, read_pattern

CHUNK_BYTES = 64 * 1024
MAX_SHOWN = 12


class Lost(AssertionError):
    """The disk does not hold what it must."""


@dataclass
class SerialLog:
    """What the guest said: the counters it reported, boot by boot, and refused writes."""

    boots: list = field(default_factory=list)
    refusals: list = field(default_factory=list)

    @classmethod
    def parse(cls, text):
        log = cls()
        for line in text.split('\n')[:-1]:      # what follows the last newline is unfinished
            word = line[-8:]                    # a boot that was cut short leaves a piece before
            if word.startswith('!'):
                log.refusals.append(word)
            else:
                log.add(int(word, 16))
        return log

    @classmethod
    def read(cls, path):
        with open(path, encoding='ascii') as file:
            return cls.parse(file.read())

    def add(self, counter):
        boot = self.boots[-1] if self.boots else None
        if boot and counter == boot.stop:
            self.boots[-1] = range(boot.start, counter + 1)
        elif any(counter in boot for boot in self.boots):
            raise Lost(f'the serial log reports counter {counter:08X} twice')
        else:
            self.boots.append(range(counter, counter + 1))

    @property
    def n_acknowledged(self):
        return sum(len(boot) for boot in self.boots)


class Expected:
    """What one disk must hold: exact bytes, and other bytes allowed for sectors in doubt."""

    def __init__(self, code, before, log):
        self.code = code
        self.content = bytearray(before)
        self.doubtful = {}
        self.newest = {}
        for boot in log.boots:
            self.replay(boot)

    def replay(self, boot):
        """One boot's rounds; of each slot only the last one counts."""
        newest = {}
        for counter in boot[-self.code.n_slots:]:
            newest[self.code.lba_of(counter)] = counter
        for counter in newest.values():
            for lba, pattern in self.code.sectors_of(counter):
                self.put(lba, pattern)
                self.newest[lba] = counter
        for lba, pattern in self.code.sectors_of(boot.stop):
            self.doubtful.setdefault(lba, set()).add(pattern)

    def put(self, lba, pattern):
        offset = lba * SECTOR_BYTES
        if offset + SECTOR_BYTES > len(self.content):
            raise ValueError(f'the guest writes LBA {lba}, past the end of the disk')
        self.content[offset:offset + SECTOR_BYTES] = pattern
        self.doubtful.pop(lba, None)

    def sector(self, lba):
        return bytes(self.content[lba * SECTOR_BYTES:(lba + 1) * SECTOR_BYTES])

    def differences(self, actual):
        """(LBA, what is wrong) for each sector that holds what it must not."""
        if len(actual) != len(self.content):
            yield 0, f'the disk has {len(actual)} bytes and had {len(self.content)}'
        for start in range(0, len(self.content), CHUNK_BYTES):
            chunk = actual[start:start + CHUNK_BYTES]
            if chunk == self.content[start:start + CHUNK_BYTES]:
                continue
            for offset in range(0, len(chunk), SECTOR_BYTES):
                lba = (start + offset) // SECTOR_BYTES
                found = bytes(chunk[offset:offset + SECTOR_BYTES])
                if found != self.sector(lba) and found not in self.doubtful.get(lba, ()):
                    yield lba, self.explain(lba, found)

    def explain(self, lba, found):
        holds = describe(lba, found)
        wanted = self.newest.get(lba)
        if wanted is None:
            return f'holds {holds}; no acknowledged write touched it'
        return f'holds {holds}; must hold round {wanted:08X}'


def describe(lba, sector):
    pattern = read_pattern(sector)
    if pattern and pattern[1] == lba:
        return f'round {pattern[0]:08X}'
    if pattern:
        return f'round {pattern[0]:08X} of LBA {pattern[1]} (moved)'
    if not any(sector):
        return 'zeroes'
    return f'no whole pattern ({sector[:16].hex(" ", 4)} …)'


@dataclass
class Verdict:
    """A passed judgement, in figures."""

    n_acknowledged: int
    n_boots: int
    n_refusals: int
    n_bytes_compared: int


def read_whole(path):
    with open(path, 'rb') as file:
        return file.read()


def judge(code, log, before_paths, after_paths):
    """Compare raw dumps of all disks, from before and after; raise Lost or return a Verdict."""
    if not log.n_acknowledged:
        raise Lost('the guest reported no write at all: nothing can be shown')
    n_bytes, problems = 0, []
    for disk, (before, after) in enumerate(zip(before_paths, after_paths, strict=True)):
        actual = read_whole(after)
        n_bytes += len(actual)
        problems += [f'disk {disk}, LBA {lba}: {text}' for lba, text in
                     Expected(code, read_whole(before), log).differences(actual)]
    if problems:
        more = len(problems) - MAX_SHOWN
        shown = problems[:MAX_SHOWN] + ([f'… and {more} more'] if more > 0 else [])
        raise Lost(f'{len(problems)} sectors are wrong after {log.n_acknowledged} '
                   'acknowledged rounds:\n  ' + '\n  '.join(shown))
    return Verdict(log.n_acknowledged, len(log.boots), len(log.refusals), n_bytes)
