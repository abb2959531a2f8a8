# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole daemon on a host of 1,000 domains: time to ready, memory, wake-ups while idle.

The domains are those of libvirt's test driver, which lives inside the daemon
and counts into its memory; a real host's live in libvirtd. Their images are
real: every tenth has a chain of six.
"""

import os
import time
import unittest

from lib import stage, tap

N_DOMAINS = 1000
CHAIN_EVERY = 10
CHAIN_DEPTH = 6
IDLE_SECONDS = 10
LIMIT_READY_SECONDS = 2
LIMIT_RSS_KIB = 40 * 1024
GIVE_BACK_SECONDS = 5


class UnwatchedStage(stage.Stage):
    """The daemon as it is installed."""

    watch_loop = False


class Daemon(stage.BusCase):
    make_stage = UnwatchedStage

    @classmethod
    def stage_up(cls):
        cls.make_images()
        for i in range(N_DOMAINS):
            cls.stage.hosts.append(cls.domain(i))
        cls.stage.write_host()
        cls.stage.sinterd.env.update(cls.unit_environment())
        cls.stage.start_polkit()
        cls.stage.allow_all()

    @staticmethod
    def unit_environment():
        """The variables that the shipped unit gives the daemon."""
        unit = os.path.join(stage.TOP, 'packaging', 'systemd', 'sinterd.service.in')
        with open(unit, encoding='utf-8') as file:
            lines = [line.rstrip('\n').split('=', 2) for line in file
                     if line.startswith('Environment=')]
        return {name: value for _, name, value in lines}

    @classmethod
    def make_images(cls):
        """One set, which every domain gets under names of its own."""
        names = [f'layer.{k}' for k in range(CHAIN_DEPTH)]
        for name in names:
            cls.stage.image(name)
        for i in range(N_DOMAINS):
            for k in range(CHAIN_DEPTH if i % CHAIN_EVERY == 0 else 1):
                with open(cls.stage.path(names[k]), 'rb') as source, \
                        open(cls.stage.path(f'{i}.{k}'), 'wb') as copy:
                    copy.write(source.read())

    @classmethod
    def domain(cls, i):
        depth = CHAIN_DEPTH if i % CHAIN_EVERY == 0 else 1
        paths = [cls.stage.path(f'{i}.{k}') for k in reversed(range(depth))]
        return stage.domain_xml(f'vm{i:04}', ('vda', paths), running=i % 2 == 0)

    def switches(self):
        """How often each of the daemon's threads was put on a processor, by thread."""
        pid, values = self.stage.sinterd.pid, {}
        for thread in os.listdir(f'/proc/{pid}/task'):
            with open(f'/proc/{pid}/task/{thread}/status', encoding='utf-8') as file:
                values[thread] = sum(int(line.split()[1]) for line in file if '_switches:' in line)
        return values

    def rss_kib(self):
        with open(f'/proc/{self.stage.sinterd.pid}/status', encoding='utf-8') as file:
            return next(int(line.split()[1]) for line in file if line.startswith('VmRSS'))

    def test_a_thousand_domains(self):
        begin = time.monotonic()
        self.stage.sinterd.start()
        ready = time.monotonic() - begin
        first = self.rss_kib()
        before = self.switches()
        time.sleep(IDLE_SECONDS)                # what is measured is that nothing happens
        after = self.switches()
        # a thread that ended meanwhile woke up at most to do so
        wake_ups = (sum(n - before.get(thread, 0) for thread, n in after.items()) +
                    len(before.keys() - after.keys()))
        n_objects = len(self.client.objects())
        listed = self.rss_kib()
        # a moment after such a list the daemon gives back what it took
        deadline = time.monotonic() + GIVE_BACK_SECONDS
        while (settled := self.rss_kib()) >= listed and time.monotonic() < deadline:
            time.sleep(0.1)
        tap.comment(f'ready with {N_DOMAINS} domains        {ready:8.2f} s')
        tap.comment(f'resident, ready                {first:8} KiB')
        tap.comment(f'resident, listed to a client   {listed:8} KiB ({n_objects} objects)')
        tap.comment(f'resident, a moment later       {settled:8} KiB')
        tap.comment(f'wake-ups in {IDLE_SECONDS} idle s         {wake_ups:8}')
        self.assertEqual(n_objects, 2 * N_DOMAINS + 1)
        self.assertLessEqual(ready, LIMIT_READY_SECONDS)
        self.assertLessEqual(max(first, settled), LIMIT_RSS_KIB)
        # a pool thread that has nothing more to do looks around once or twice before it ends
        self.assertLessEqual(wake_ups, 4)


if __name__ == '__main__':
    unittest.main()
