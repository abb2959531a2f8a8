# SPDX-License-Identifier: LGPL-2.1-or-later
"""Neighbours that do not respond: a QEMU that is stopped, one whose monitor is in use, a file
system whose server is gone. They delay nobody else, and what is known of them is shown."""

import os
import re
import signal
import subprocess
import time

from lib import images, namespace
from lib.bench import BUILD
from lib.offlinecase import OfflineCase
from lib.sinterbus import SinterError
from lib.stuckfs import StuckFs

STUCK_FS = os.path.join(BUILD, 'tests', 'live', 'stuck-fs')
REFUSED = 4
CANCELLED = 5
# libvirt waits 30 s for the lock of a domain: whatever waited for it took longer than this. The
# bench measures how long it really takes.
FAST_SECONDS = 15


class Unresponsive(OfflineCase):
    def fast(self, function, *arguments, **options):
        """The result of a call that must not wait for those who do not respond."""
        begin = time.monotonic()
        result = function(*arguments, **options)
        self.assertLess(time.monotonic() - begin, FAST_SECONDS, arguments)
        return result

    def neighbour(self, word, **options):
        return self.guest(f'{self._testMethodName}-{word}', **options)

    def domain_properties(self, guest):
        return self.sinter.properties(self.sinter.domain(guest.name), 'Domain')

    def disk_properties(self, guest):
        return self.sinter.properties(self.sinter.disk(guest.name), 'Disk')

    def assert_healthy_goes_on(self, guest):
        before = self.paths(guest)
        self.fast(self.bench.sinter, 'chain', guest.name)
        plan = self.fast(self.bench.sinter_json, 'plan', guest.name)
        self.assertEqual(plan['refusals'], [])
        self.fast(self.bench.sinter, 'consolidate', guest.name)
        self.assert_fused(guest, before)
        self.assert_whole(guest)


class StoppedQemu(Unresponsive):
    def stopped(self, n_layers=2):
        guest = self.neighbour('stuck').start()
        guest.grow(n_layers)
        self.sinter.rescan()
        pid = guest.pid()
        os.kill(pid, signal.SIGSTOP)
        return guest, pid

    def test_others_go_on(self):
        healthy = self.grown(2)
        stuck, pid = self.stopped()
        chain = [layer['path'] for layer in self.disk_properties(stuck)['Chain']]
        table = self.fast(self.bench.sinter, 'list').stdout
        self.assertRegex(table, r'-stuck +running +vda .*domain not responding since \d\d:\d\d:\d\d')
        now = self.domain_properties(stuck)
        self.assertGreater(now['UnresponsiveSince'], 0)
        self.assertEqual(now['UnresponsiveReason'], f'the QEMU process {pid} is stopped')
        self.assertEqual([layer['path'] for layer in self.disk_properties(stuck)['Chain']], chain)
        self.assertIn('not responding since', self.fast(self.bench.sinter, 'chain', stuck.name).stdout)
        self.assert_healthy_goes_on(healthy)

    def test_a_job_waits_for_it(self):
        stuck, pid = self.stopped()
        before = [layer['path'] for layer in self.disk_properties(stuck)['Chain']]
        plan = self.fast(self.bench.sinter_json, 'plan', stuck.name)
        self.assertIn('a job waits until the domain responds', ' '.join(plan['warnings']))
        job, = self.sinter.consolidate(stuck.name)
        self.sinter.wait(lambda: job.properties()['WaitingFor'], 60, 'it says what it waits for')
        self.assertRegex(job.properties()['WaitingFor'],
                         rf"^domain '{stuck.name}', which has not responded since .*{pid} is stopped$")
        job.cancel()
        self.assertEqual(self.fast(job.wait)['Phase'], 'cancelled')
        begin = time.monotonic()
        done = self.bench.sinter('consolidate', stuck.name, '--timeout', '2', check=False)
        self.assertEqual(done.returncode, CANCELLED, done.stderr)
        self.assertLess(time.monotonic() - begin, FAST_SECONDS)
        job, = self.sinter.consolidate(stuck.name)
        self.sinter.wait(lambda: job.properties()['WaitingFor'], 60, 'it says what it waits for')
        os.kill(pid, signal.SIGCONT)
        end = job.wait()
        self.assertEqual((end['Phase'], end['WaitingFor']), ('done', ''))
        self.assert_fused(stuck, before)
        self.assert_whole(stuck)

    def test_known_from_its_definition_only(self):
        """The daemon starts when the domain is stuck already."""
        healthy = self.grown(2)
        _stuck, _pid = self.stopped()
        self.bench.sinterd.restart()
        self.assert_healthy_goes_on(healthy)

    def test_a_monitor_that_is_in_use(self):
        healthy = self.grown(2)
        stuck = self.neighbour('stuck').start()
        stuck.grow(1)
        self.sinter.rescan()
        client = subprocess.Popen(
            namespace.plain(['virsh', 'qemu-monitor-command', stuck.name, '--hmp',
                             'qemu-io libvirt-1-format "sleep 120000"']),
            env=self.bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(client.wait)
        self.addCleanup(stuck.domain.destroy)

        def is_shown():
            self.fast(self.sinter.rescan)
            return self.domain_properties(stuck)['UnresponsiveSince']
        self.sinter.wait(is_shown, 60, 'it is known that the monitor is in use')
        self.assertEqual(self.domain_properties(stuck)['UnresponsiveReason'],
                         'QEMU does not answer a command of libvirt')
        self.assert_healthy_goes_on(healthy)


class HangingMount(Unresponsive):
    def stuck_fs(self):
        place = StuckFs(STUCK_FS, self.bench.folder('behind'), self.bench.folder('stuck'))
        self.addCleanup(place.unmount)
        return place

    def define_on(self, place, name):
        """A domain that is shut off, with a chain of two there."""
        guest = self.neighbour(name, folder=place.path)
        base, top = guest.path('vda', 'base'), os.path.join(place.path, guest.name + '.top.qcow2')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, top)
        text = guest.domain.XMLDesc(0).replace(base, top)
        self.bench.connection.defineXML(text)
        return guest, [top, base]

    def test_others_go_on(self):
        place = self.stuck_fs()
        healthy = self.grown(2)
        far, chain = self.define_on(place, 'far')
        self.sinter.rescan()
        self.assertEqual([layer['path'] for layer in self.disk_properties(far)['Chain']], chain)
        place.stop()
        table = self.fast(self.bench.sinter, 'list').stdout
        self.assertRegex(table, r'-far +shut off +vda .*storage not responding since \d\d:\d\d:\d\d')
        now = self.disk_properties(far)
        self.assertEqual([layer['path'] for layer in now['Chain']], chain)
        self.assertIn(f"the file system at '{place.path}' has not responded since",
                      now['UnresponsiveReason'])
        done = self.fast(self.bench.sinter, 'consolidate', far.name, check=False)
        self.assertEqual(done.returncode, REFUSED, done.stderr)
        self.assertIn('has not responded since', done.stderr)
        self.assert_healthy_goes_on(healthy)
        new = self.neighbour('new')
        self.assertIn(new.name, self.fast(self.bench.sinter, 'list').stdout)
        place.go_on()
        self.sinter.wait(lambda: self.disk_properties(far)['UnresponsiveSince'] == 0, 60,
                         'the storage responds again')
        self.bench.sinter('consolidate', far.name)
        self.assertEqual(self.files(far), chain[-1:])

    def test_the_destination_of_a_copy(self):
        place = self.stuck_fs()
        guest = self.grown(1)
        destination = os.path.join(place.path, 'copy.qcow2')
        place.stop()
        with self.assertRaises(SinterError) as caught:
            self.fast(self.sinter.copy, guest.name, destination)
        self.assertIn(f"the storage of the destination '{destination}' does not respond",
                      caught.exception.message)
        place.go_on()
        end = self.sinter.copy(guest.name, destination, finish=True).wait()
        self.assertEqual(end['Phase'], 'done', end['ErrorMessage'])
        self.assertTrue(os.path.exists(destination))

    def test_the_destination_while_the_job_waits(self):
        """The job can be cancelled, and begins when the storage responds."""
        place = self.stuck_fs()
        guest = self.grown(1)
        destination = os.path.join(place.path, 'copy.qcow2')
        stuck_pid = guest.pid()
        os.kill(stuck_pid, signal.SIGSTOP)
        jobs = [self.sinter.copy(guest.name, destination, finish=True)]
        self.sinter.wait(lambda: jobs[0].properties()['WaitingFor'], 60, 'it waits for the domain')
        place.stop()
        os.kill(stuck_pid, signal.SIGCONT)
        self.sinter.wait(lambda: destination in jobs[0].properties()['WaitingFor'], 60,
                         'it says what it waits for')
        jobs[0].cancel()
        self.assertEqual(self.fast(jobs[0].wait)['Phase'], 'cancelled')

    def test_a_link_to_it(self):
        """Which mount a name leads to is found without touching it."""
        place = self.stuck_fs()
        healthy = self.grown(2)
        far, _chain = self.define_on(place, 'far')
        link = os.path.join(self.bench.folder('links'), 'link.qcow2')
        os.symlink(far.path('vda', 'base'), link)
        text = re.sub(r"<source file='[^']*'", f"<source file='{link}'",
                      far.domain.XMLDesc(0))
        self.bench.connection.defineXML(text)
        place.stop()
        self.bench.sinterd.restart()
        self.fast(self.bench.sinter, 'list')
        self.assertGreater(self.disk_properties(far)['UnresponsiveSince'], 0)
        self.assert_healthy_goes_on(healthy)
