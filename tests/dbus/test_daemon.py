# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon as a process: how it starts, what it tells the service manager, how it ends."""

import os
import select
import signal
import socket
import subprocess
import time
import unittest

import images_of
from lib import namespace, stage
from lib.service import ServiceError
from lib.stage import NAME


class Manager:
    """The service manager's ear: the datagrams of sd_notify, in order."""

    def __init__(self, path):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.lines = []

    def close(self):
        self.socket.close()

    def await_line(self, prefix, seconds=stage.WAIT_SECONDS):
        """The first line with this beginning that was not awaited yet."""
        deadline = time.monotonic() + seconds
        while True:
            for i, line in enumerate(self.lines):
                if line.startswith(prefix):
                    del self.lines[:i + 1]
                    return line
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                raise TimeoutError(f'no {prefix} within {seconds} s; there are {self.lines}')
            self.lines += self.socket.recv(65536).decode().splitlines()


class DaemonCase(stage.BusCase):
    """A bus and a host; each case starts daemons of its own."""

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        cls.stage.start_polkit()
        cls.stage.allow_all()
        cls.argv = cls.stage.sinterd.argv

    def setUp(self):
        self.stage.write('sinter.conf', '')

    def start(self, **env):
        """A daemon with a manager's ear."""
        path = self.stage.path('notify')
        if os.path.exists(path):
            os.unlink(path)
        manager = Manager(path)
        self.addCleanup(manager.close)
        process = subprocess.Popen(namespace.plain(self.argv), stdin=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True,
                                   env={**self.stage.env, 'NOTIFY_SOCKET': path, **env})
        self.addCleanup(self.end, process)
        return process, manager

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()
        process.stderr.close()

    def finish(self, process):
        """Exit status and what it said."""
        _, said = process.communicate(timeout=stage.WAIT_SECONDS)
        return process.returncode, said

    def run_daemon(self, *arguments, **env):
        done = subprocess.run(namespace.plain([stage.SINTERD, *arguments]),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              env={**self.stage.env, **env}, timeout=stage.WAIT_SECONDS,
                              check=False)
        return done.returncode, done.stdout, done.stderr

    def assert_one_line(self, said, *words):
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertTrue(said.startswith('sinterd: '), said)
        for word in words:
            self.assertIn(word, said)


class Manners(DaemonCase):
    def test_ready_status_stop(self):
        process, manager = self.start()
        manager.await_line('READY=1')
        self.assertEqual(manager.await_line('STATUS='),
                         f'STATUS=Watching 6 domains of test://{self.stage.path("host.xml")}, '
                         '0 jobs running')
        self.assertEqual(len([path for path in self.client.objects() if '/disks/' in path]), 6)
        process.send_signal(signal.SIGTERM)
        manager.await_line('STOPPING=1')
        status, said = self.finish(process)
        self.assertEqual(status, 0, said)
        self.assertNotIn('warning', said)

    def test_interrupt(self):
        process, manager = self.start()
        manager.await_line('READY=1')
        process.send_signal(signal.SIGINT)
        self.assertEqual(self.finish(process)[0], 0)

    def test_watchdog(self):
        process, manager = self.start(WATCHDOG_USEC='400000')
        manager.await_line('READY=1')
        for _ in range(4):
            manager.await_line('WATCHDOG=1')
        process.send_signal(signal.SIGTERM)
        self.assertEqual(self.finish(process)[0], 0)

    def test_no_watchdog_unasked(self):
        _, manager = self.start()
        manager.await_line('READY=1')
        with self.assertRaises(TimeoutError):
            manager.await_line('WATCHDOG=1', 1)

    def test_reload(self):
        process, manager = self.start()
        manager.await_line('READY=1')
        self.stage.write('sinter.conf', '[jobs]\nmax-per-hots=3\n')
        process.send_signal(signal.SIGHUP)
        manager.await_line('RELOADING=1')
        manager.await_line('MONOTONIC_USEC=')
        manager.await_line('READY=1')
        self.stage.write('sinter.conf', '[jobs')
        process.send_signal(signal.SIGHUP)
        manager.await_line('RELOADING=1')
        manager.await_line('READY=1')
        process.send_signal(signal.SIGTERM)
        status, said = self.finish(process)
        self.assertEqual(status, 0)
        self.assertEqual(said.count("'max-per-hots'"), 1)
        self.assertEqual(said.count('the old settings remain'), 1)

    def test_no_libvirt(self):
        """It serves all the same, says so, and finds libvirt when that comes."""
        host = self.stage.path('host.xml')
        os.rename(host, host + '.away')
        try:
            _, manager = self.start()
            manager.await_line('READY=1')
            self.assertIn('No connection to test://', manager.await_line('STATUS='))
            values = self.client.get_all(stage.MANAGER, 'Manager')
            self.assertEqual((values['Connected'], values['Ready']), (False, False))
            self.assert_error('Disconnected', self.client.manager, 'Rescan')
            self.assert_error('Disconnected', self.client.domain, 'chain')
        finally:
            os.rename(host + '.away', host)
        while 'Watching 6 domains' not in manager.await_line('STATUS='):
            pass
        self.client.domain('chain')


class Failures(DaemonCase):
    def test_name_taken(self):
        _, manager = self.start()
        manager.await_line('READY=1')
        status, _, said = self.run_daemon(*self.stage.service('second', state='state2').argv[1:])
        self.assertEqual(status, 1)
        self.assert_one_line(said, NAME, 'already owned')

    def test_state_taken(self):
        """On another bus, with the same state folder."""
        other = stage.Stage()
        self.addCleanup(other.stop)
        other.start()
        _, manager = self.start()
        manager.await_line('READY=1')
        status, _, said = self.run_daemon(*self.argv[1:], **{other.bus.variable: other.bus.address})
        self.assertEqual(status, 1)
        self.assert_one_line(said, 'another sinterd', self.stage.path('state', 'sinter'))

    def test_no_bus(self):
        status, _, said = self.run_daemon(
            *self.argv[1:], DBUS_SYSTEM_BUS_ADDRESS='unix:path=' + self.stage.path('nothing'))
        self.assertEqual(status, 1)
        self.assert_one_line(said, 'system bus')

    def test_bus_dies(self):
        other = stage.Stage()
        self.addCleanup(other.stop)
        images_of.fill(other)
        other.start()
        other.sinterd.start()
        other.bus.stop()
        self.assertEqual(other.sinterd.wait(), 1)
        self.assertIn('connection to the bus was lost', other.sinterd.log_text())

    def test_usage(self):
        for arguments, word in ((['--nonsense'], 'nonsense'), (['extra'], 'extra'),
                                (['--user', '--system'], 'exclusive'),
                                (['--config', self.stage.path('no.conf')], 'no.conf')):
            with self.subTest(arguments):
                status, _, said = self.run_daemon(*arguments)
                self.assertEqual(status, 1)
                self.assert_one_line(said, word)

    def test_version_and_help(self):
        status, said, _ = self.run_daemon('--version')
        self.assertEqual(status, 0)
        self.assertRegex(said, r'^sinterd \d+\.\d+\.\d+\n$')
        status, said, _ = self.run_daemon('--help')
        self.assertEqual(status, 0)
        for option in ('--system', '--user', '--connect', '--config', '--state-dir', '--verbose'):
            self.assertIn(option, said)

    def test_state_folder_of_everybody(self):
        folder = self.stage.path('open')
        os.makedirs(folder)
        os.chmod(folder, 0o777)
        status, _, said = self.run_daemon(*self.argv[1:], '--state-dir', folder)
        self.assertEqual(status, 1)
        self.assert_one_line(said, folder)


class BadInput(DaemonCase):
    """What is not understood is said once and takes nothing down."""

    def test_configuration(self):
        self.stage.write('sinter.conf', '[jobs]\nmax-per-hots=3\nbandwidth=lots\n[job]\na=1\n'
                                        '[plans]\nmax=2\n')
        process, manager = self.start()
        manager.await_line('READY=1')
        for _ in range(2):
            self.client.call(self.client.domain('chain'), NAME + '.Domain', 'Plan')
        self.assert_error('Busy', self.client.call, self.client.domain('chain'), NAME + '.Domain',
                          'Plan')      # what is right in the file is used
        process.send_signal(signal.SIGTERM)
        status, said = self.finish(process)
        self.assertEqual(status, 0)
        config = self.stage.path('sinter.conf')
        for words in (("'max-per-hots'", '[jobs]', "'max-per-host'"),
                      ("'bandwidth'", '[jobs]', 'lots'), ('[job]', "'jobs'")):
            lines = [line for line in said.splitlines() if words[0] in line and config in line]
            self.assertEqual(len(lines), 1, said)
            for word in words:
                self.assertIn(word, lines[0])

    def test_no_key_file(self):
        self.stage.write('sinter.conf', 'this is no key file\n')
        process, manager = self.start()
        manager.await_line('READY=1')
        process.send_signal(signal.SIGTERM)
        status, said = self.finish(process)
        self.assertEqual((status, said.count(self.stage.path('sinter.conf'))), (0, 1), said)

    def test_job_record_cut_short(self):
        folder = self.stage.path('state', 'sinter', 'jobs')
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.path.join(folder, '77.json'), 'w', encoding='utf-8') as file:
            file.write('{"id": "77", "pha')
        process, manager = self.start()
        manager.await_line('READY=1')
        self.assert_error('NotFound', self.client.manager, 'LookupJob', '77')
        process.send_signal(signal.SIGTERM)
        status, said = self.finish(process)
        self.assertEqual((status, said.count('77.json')), (0, 2), said)    # one line, two names
        self.assertTrue(os.path.exists(os.path.join(folder, '77.json.bad')))


class StartTwice(DaemonCase):
    def test_service_helper_sees_the_end(self):
        """The end of one leaves name and folder to the next at once."""
        for _ in range(3):
            self.stage.sinterd.start()
            self.stage.sinterd.kill()
        with self.assertRaises(ServiceError):
            self.stage.service('sinterd', ['--connect', 'nonsense:///', '--nonsense']).start()


if __name__ == '__main__':
    unittest.main()
