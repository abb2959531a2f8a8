# SPDX-License-Identifier: LGPL-2.1-or-later
"""A program that stays up: started, known to be ready by its own word, ended, started again."""

import os
import select
import signal
import socket
import subprocess
import time

from . import filewatch, namespace

# Backstops: no test waits for them to pass.
READY_SECONDS = 90
STOP_SECONDS = 60


class ServiceError(RuntimeError):
    """A service did not come up or did not go."""


class Service:
    """One program with its log. Ready is what it says on NOTIFY_SOCKET (sd_notify)."""

    def __init__(self, name, argv, env, folder):
        self.name, self.argv, self.env = name, argv, env
        self.log_path = os.path.join(folder, name + '.log')
        self.notify_path = os.path.join(folder, name + '.notify')
        self.process = None

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        if self.running:
            raise ServiceError(f'{self.name} runs already')
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            if os.path.exists(self.notify_path):
                os.unlink(self.notify_path)
            notify.bind(self.notify_path)
            with open(self.log_path, 'ab') as log:
                self.process = subprocess.Popen(
                    namespace.plain(self.argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env={**self.env, 'NOTIFY_SOCKET': self.notify_path})
            self._await_ready(notify)
        return self

    def _await_ready(self, notify):
        """READY=1, the program's end, or the deadline: whatever comes first."""
        deadline = time.monotonic() + READY_SECONDS
        end = os.pidfd_open(self.process.pid)
        try:
            while True:
                left = max(0, deadline - time.monotonic())
                readable = select.select([notify, end], [], [], left)[0]
                if notify in readable:
                    if b'READY=1' in notify.recv(4096).split(b'\n'):
                        return
                elif readable:
                    raise ServiceError(f'{self.name} ended with status {self.process.wait()} '
                                       f'before it was ready:\n{self.log_tail()}')
                else:
                    self.kill()
                    raise ServiceError(f'{self.name} was not ready within {READY_SECONDS} s:\n'
                                       f'{self.log_tail()}')
        finally:
            os.close(end)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=STOP_SECONDS):
        """The exit status (negative: the signal that ended it)."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise ServiceError(f'{self.name} still runs after {timeout} s:\n'
                               f'{self.log_tail()}') from error

    def stop(self, timeout=STOP_SECONDS):
        """Ask it to end; return its exit status."""
        if not self.running:
            return self.process.returncode if self.process else None
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self):
        """As a crash: SIGKILL, nothing tidied."""
        if self.running:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def restart(self):
        self.stop()
        return self.start()

    def log_text(self):
        try:
            with open(self.log_path, encoding='utf-8', errors='replace') as log:
                return log.read()
        except FileNotFoundError:
            return ''

    def log_tail(self, n_lines=60):
        return '\n'.join(self.log_text().splitlines()[-n_lines:])

    def wait_log(self, text, timeout=READY_SECONDS):
        """Until the log holds this text."""
        filewatch.wait_until(self.log_path, lambda: text in self.log_text(), timeout,
                             f'{self.name} says "{text}"')
