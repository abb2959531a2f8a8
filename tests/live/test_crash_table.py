# SPDX-License-Identifier: LGPL-2.1-or-later
"""The crash table: sinterd, libvirtd, QEMU or the host ends at each named point of a job, and the
domain is started again before sinterd goes on or after. Nothing that the guest was told is on disk
is lost, and what the job says of the chain is so.

The ordinary run takes a cross-section; with SINTER_TEST_LONG=1 it is the whole table, printed.
SINTER_CRASH_ROWS is a regular expression for "SCENARIO NAME NUMBER": only these rows.
"""

import collections
import os
import re
import unittest

import libvirt

from lib import crashcell, crashpoints, images, tap, volatile
from lib.bench import BUILD
from lib.crashcell import ORDERS, VICTIMS, Cell
from lib.crashpoints import CrashPoints
from lib.guest import MIB
from lib.guestcode import GuestCode
from lib.offlinecase import OfflineCase
from lib.sinterbus import SinterBus
from lib.volatile import VolatileStorage

SLOW_WRITES = os.path.join(BUILD, 'tests', 'live', 'libslow-writes.so')
LONG = bool(os.environ.get('SINTER_TEST_LONG'))
ROWS = os.environ.get('SINTER_CRASH_ROWS', '')
MIN_POINTS = 60
N_LAYERS = 2

# Points that a job comes to as often as time passes: only the first time counts.
TIMED = ('progress-polled', 'worker-heard')


class Scenario:
    offline = False
    rows = ''                   # a regular expression: only these visits; the others cover the rest
    options = {}                # of the guest
    rounds_each = 5             # before each snapshot

    def prepare(self, guest):
        """Before the job, with the guest running on its chain."""

    def ease(self, guest):
        """After the crash: nothing keeps the job from ending."""

    def check(self, case, guest):
        """At the end, with the guest running."""

    def ask(self, case, guest):
        case.sinter.consolidate(guest.name)

    def after(self, before):
        return before[-1:]


class Live(Scenario):
    """An active commit of all layers."""


class LivePull(Scenario):
    def ask(self, case, guest):
        case.sinter.pull(guest.name)

    def after(self, before):
        return before[:1]


class LivePullIdle(LivePull):
    """The guest does not flush by itself what QEMU has pulled."""

    rows = '^(block-job-ended|observing|verifying|flushed) '
    rounds_each = 1
    options = {'code': GuestCode(pause_usec=5000000)}


class LiveCancel(Scenario):
    def ask(self, case, guest):
        job, = case.sinter.consolidate(guest.name, bandwidth=64 * 1024)
        job.cancel()


class LiveOutrun(Scenario):
    """The guest outruns the copy to a slow disk: its writes are throttled, then it is suspended."""

    rows = '^(limits|guest)-'
    limits = {'read_bytes_sec': 100 * MIB, 'write_bytes_sec': 50 * MIB,
              'write_bytes_sec_max': 60 * MIB, 'write_bytes_sec_max_length': 2}
    options = {'code': GuestCode(n_slots=16, pause_usec=0),
               'qemu_env': {'LD_PRELOAD': f'{SLOW_WRITES}:{volatile.LIBRARY}',
                            'SLOW_SUFFIX': '.base.qcow2', 'SLOW_MSEC': '300'}}

    def brake(self, guest):
        return guest.path('vda', 'base') + '.slow'

    def prepare(self, guest):
        for where in (libvirt.VIR_DOMAIN_AFFECT_LIVE, libvirt.VIR_DOMAIN_AFFECT_CONFIG):
            guest.domain.setBlockIoTune('vda', self.limits, where)
        with open(self.brake(guest), 'w', encoding='ascii'):
            pass

    def ease(self, guest):
        os.unlink(self.brake(guest))

    def check(self, case, guest):
        now = guest.domain.blockIoTune('vda')
        case.assertEqual({name: now[name] for name in self.limits}, self.limits)


class Offline(Scenario):
    """The whole chain is merged into its base, and the definition follows."""

    offline = True

    def ask(self, case, guest):
        case.sinter.commit(guest.name, keep_files=False)


class OfflineKeep(Scenario):
    """An intermediate layer is merged: the active one gets a new backing file name."""

    offline = True

    def ask(self, case, guest):
        case.sinter.consolidate(guest.name, keep=1)

    def after(self, before):
        return [before[0], before[-1]]


SCENARIOS = {type(each).__name__: each
             for each in (Live(), LivePull(), LivePullIdle(), LiveCancel(), LiveOutrun(),
                          Offline(), OfflineKeep())}

# Of the ordinary run: the moments around each change that cannot be taken back.
CROSS_SECTION = [
    ('Live', 'block-job-requested 1', 'libvirtd', 'after'),
    ('Live', 'guard-synced 1', 'host', 'before'),
    ('Live', 'pivot-requested 1', 'QEMU', 'before'),
    ('Live', 'snapshots-corrected 1', 'host', 'after'),
    ('LivePullIdle', 'verifying 1', 'QEMU', 'after'),
    ('Offline', 'worker-started 1', 'sinterd', 'before'),
    ('Offline', 'definition-changing 1', 'host', 'after'),
    ('Offline', 'definition-changed 1', 'host', 'before'),
    ('OfflineKeep', 'merged 1', 'libvirtd', 'after'),
]


class CrashTable(OfflineCase):
    with_sinterd = False
    settings = '[jobs]\nconverge-after-sec=1\nmax-pause-msec=30000\n'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        bench = cls.bench
        bench.sinterd.env = bench.env          # no watch of the main loop
        with open(os.path.join(bench.folder('config/sinter'), 'sinter.conf'), 'w',
                  encoding='ascii') as file:
            file.write(cls.settings)
        cls.points = CrashPoints(bench)
        cls.addClassCleanup(cls.points.close)
        cls.volatile = VolatileStorage(bench)
        cls.points.preload(bench.sinterd)
        for service in (bench.sinterd, bench.libvirtd):
            cls.volatile.preload(service)
        bench.disconnect()
        bench.libvirtd.restart()

    def setUp(self):
        self.n_guests = 0
        self.sinter = None
        self.addCleanup(self.close_bus)

    def close_bus(self):
        if self.sinter:
            self.sinter.close()
            self.sinter = None

    def start_sinterd(self, visit):
        self.bench.sinterd.stop()
        self.points.arm(visit)
        self.bench.sinterd.start()
        self.close_bus()
        self.sinter = SinterBus(self.bench.bus.address)

    def new_guest(self, scenario):
        """With a short chain. A write is on disk when the guest is told so: nothing of it may be
        lost, whoever is killed."""
        self.n_guests += 1
        name = f'{self.id().rsplit(".", 1)[-1]}-{self.n_guests}'.replace('_', '-')
        guest = self.bench.guest(name, cache='writethrough', **scenario.options).start()
        guest.grow(N_LAYERS, rounds_each=scenario.rounds_each)
        scenario.prepare(guest)
        if scenario.offline:
            guest.stop()
        return guest

    def check(self, name, visit, victim, order):
        """The cell's word; 'LOST' or 'WRONG' with the reason noted."""
        cell = Cell(self, SCENARIOS[name], visit, victim, order)
        try:
            word = cell.run()
        except crashcell.oracle.Lost as error:
            word, reason = 'LOST', error
        except (AssertionError, libvirt.libvirtError, images.ImageError) as error:
            word, reason = 'WRONG', error
        if word in ('LOST', 'WRONG'):
            self.problems.append(f'{word}: {name} {visit}, {victim}, domain {order}: {reason} '
                                 f'(start refused: {cell.refused})')
            tap.comment(self.problems[-1])
        self.bench.sinterd.kill()
        cell.guest.remove()
        return word

    def visits_of(self, name):
        """The rows of a scenario: what its job comes to when nothing happens."""
        scenario = SCENARIOS[name]
        guest = self.new_guest(scenario)
        self.start_sinterd('')
        scenario.ask(self, guest)
        for job in self.sinter.jobs():
            job.wait()
        scenario.ease(guest)
        self.bench.sinterd.stop()
        guest.remove()
        found = []
        for visit in self.points.visits():
            if (visit.split()[0] not in TIMED or visit.endswith(' 1')) and \
                    re.search(scenario.rows, visit):
                found.append(visit)
        return found

    def print_row(self, name, visit, words):
        row = ' '.join(f'{words[victim, order]:>10}' for victim in VICTIMS for order in ORDERS)
        tap.comment(f'{name + " " + visit:<36}{row}')

    def check_whole(self, name):
        self.problems, words = [], collections.Counter()
        rows = [visit for visit in self.visits_of(name) if re.search(ROWS, f'{name} {visit}')]
        head = ' '.join(f'{victim + "/" + order[0]:>10}' for victim in VICTIMS for order in ORDERS)
        tap.comment(f'{"":<36}{head}')
        for visit in rows:
            found = {(victim, order): self.check(name, visit, victim, order)
                     for victim in VICTIMS for order in ORDERS}
            words.update(found.values())
            self.print_row(name, visit, found)
        tap.comment(f'{name}: {len(rows)} rows, {sum(words.values())} cells: ' +
                    ', '.join(f'{n} {word}' for word, n in words.most_common()))
        self.assertEqual(self.problems, [])
        self.assertLess(words[crashcell.MISSED], sum(words.values()) / 10 + 1)

    # -- the cases -------------------------------------------------------------

    def test_points_are_listed(self):
        names = crashpoints.names()
        tap.comment(f'{len(names)} points: ' + ' '.join(names))
        self.assertEqual(len(set(names)), len(names))
        self.assertGreaterEqual(len(names), MIN_POINTS)

    @unittest.skipIf(LONG, 'the whole table is tested')
    def test_cross_section(self):
        self.problems = []
        for cell in CROSS_SECTION:
            word = self.check(*cell)
            tap.comment(f'{" ".join(cell)}: {word}')
            self.assertNotEqual(word, crashcell.MISSED, cell)
        self.assertEqual(self.problems, [])


def add_whole(name):
    def test(self):
        self.check_whole(name)
    test.__doc__ = f'The table of {name}.'
    setattr(CrashTable, f'test_whole_{name.lower()}',
            unittest.skipUnless(LONG, 'only in the long run')(test))


for scenario_name in SCENARIOS:
    add_whole(scenario_name)

if __name__ == '__main__':
    unittest.main()
