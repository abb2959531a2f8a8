# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the client stand on: a private bus, a daemon that is
driven by the test, and the client on a pipe or on a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from lib.bus import Bus  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
BUILD = os.environ.get('SINTER_BUILD_DIR', os.path.join(TOP, 'build'))
SINTER = os.path.join(BUILD, 'cli', 'sinter', 'sinter')
ROOT = '/org/sinter/Sinter1'
JOBS = ROOT + '/jobs'
GIB = 1 << 30
MIB = 1 << 20
DEADLINE = 120.0  # for what must happen; nothing waits that long when all is well



def layer(path, allocated, **more):
    return dict({'path': path, 'format': 'qcow2', 'type': 'file',
                 'virtual-size-bytes': 20 * GIB, 'allocated-bytes': allocated}, **more)


def disk(target, layers, **more):
    sizes = [row['allocated-bytes'] for row in layers]
    return dict({'Target': target, 'Device': 'disk', 'Depth': len(layers), 'Chain': layers,
                 'AllocatedBytes': sum(sizes), 'ReclaimableBytes': sum(sizes[:-1]),
                 'VirtualSizeBytes': 20 * GIB if layers else 0, 'BlockJob': 'none'}, **more)


def domain(number, name, disks, **more):
    return dict({'Uuid': f'00000000-0000-4000-8000-{number:012}', 'Name': name,
                 'State': 'running', 'Persistent': True, 'disks': disks}, **more)


def images(name, depth):
    """A chain: the active layer first, the base last."""
    folder = '/var/lib/libvirt/images/'
    rows = [layer(f'{folder}{name}.s{depth - 1 - i}.qcow2', 256 * MIB, index=i + 1,
                  snapshot=f's{depth - i}') for i in range(depth - 1)]
    rows.append(layer(f'{folder}{name}.qcow2', 9 * GIB, index=depth, snapshot='s1'))
    del rows[0]['snapshot']
    return rows


def snapshots():
    """A tree with a branch, and what a tree should not have: an unknown parent, a loop."""
    def state(target, number, **more):
        return dict(disk=target, image=f'/data/{target}', external=True,
                    **({'allocated-bytes': number} if number else {}), **more)

    second = 1772445600 * 1000000
    return [
        {'name': 's1', 'created': second, 'state': 'disk-snapshot',
         'disks': [state('vda', 9 * GIB), state('vdb', MIB)]},
        {'name': 's2', 'parent': 's1', 'created': second + 1000000,
         'description': 'before \x1bupgrade', 'disks': [state('vda', 65536)]},
        {'name': 's3', 'parent': 's1', 'created': second + 2000000, 'current': True,
         'memory': '/data/s3.mem', 'memory-bytes': 2 * MIB, 'disks': [state('vda', 65536)]},
        {'name': 'orphan', 'parent': 'gone', 'internal': True, 'disks': []},
        {'name': 'loop', 'parent': 'loop', 'created': second + 3000000,
         'disks': [dict(disk='vda', image='/data/gone', external=True, missing=True)]},
    ]


def usual_state():
    return {
        'bus': 'session',
        'manager': {'Version': '0.1.0', 'ConnectionUri': 'qemu:///system', 'Connected': True,
                    'Ready': True},
        'domains': [
            domain(1, 'vm1', [disk('vda', images('vm1', 6)),
                              disk('vdb', [layer('/data/vm1-data.raw', 2 * GIB, format='raw')]),
                              disk('sda', [], Device='cdrom', ReadOnly=True)],
                   Snapshots=['s1', 's2', 's3', 's4', 's5']),
            domain(10, 'vm10', [disk('vda', images('vm10', 3)), disk('vdb', images('vm10b', 2))],
                   Snapshots=[row['name'] for row in snapshots()], SnapshotTree=snapshots()),
            domain(2, 'vm2', [disk('vda', [layer('/data/vm2.qcow2', GIB)])], State='shut off'),
            domain(3, 'empty', []),
        ],
    }


def disk_path(number, target):
    return f'{ROOT}/domains/_00000000_0000_4000_8000_{number:012}/disks/{target}'


class FakeDaemon:
    """fake_sinterd.py as a child, and the way to tell it what to do."""

    def __init__(self, bus, xml, state=None):
        self.bus = bus
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'fake_sinterd.py'), xml], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=dict(os.environ, DBUS_SESSION_BUS_ADDRESS=bus.address,
                     DBUS_SYSTEM_BUS_ADDRESS=bus.address))
        self.process.stdin.write(json.dumps(state or usual_state()))
        self.process.stdin.close()
        assert self.process.stdout.readline() == 'ready\n', 'the fake daemon did not start'
        self.connection = Gio.DBusConnection.new_for_address_sync(
            bus.address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)

    def do(self, verb, *arguments):
        reply = self.connection.call_sync(
            'org.sinter.Sinter1', '/test', 'org.sinter.Test', 'Do',
            GLib.Variant('(s)', (json.dumps([verb, *arguments]),)), GLib.VariantType('(s)'),
            Gio.DBusCallFlags.NO_AUTO_START, -1, None)
        return json.loads(reply.unpack()[0])

    def calls(self, method):
        """(path, arguments, options) of every call of @method."""
        return [(path, arguments, options) for path, name, arguments, options in self.do('calls')
                if name == method]

    def until(self, condition):
        """Asks until @condition holds of this daemon."""
        end = time.monotonic() + DEADLINE
        while not condition(self):
            if time.monotonic() > end:
                raise AssertionError('it has not come about')

    def kill(self):
        """Away at once, as after SIGKILL."""
        self.process.kill()
        self.close()

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
        if not self.connection.is_closed():
            self.connection.close_sync(None)


class Screen:
    """A terminal, as far as the client uses one: what a user sees after all that was written."""

    STEP = re.compile(r'\x1b\[(\d*)([A-Za-z])|\r|\n|[^\x1b\r\n]+')

    def __init__(self):
        self.lines = ['']
        self.row = self.column = 0

    def feed(self, text):
        end = 0
        for step in self.STEP.finditer(text):
            assert step.start() == end, f'not understood: {text[end:step.start()]!r}'
            end = step.end()
            self.obey(step)
        assert end == len(text), f'not understood: {text[end:]!r}'

    def obey(self, step):
        text, verb = step.group(0), step.group(2)
        if verb == 'A':
            self.row -= int(step.group(1) or 1)
            assert self.row >= 0
        elif verb == 'K':
            self.lines[self.row] = self.lines[self.row][:self.column]
        elif verb == 'J':
            self.lines[self.row] = self.lines[self.row][:self.column]
            del self.lines[self.row + 1:]
        elif text == '\r':
            self.column = 0
        elif text == '\n':
            self.row += 1
            if self.row == len(self.lines):
                self.lines.append('')
        else:
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[:self.column] + text + line[self.column + len(text):]
            self.column += len(text)

    def text(self):
        return '\n'.join(line.rstrip() for line in self.lines).rstrip('\n')


class Terminal:
    """The client on a terminal of its own; standard output may be a pipe."""

    def __init__(self, command, env, columns=100, rows=24, stdout_to_pipe=False):
        self.raw = b''
        self.text = ''
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

        def take_terminal():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, stdin=slave, stderr=slave, env=dict(env, TERM='xterm'),
            stdout=subprocess.PIPE if stdout_to_pipe else slave, preexec_fn=take_terminal)
        os.close(slave)

    def read_some(self, end):
        """More of what was written; False at its end."""
        if not select.select([self.master], [], [], max(end - time.monotonic(), 0))[0]:
            raise AssertionError(f'no more came than: {self.text!r}')
        try:
            data = os.read(self.master, 65536)
        except OSError:
            data = b''
        # a character may be cut in two: all of it is decoded anew
        self.raw += data
        self.text = self.raw.decode('utf-8', 'ignore')
        return bool(data)

    def read_what_is_there(self):
        while select.select([self.master], [], [], 0)[0] and self.read_some(time.monotonic() + 1):
            pass

    def expect(self, pattern):
        """Reads until @pattern has come, anywhere."""
        end = time.monotonic() + DEADLINE
        while not re.search(pattern, self.text):
            if not self.read_some(end):
                raise AssertionError(f'{pattern!r} never came in: {self.text!r}')

    def expect_on_screen(self, pattern):
        """Reads until a user would see @pattern."""
        end = time.monotonic() + DEADLINE
        while not re.search(pattern, self.screen()):
            if not self.read_some(end):
                raise AssertionError(f'{pattern!r} never was on: {self.screen()}')

    def screen(self):
        screen = Screen()
        # a sequence may have been cut in two
        screen.feed(re.sub(r'\x1b(\[\d*)?$', '', self.text))
        return screen.text()

    def press_ctrl_c(self):
        os.write(self.master, b'\x03')

    def wait(self):
        """Reads to the end; the exit status."""
        end = time.monotonic() + DEADLINE
        while self.read_some(end):
            pass
        status = self.process.wait(DEADLINE)
        self.close()
        return status

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


class Client:
    """How the client is run."""

    def __init__(self, binary, bus):
        self.binary = binary
        self.env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C.UTF-8', 'TZ': 'UTC',
                    'DBUS_SESSION_BUS_ADDRESS': bus.address,
                    'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent'}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def run(self, *words, env=None, user=True):
        """To its end: (status, standard output, standard error)."""
        command = [self.binary, *(['--user'] if user else []), *words]
        done = subprocess.run(command, env=dict(self.env, **(env or {})),
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE,
                              check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def start(self, *words, stdout=subprocess.PIPE):
        return subprocess.Popen([self.binary, '--user', *words], env=self.env, text=True,
                                stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE)

    def on_terminal(self, *words, **how):
        return Terminal([self.binary, '--user', *words], self.env, **how)


class CliCase(unittest.TestCase):
    """A bus, a daemon in its usual state and the client, anew for each case."""

    XML = os.path.join(TOP, 'xml', 'dbus', 'org.sinter.Sinter1.xml')

    def state(self):
        return usual_state()

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='sinter-cli-')
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.bus = Bus(folder.name, dict(os.environ)).start()
        self.addCleanup(self.bus.stop)
        self.daemon = FakeDaemon(self.bus, self.XML, self.state())
        self.addCleanup(self.daemon.close)
        self.client = Client(SINTER, self.bus)

    def run_client(self, *words, **how):
        return self.client.run(*words, **how)
