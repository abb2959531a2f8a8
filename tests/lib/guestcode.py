# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the guest writes, and where: its boot sector and the same rules in Python.

A counter belongs to one slot of SECTORS sectors; neighbours in time lie far
apart on disk, and each slot comes up once in n_slots rounds. See bootsector.S.
"""

import array
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass

SECTOR_BYTES = 512
BOOT_SIGNATURE = b'\x55\xaa'
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'bootsector.S')

WORD = 0xffffffff
SLOT_FACTOR = 0x9e3779b1
COUNTER_FACTOR = 0x85ebca6b
LBA_FACTOR = 0xc2b2ae35
STEP = 0x27d4eb2f


@dataclass(frozen=True)
class GuestCode:
    """The parameters of one guest."""

    first_lba: int = 2048
    n_slots: int = 512
    sectors_per_write: int = 8
    n_disks: int = 1
    pause_usec: int = 5000

    def __post_init__(self):
        if self.n_slots & (self.n_slots - 1) or self.n_slots < 1:
            raise ValueError(f'n_slots is a power of two, not {self.n_slots}')
        if not 1 <= self.sectors_per_write <= 64:
            raise ValueError(f'sectors_per_write is 1 to 64, not {self.sectors_per_write}')
        if not 1 <= self.n_disks <= 4 or self.first_lba < 1:
            raise ValueError(f'{self.n_disks} disks from LBA {self.first_lba} on: 1 to 4, from 1')

    @property
    def end_lba(self):
        return self.first_lba + self.n_slots * self.sectors_per_write

    def lba_of(self, counter):
        """First sector that the round of this counter writes."""
        slot = counter * SLOT_FACTOR & (self.n_slots - 1)
        return self.first_lba + slot * self.sectors_per_write

    def sectors_of(self, counter):
        """All (LBA, bytes) that the round of this counter writes to each disk."""
        first = self.lba_of(counter)
        return [(lba, sector_pattern(counter, lba))
                for lba in range(first, first + self.sectors_per_write)]

    def assemble(self):
        """The boot sector: 512 bytes."""
        symbols = {'FIRST_LBA': self.first_lba, 'SLOT_MASK': self.n_slots - 1,
                   'SECTORS': self.sectors_per_write, 'N_DISKS': self.n_disks,
                   'PAUSE_USEC': self.pause_usec, 'SLOT_FACTOR': SLOT_FACTOR,
                   'COUNTER_FACTOR': COUNTER_FACTOR, 'LBA_FACTOR': LBA_FACTOR, 'STEP': STEP}
        defined = [f'--defsym={name}={value}' for name, value in symbols.items()]
        with tempfile.TemporaryDirectory() as folder:
            parts, image = os.path.join(folder, 'boot.o'), os.path.join(folder, 'boot.bin')
            subprocess.run(['as', '--32', *defined, '-o', parts, SOURCE], check=True)
            subprocess.run(['ld', '-m', 'elf_i386', '-Ttext=0x7c00', '--oformat=binary',
                            '-o', image, parts], check=True)
            with open(image, 'rb') as file:
                sector = file.read()
        if len(sector) != SECTOR_BYTES or not sector.endswith(BOOT_SIGNATURE):
            raise ValueError(f'the boot sector came out with {len(sector)} bytes')
        return sector


def sector_pattern(counter, lba):
    """The 512 bytes that the guest puts at this LBA in the round of this counter."""
    seed = (counter * COUNTER_FACTOR ^ lba * LBA_FACTOR) & WORD
    words = array.array('I', [counter, lba])
    words.extend((seed + i * STEP) & WORD for i in range(126))
    if sys.byteorder == 'big':
        words.byteswap()
    return words.tobytes()


def read_pattern(sector):
    """(counter, lba) when the sector is wholly one pattern of the guest, else None."""
    counter = int.from_bytes(sector[0:4], 'little')
    lba = int.from_bytes(sector[4:8], 'little')
    return (counter, lba) if sector == sector_pattern(counter, lba) else None
