# SPDX-License-Identifier: LGPL-2.1-or-later
"""The oracle must be able to fail: each way to lose a write is tried on a made-up disk."""

import os
import random
import tempfile
import unittest

from lib import oracle
from lib.guestcode import SECTOR_BYTES, GuestCode, read_pattern, sector_pattern

CODE = GuestCode(first_lba=64, n_slots=16, sectors_per_write=4)
DISK_SECTORS = 256
START = 0x12340001


class Disk:
    """A disk in memory that obeys the guest perfectly, until a test spoils it."""

    def __init__(self):
        self.before = bytearray(random.Random(1).randbytes(DISK_SECTORS * SECTOR_BYTES))
        self.content = bytearray(self.before)
        self.serial = ''

    def put(self, lba, data):
        self.content[lba * SECTOR_BYTES:lba * SECTOR_BYTES + len(data)] = data

    def get(self, lba, n_sectors=1):
        return bytes(self.content[lba * SECTOR_BYTES:(lba + n_sectors) * SECTOR_BYTES])

    def write(self, counter, n_sectors=CODE.sectors_per_write):
        for lba, pattern in CODE.sectors_of(counter)[:n_sectors]:
            self.put(lba, pattern)

    def run(self, counters):
        for counter in counters:
            self.write(counter)
            self.serial += f'{counter:08X}\n'

    def judge(self):
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(folder, name) for name in ('before', 'after')]
            for path, content in zip(paths, (self.before, self.content)):
                with open(path, 'wb') as file:
                    file.write(content)
            return oracle.judge(CODE, oracle.SerialLog.parse(self.serial), paths[:1], paths[1:])


class Faithful(unittest.TestCase):
    def setUp(self):
        self.disk = Disk()

    def test_few_rounds(self):
        self.disk.run(range(START, START + 5))
        self.assertEqual(self.disk.judge().n_acknowledged, 5)

    def test_many_rounds(self):
        self.disk.run(range(START, START + 50))
        self.assertEqual(self.disk.judge().n_acknowledged, 50)

    def test_a_round_under_way_may_be_whole_half_or_absent(self):
        for n_sectors in range(CODE.sectors_per_write + 1):
            with self.subTest(n_sectors=n_sectors):
                disk = Disk()
                disk.run(range(START, START + 20))
                disk.write(START + 20, n_sectors)
                disk.judge()

    def test_an_unfinished_serial_line_is_not_an_acknowledgement(self):
        self.disk.run(range(START, START + 20))
        self.disk.serial += f'{START + 20:08X}'[:5]
        self.disk.judge()

    def test_two_boots_with_a_round_under_way_between(self):
        self.disk.run(range(START, START + 20))
        self.disk.write(START + 20, 2)
        self.disk.serial += '1234'
        self.disk.run(range(START + 0x10000, START + 0x10003))
        verdict = self.disk.judge()
        self.assertEqual((verdict.n_boots, verdict.n_acknowledged), (2, 23))

    def test_refused_writes_are_counted(self):
        self.disk.run(range(START, START + 3))
        self.disk.serial += '!0000180\n'
        self.disk.run(range(START + 3, START + 5))
        self.assertEqual(self.disk.judge().n_refusals, 1)


class Spoilt(unittest.TestCase):
    """Each case spoils a disk that was right, and must be caught for the right reason."""

    N_ROUNDS = 40

    def setUp(self):
        self.disk = Disk()
        self.disk.run(range(START, START + self.N_ROUNDS))
        self.disk.judge()
        self.last = START + self.N_ROUNDS - 1
        self.lba = CODE.lba_of(self.last)

    def assertCaught(self, reason):
        with self.assertRaisesRegex(oracle.Lost, reason):
            self.disk.judge()

    def test_a_dropped_write(self):
        fresh = Disk()
        fresh.run(range(START, START + 3))
        fresh.put(self.lba_of_round(1), fresh.before[self.lba_of_round(1) * SECTOR_BYTES:][:2048])
        self.disk = fresh
        self.assertCaught('4 sectors are wrong.*\n.*must hold round 12340002')

    def lba_of_round(self, n):
        return CODE.lba_of(START + n)

    def test_a_dropped_last_write(self):
        self.disk.write(self.last - CODE.n_slots)
        self.assertCaught(f'holds round {self.last - CODE.n_slots:08X}; '
                          f'must hold round {self.last:08X}')

    def test_an_aged_sector(self):
        self.disk.put(self.lba + 2, sector_pattern(self.last - CODE.n_slots, self.lba + 2))
        self.assertCaught('^1 sectors are wrong')

    def test_a_torn_sector(self):
        old = sector_pattern(self.last - CODE.n_slots, self.lba)
        self.disk.put(self.lba, old[:256] + sector_pattern(self.last, self.lba)[256:])
        self.assertCaught('no whole pattern')

    def test_one_flipped_bit(self):
        sector = bytearray(self.disk.get(self.lba))
        sector[300] ^= 1
        self.disk.put(self.lba, sector)
        self.assertCaught('no whole pattern')

    def test_a_moved_write(self):
        self.disk.put(self.lba_of_round(0), self.disk.get(self.lba, CODE.sectors_per_write))
        self.assertCaught(r'\(moved\)')

    def test_a_zeroed_slot(self):
        self.disk.put(self.lba, bytes(SECTOR_BYTES))
        self.assertCaught('holds zeroes')

    def test_a_change_where_the_guest_never_writes(self):
        self.disk.put(3, b'\x00')
        self.assertCaught('LBA 3: .*no acknowledged write touched it')

    def test_a_round_of_the_future(self):
        self.disk.write(self.last + 2)
        self.assertCaught(f'holds round {self.last + 2:08X}')

    def test_doubt_ends_with_the_next_acknowledged_write_there(self):
        self.disk.run(range(self.last + 1, self.last + 1 + CODE.n_slots))
        self.disk.write(self.last + 1 - CODE.n_slots)
        self.assertCaught('must hold round')

    def test_a_write_lost_after_a_reboot(self):
        old = self.disk.get(64, DISK_SECTORS - 64)
        self.disk.run(range(START + 0x10000, START + 0x10000 + CODE.n_slots))
        self.disk.put(64, old)
        self.assertCaught('must hold round 1235')

    def test_a_shorter_disk(self):
        del self.disk.content[-SECTOR_BYTES:]
        self.assertCaught('has 130560 bytes and had 131072')

    def test_a_guest_that_never_wrote_proves_nothing(self):
        self.disk = Disk()
        self.assertCaught('reported no write')

    def test_a_counter_reported_twice(self):
        self.disk.serial += f'{START:08X}\n'
        self.assertCaught('twice')


class Code(unittest.TestCase):
    def test_the_boot_sector_fits(self):
        for code in (CODE, GuestCode(n_disks=2), GuestCode(sectors_per_write=64, pause_usec=0)):
            self.assertEqual(len(code.assemble()), SECTOR_BYTES)

    def test_each_slot_comes_up_once_in_a_turn(self):
        lbas = [CODE.lba_of(START + n) for n in range(CODE.n_slots)]
        self.assertEqual(sorted(lbas), list(range(CODE.first_lba, CODE.end_lba, 4)))

    def test_a_pattern_is_read_back(self):
        self.assertEqual(read_pattern(sector_pattern(7, 99)), (7, 99))
        self.assertIsNone(read_pattern(bytes(SECTOR_BYTES)))

    def test_wrong_parameters_are_refused(self):
        for wrong in ({'n_slots': 12}, {'sectors_per_write': 65}, {'n_disks': 0},
                      {'first_lba': 0}):
            with self.subTest(wrong), self.assertRaises(ValueError):
                GuestCode(**wrong)
