# SPDX-License-Identifier: LGPL-2.1-or-later
"""Active commits with their pivot: sinter beside virsh, in turns, in one run."""

import os
import statistics
import time
import unittest

import libvirt

from lib import events, tap
from lib.livecase import LiveCase
from lib.sinterbus import SinterBus

N_RUNS = 15
TARGET = 5


class Stopwatch(events.Events):
    """Notes when each block-job event arrives."""

    def __init__(self, connection):
        self.times = {}
        super().__init__(connection)

    def _on_job(self, connection, domain, disk, job_type, status, opaque):
        self.times.setdefault(status, time.monotonic())
        super()._on_job(connection, domain, disk, job_type, status, opaque)


class Commit(LiveCase):
    """virsh asks at once whether the copy is ready and then twice a second. Where it happens to be
    ready at the first question, nothing is left to gain; where it is not, half a second is."""

    with_sinterd = True
    watch_loop = False

    def setUp(self):
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)
        self.subject = self.guest('subject').start()

    def add_overlay(self, n_rounds):
        overlay = self.subject.path('vda', f'run{time.monotonic_ns()}')
        self.subject.domain.snapshotCreateXML(
            '<domainsnapshot><disks><disk name="vda" snapshot="external"><source file='
            f'"{overlay}"/></disk></disks>'
            '</domainsnapshot>', libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
        if n_rounds:
            self.subject.wait_rounds(n_rounds)
        return overlay

    def measure(self, commit, n_rounds):
        """Milliseconds of the whole, and from READY to COMPLETED."""
        overlay = self.add_overlay(n_rounds)
        with Stopwatch(self.bench.connection) as watch:
            start = time.monotonic()
            commit()
            whole = time.monotonic() - start
            watch.wait_job(status=events.JOB_READY)
            watch.wait_job(status=events.JOB_COMPLETED)
            pivot = watch.times[events.JOB_COMPLETED] - watch.times[events.JOB_READY]
        self.assertEqual(self.subject.depth(), 1)
        os.unlink(overlay)      # virsh keeps it, and what is left counts as a reader of the base
        return whole * 1000, pivot * 1000

    def by_virsh(self):
        self.bench.virsh('blockcommit', 'subject', 'vda', '--active', '--pivot', '--wait')

    def by_command(self):
        self.bench.sinter('commit', 'subject', 'vda', '--wait')

    def by_bus(self):
        self.assertEqual(self.sinter.commit('subject').wait()['Phase'], 'done')

    def compare(self, n_rounds):
        """Prints the figures; the ratios of the medians, whole and from READY on."""
        ways = {'virsh': self.by_virsh, 'sinter': self.by_command, 'D-Bus': self.by_bus}
        runs = {name: [] for name in ways}
        for commit in ways.values():                # the first of each is for the caches
            self.measure(commit, n_rounds)
        for _ in range(N_RUNS):
            for name, commit in ways.items():
                runs[name].append(self.measure(commit, n_rounds))
        medians = {name: [statistics.median(column) for column in zip(*taken)]
                   for name, taken in runs.items()}
        means = {name: [statistics.mean(column) for column in zip(*taken)]
                 for name, taken in runs.items()}
        tap.comment(f'{N_RUNS} runs each in turns, ms: median (mean)     whole   READY to COMPLETED')
        for name in ways:
            tap.comment(f'{name:<28}' + ''.join(
                f'{median:10.1f} ({mean:6.1f})' for median, mean in zip(medians[name],
                                                                       means[name])))
        ratios = [medians['virsh'][n] / medians['sinter'][n] for n in range(2)]
        tap.comment(f'virsh : sinter   whole {ratios[0]:.1f}   READY to COMPLETED {ratios[1]:.1f}')
        return ratios

    def test_empty_overlay_guest_held(self):
        """Ready before anybody can ask: sinter must not be slower than it takes to write down."""
        self.subject.pause()
        whole, _ = self.compare(0)
        self.assertGreater(whole, 0.5)

    def test_empty_overlay_guest_writes(self):
        whole, _ = self.compare(0)
        self.assertGreater(whole, 0.5)

    def test_overlay_of_a_moment(self):
        """Forty small writes lie in the overlay: the copy is not ready at the first question."""
        whole, pivot = self.compare(40)
        self.assertGreaterEqual(pivot, TARGET)
        self.assertGreaterEqual(whole, TARGET)


if __name__ == '__main__':
    unittest.main()
