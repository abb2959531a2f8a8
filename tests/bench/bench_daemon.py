# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a host of 1,000 domains costs the whole of sinterd: every object on a bus, read by a client.

The domains are those of libvirt's test driver, which lives in sinterd's process and counts into its
memory; every tenth has a chain of six, and every second one runs.
"""

import os
import shutil
import tempfile
import time
import unittest

from lib import bench, bus, images, service
from lib.sinterbus import ROOT, SinterBus

N_DOMAINS = 1000
CHAIN_EVERY = 10
CHAIN_DEPTH = 6
IDLE_SECONDS = 10
LIMIT_KIB = 40 * 1024
# The watchdog, which is off here, and the rescan: every other wake-up is one too many.
LIMIT_WAKE_UPS = 2


def domain_xml(n, path):
    return (f"<domain type='test'><name>guest-{n:04}</name><memory unit='MiB'>32</memory>"
            "<os><type>hvm</type></os><devices><disk type='file' device='disk'>"
            f"<driver name='qemu' type='qcow2'/><source file='{path}'/>"
            "<target dev='vda' bus='virtio'/></disk></devices>"
            "<t:runstate xmlns:t='http://libvirt.org/schemas/domain/test/1.0'>"
            f'{1 if n % 2 else 5}</t:runstate></domain>')


class ThousandDomains(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.mkdtemp(prefix='sinter-bench-')
        cls.addClassCleanup(shutil.rmtree, cls.root)
        cls.make_host()
        env = {'PATH': '/usr/bin:/bin', 'HOME': cls.root, 'XDG_CONFIG_HOME': cls.root,
               'XDG_RUNTIME_DIR': cls.root, 'XDG_STATE_HOME': cls.root}
        cls.bus = bus.Bus(cls.root, env)
        cls.addClassCleanup(cls.bus.stop)
        cls.bus.start()
        env[cls.bus.variable] = cls.bus.address
        argv = [bench.SINTERD, '--user',
                '--connect', f'test://{cls.root}/host.xml']
        cls.sinterd = service.Service('sinterd', argv, env, cls.root)
        cls.addClassCleanup(cls.sinterd.kill)
        begin = time.monotonic()
        cls.sinterd.start()
        print(f'# ready after {time.monotonic() - begin:.2f} s')

    @classmethod
    def make_host(cls):
        """Images of equal shape are copies of one: their backing names are relative."""
        model = os.path.join(cls.root, 'model')
        os.mkdir(model)
        images.qemu_img('create', '-q', '-f', 'qcow2', os.path.join(model, '0'), '1G')
        for i in range(1, CHAIN_DEPTH):
            images.qemu_img('create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', str(i - 1),
                            os.path.join(model, str(i)), '1G')
        domains = []
        for n in range(N_DOMAINS):
            folder = os.path.join(cls.root, f'images-{n:04}')
            depth = 1 if n % CHAIN_EVERY else CHAIN_DEPTH
            os.mkdir(folder)
            for i in range(depth):
                shutil.copy(os.path.join(model, str(i)), folder)
            domains.append(domain_xml(n, os.path.join(folder, str(depth - 1))))
        with open(os.path.join(cls.root, 'host.xml'), 'w', encoding='ascii') as file:
            file.write('<node>' + ''.join(domains) + '</node>')

    def status(self, pid, name):
        with open(f'/proc/{pid}/status', encoding='ascii') as file:
            return next(int(line.split()[1]) for line in file if line.startswith(name + ':'))

    def wake_ups(self):
        """By thread; one that ends takes its count along."""
        return {task: self.status(f'{self.sinterd.pid}/task/{task}', 'voluntary_ctxt_switches')
                for task in os.listdir(f'/proc/{self.sinterd.pid}/task')}

    def test_memory_and_idleness(self):
        client = SinterBus(self.bus.address)
        self.addCleanup(client.close)
        first = self.status(self.sinterd.pid, 'VmRSS')
        objects = client.call(ROOT, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects',
                              '()')[0]
        self.assertEqual(len(objects), 2 * N_DOMAINS + 1)
        asked = self.status(self.sinterd.pid, 'VmRSS')
        for _ in range(5):
            client.call(ROOT + '/Manager', 'Manager', 'Rescan', '(a{sv})', {})
        rescanned = self.status(self.sinterd.pid, 'VmRSS')
        before = self.wake_ups()
        time.sleep(IDLE_SECONDS)        # what is measured is that nothing happens
        n_wake_ups = sum(n - before.get(task, 0) for task, n in self.wake_ups().items())
        print(f'# resident: {first} KiB at first, {asked} KiB when all objects were asked for, '
              f'{rescanned} KiB after five rescans; {n_wake_ups} wake-ups in {IDLE_SECONDS} s')
        self.assertLessEqual(max(first, asked, rescanned), LIMIT_KIB)
        self.assertLessEqual(n_wake_ups, LIMIT_WAKE_UPS)


if __name__ == '__main__':
    unittest.main()
