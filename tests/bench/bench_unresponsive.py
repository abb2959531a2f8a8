# SPDX-License-Identifier: LGPL-2.1-or-later
"""200 domains of which 20 do not respond: what a user of the healthy ones waits for.

The domains are real ones of a private libvirtd. 20 run, and their QEMU
processes are stopped; one runs with a chain to merge; the others are shut off.
"""

import os
import signal
import time
import unittest
import xml.etree.ElementTree as ElementTree

import libvirt

from lib import tap
from lib.livecase import LiveCase
from lib.sinterbus import SinterBus

N_DOMAINS = 200
N_STUCK = 20
LIMIT_ANSWER_SECONDS = 1
LIMIT_START_SECONDS = 2


class Unresponsive(LiveCase):
    with_sinterd = True
    watch_loop = False

    def define_like(self, guest, name):
        """Another domain with an image of its own, which is a copy of the guest's base."""
        root = ElementTree.fromstring(guest.xml())
        root.find('name').text = name
        source = root.find('devices/disk/source')
        path = os.path.join(guest.folder, name + '.qcow2')
        with open(source.get('file'), 'rb') as original, open(path, 'wb') as copy:
            copy.write(original.read())
        source.set('file', path)
        root.find('devices/serial/source').set('path', os.path.join(guest.folder, name + '.serial'))
        return self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))

    def stop_qemu(self, name):
        with open(self.bench.qemu_pid_path(name), encoding='ascii') as file:
            pid = int(file.read())
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(os.kill, pid, signal.SIGCONT)       # it then ends at once

    def measure(self, what, limit, function):
        begin = time.monotonic()
        function()
        seconds = time.monotonic() - begin
        tap.comment(f'{what:<45} {seconds:6.2f} s (at most {limit} s)')
        if seconds > limit:
            self.slow.append(what)

    def start_job(self, guest):
        job, = self.sinter.consolidate(guest.name)
        job.wait_phase('starting', 'copying', 'ready', 'pivoting', 'verifying', 'cleaning', 'done')
        self.jobs.append(job)

    def measure_all(self, when, guest):
        for command in (['list'], ['chain', guest.name], ['plan', guest.name]):
            self.measure(f'{command[0]}, {when}', LIMIT_ANSWER_SECONDS,
                         lambda command=command: self.bench.sinter(*command))
        self.measure(f'a job starts, {when}', LIMIT_START_SECONDS, lambda: self.start_job(guest))
        self.assertEqual(self.jobs.pop().wait()['Phase'], 'done')
        guest.grow(1)

    def test_twenty_of_two_hundred(self):
        self.slow, self.jobs = [], []
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)
        healthy = self.guest('healthy').start()
        healthy.grow(2)
        model = self.guest('model')
        names = [f'vm{i:03}' for i in range(N_DOMAINS - 2)]
        domains = [self.define_like(model, name) for name in names]
        for domain in domains[:N_STUCK]:
            domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.sinter.rescan()
        self.measure_all('all respond', healthy)
        for name in names[:N_STUCK]:
            self.stop_qemu(name)
        self.measure_all('since 20 do not', healthy)
        self.measure_all('later', healthy)
        self.bench.sinterd.restart()
        self.measure_all('after a restart', healthy)
        self.assertEqual(self.slow, [])


if __name__ == '__main__':
    unittest.main()
