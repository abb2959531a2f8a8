# SPDX-License-Identifier: LGPL-2.1-or-later
"""A system bus of the test's own, with a polkit that says what it is told, sinterd, and a client.

The daemon works on libvirt's test driver (test:///FILE), so no libvirtd and no
QEMU are needed: domains, disks and chains are described in a file, their
images are real.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

from . import images, namespace  # noqa: E402
from .bus import Bus  # noqa: E402
from .loggedcase import LoggedCase  # noqa: E402
from .loopwatch import LoopWatch, MainLoopBlocked  # noqa: E402
from .service import Service  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('SINTER_BUILD_DIR', os.path.join(TOP, 'build'))
SINTERD = os.path.join(BUILD, 'daemon', 'sinterd')
XML = os.path.join(TOP, 'xml', 'dbus', 'org.sinter.Sinter1.xml')
PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
PASSED_ON = ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'G_MESSAGES_DEBUG')

NAME = 'org.sinter.Sinter1'
ROOT = '/org/sinter/Sinter1'
MANAGER = ROOT + '/Manager'
ERROR = NAME + '.Error.'
POLKIT = 'org.freedesktop.PolicyKit1'
POLKIT_PATH = '/org/freedesktop/PolicyKit1/Authority'
MOCK = 'org.freedesktop.DBus.Mock'
WAIT_SECONDS = 60       # a backstop: nothing waits for it to pass


def require():
    missing = [name for name in ('dbus-daemon', 'qemu-img') if not shutil.which(name, path=PATH)]
    if missing:
        raise unittest.SkipTest('not installed: ' + ', '.join(missing))


def wait_until(condition, what, seconds=WAIT_SECONDS):
    """Runs the main loop, where signals arrive, until the condition holds."""
    context = GLib.MainContext.default()
    over = []
    source = GLib.timeout_add_seconds(seconds, lambda: over.append(True) or True)
    try:
        while not condition():
            if over:
                raise TimeoutError(f'waited {seconds} s in vain: {what}')
            context.iteration(True)
    finally:
        GLib.source_remove(source)


class BusError(Exception):
    """An error reply: its name's last word for ours, the whole name else, and its message."""

    def __init__(self, error):
        name = Gio.DBusError.get_remote_error(error) or str(error)
        self.name = name[len(ERROR):] if name.startswith(ERROR) else name
        self.message = error.message.removeprefix(f'GDBus.Error:{name}: ')
        super().__init__(f'{self.name}: {self.message}')


class Client:
    """One connection to the bus."""

    def __init__(self, address):
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
            Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        self.connection.set_exit_on_close(False)

    def close(self):
        self.connection.close_sync(None)

    @property
    def unique_name(self):
        return self.connection.get_unique_name()

    def call(self, path, interface, method, signature='(a{sv})', *arguments, name=NAME):
        """The reply's values; a single one stands for itself. Options default to none."""
        if signature == '(a{sv})' and not arguments:
            arguments = ({},)
        try:
            reply = self.connection.call_sync(
                name, path, interface, method, GLib.Variant(signature, arguments), None,
                Gio.DBusCallFlags.NO_AUTO_START, WAIT_SECONDS * 1000, None).unpack()
        except GLib.Error as error:
            raise BusError(error) from None
        return reply[0] if len(reply) == 1 else reply

    def call_async(self, path, interface, method, signature, *arguments):
        """A list that gets one entry, the reply or the BusError, when it comes."""
        answer = []

        def on_answer(connection, result):
            try:
                answer.append(connection.call_finish(result).unpack())
            except GLib.Error as error:
                answer.append(BusError(error))

        self.connection.call(NAME, path, interface, method, GLib.Variant(signature, arguments),
                             None, Gio.DBusCallFlags.NONE, WAIT_SECONDS * 1000, None, on_answer)
        return answer

    def manager(self, method, *arguments):
        signature = '(' + 's' * len(arguments) + 'a{sv})'
        return self.call(MANAGER, NAME + '.Manager', method, signature, *arguments, {})

    def get(self, path, interface, name):
        return self.call(path, 'org.freedesktop.DBus.Properties', 'Get', '(ss)',
                         f'{NAME}.{interface}', name)

    def get_all(self, path, interface):
        return self.call(path, 'org.freedesktop.DBus.Properties', 'GetAll', '(s)',
                         f'{NAME}.{interface}')

    def objects(self):
        return self.call(ROOT, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects', '()')

    def domain(self, name):
        return self.manager('LookupDomain', name)

    def disk(self, name, target='vda'):
        return f'{self.domain(name)}/disks/{target}'

    def listen(self, interface=None, member=None, path=None):
        """A list that grows by (path, member, values) with each signal of the service."""
        seen = []
        self.connection.signal_subscribe(
            NAME, interface, member, path, None, Gio.DBusSignalFlags.NONE,
            lambda _c, _s, at, _i, name, values: seen.append((at, name, values.unpack())))
        return seen


class Stage:
    """start() brings up bus and polkit; sinterd only when asked. stop() leaves nothing."""

    kind = 'system'
    watch_loop = True                           # calls of the main loop that may block fail the case

    def __init__(self, arguments=()):
        require()
        self.root = tempfile.mkdtemp(prefix='sd-', dir='/tmp')
        self.env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        self.env.update({'PATH': PATH, 'LC_ALL': 'C.UTF-8', 'HOME': self.root,
                         'XDG_RUNTIME_DIR': self.root, 'XDG_CONFIG_HOME': self.path('config'),
                         'XDG_CACHE_HOME': self.path('cache'),
                         'XDG_STATE_HOME': self.path('state')})
        self.bus = Bus(self.root, self.env, self.kind)
        self.env[self.bus.variable] = self.bus.address
        self.loop_watch = LoopWatch(self.root)
        self.hosts = []
        self.config = self.write('sinter.conf', '')
        self.sinterd = self.service('sinterd', arguments)
        self.polkit = None
        self.clients = []

    def path(self, *names):
        return os.path.join(self.root, *names)

    def write(self, name, text):
        with open(self.path(name), 'w', encoding='utf-8') as file:
            file.write(text)
        return self.path(name)

    def service(self, name, arguments=(), state='state'):
        argv = [SINTERD, '--' + ('system' if self.kind == 'system' else 'user'), '--connect',
                'test://' + self.path('host.xml'), '--config', self.config, '--state-dir',
                self.path(state, 'sinter'), *arguments]
        return Service(name, argv, {**self.env, **(self.loop_watch.env() if self.watch_loop else {})},
                       self.root)

    # -- coming and going ---------------------------------------------------

    def start(self):
        os.makedirs(self.path('state'), exist_ok=True)
        self.bus.start()
        return self

    def start_polkit(self):
        """dbusmock's polkit: it allows nothing until it is told to."""
        self.polkit = self._start_mock(['-t', 'polkitd'])

    def start_raw_polkit(self, code):
        """A polkit whose CheckAuthorization runs this code."""
        self.polkit = self._start_mock([POLKIT, POLKIT_PATH, POLKIT + '.Authority'])
        self.client().call(POLKIT_PATH, MOCK, 'AddMethod', '(sssss)', POLKIT + '.Authority',
                           'CheckAuthorization', '(sa{sv})sa{ss}us', '(bba{ss})', code,
                           name=POLKIT)

    def _start_mock(self, arguments):
        log = open(self.path('polkit.log'), 'ab')
        process = subprocess.Popen(
            namespace.plain([sys.executable, '-m', 'dbusmock', '--system', *arguments]),
            env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.wait_name(POLKIT)
        return process

    def wait_name(self, name, there=True):
        owner = []
        watch = Gio.bus_watch_name_on_connection(
            self.client().connection, name, Gio.BusNameWatcherFlags.NONE,
            lambda *_: owner.append(True), lambda *_: owner.append(False))
        wait_until(lambda: owner and owner[-1] == there, f'{name} on the bus: {there}')
        Gio.bus_unwatch_name(watch)

    def stop_polkit(self):
        if self.polkit:
            self.polkit.kill()
            self.polkit.wait()
            self.polkit = None

    def stop(self):
        """The daemon ends cleanly, also for what a sanitizer finds at its end."""
        status = self.sinterd.stop() if self.sinterd.running else 0
        tail = self.sinterd.log_tail()
        blocked = self.loop_watch.report()
        self.stop_polkit()
        for client in self.clients:
            if not client.connection.is_closed():
                client.close()
        self.bus.stop()
        shutil.rmtree(self.root, ignore_errors=True)
        if status != 0:
            raise RuntimeError(f'sinterd ended with status {status}:\n{tail}')
        if blocked:
            raise MainLoopBlocked(blocked)

    def client(self):
        """The first connection; others by new_client()."""
        return self.clients[0] if self.clients else self.new_client()

    def new_client(self):
        self.clients.append(Client(self.bus.address))
        return self.clients[-1]

    def call_as(self, uid, path, method, interface=None):
        """What gdbus prints when another user calls a method of ours with options alone, or asks
        for the properties of one of our interfaces."""
        os.chmod(self.root, 0o711)
        arguments = ['--method', f'{NAME}.{method}', '{}']
        if interface:
            arguments = ['--method', f'{interface}.GetAll', f'{NAME}.{method}']
        done = subprocess.run(
            namespace.plain(['gdbus', 'call', '--address', self.bus.address, '--dest', NAME,
                             '--object-path', path, *arguments]),
            user=uid, group=uid, extra_groups=[], env={'PATH': PATH}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    # -- what polkit says ---------------------------------------------------

    def allow(self, *actions):
        self._tell_polkit('SetAllowed', '(as)', list(actions))
        self._tell_polkit('AllowUnknown', '(b)', False)

    def allow_all(self):
        self._tell_polkit('AllowUnknown', '(b)', True)

    def hang(self, hang):
        self._tell_polkit('SimulateHang', '(b)', hang)
        if not hang:
            self.release()

    def release(self):
        """Answers what hangs; what comes later still hangs."""
        self._tell_polkit('ReleaseHangingCalls', '()')

    def _tell_polkit(self, method, signature, *arguments):
        self.client().call(POLKIT_PATH, MOCK, method, signature, *arguments, name=POLKIT)

    # -- the host -----------------------------------------------------------

    def image(self, name, below=None):
        """A qcow2 image, upon another one or none."""
        path = self.path(name)
        upon = ['-b', self.path(below), '-F', 'qcow2'] if below else []
        images.qemu_img('create', '-q', '-f', 'qcow2', *upon, path, *([] if below else ['16M']))
        return path

    def chain(self, *names):
        """Images, each upon the one before; the paths, active one first."""
        paths = []
        for i, name in enumerate(names):
            paths.insert(0, self.image(name, names[i - 1] if i else None))
        return paths

    def add_domain(self, name, *disks, running=True):
        """disks: (target, paths of the chain)."""
        self.hosts.append(domain_xml(name, *disks, running=running))

    def write_host(self):
        self.write('host.xml', '<node>' + ''.join(self.hosts) + '</node>')


class SessionStage(Stage):
    """A user's own daemon, on a session bus."""

    kind = 'session'


def source_xml(paths):
    """The top's source, and the rest as its backing store."""
    xml = '<backingStore/>'
    for path in reversed(paths[1:]):
        xml = (f"<backingStore type='file'><format type='qcow2'/><source file='{path}'/>{xml}"
               '</backingStore>')
    return f"<source file='{paths[0]}'/>{xml}"


def domain_xml(name, *disks, running=True):
    devices = ''.join(
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
        f"{source_xml(paths)}<target dev='{target}' bus='virtio'/></disk>"
        for target, paths in disks)
    return ("<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>"
            f"<name>{name}</name><memory unit='MiB'>32</memory><os><type>hvm</type></os>"
            f'<devices>{devices}</devices>'
            f"<test:runstate>{1 if running else 5}</test:runstate></domain>")


class BusCase(LoggedCase):
    """self.stage is up, with a host of a few domains; what it starts is shown when a case fails."""

    make_stage = Stage

    @classmethod
    def setUpClass(cls):
        cls.stage = cls.make_stage()
        cls.addClassCleanup(cls.stage.stop)
        cls.stage.start()
        cls.stage_up()

    @classmethod
    def stage_up(cls):
        """For subclasses: polkit, domains, the daemon."""

    @property
    def client(self):
        return self.stage.client()

    def logs(self):
        return self.stage.sinterd.log_tail()

    def assert_error(self, name, function, *arguments, text=None):
        with self.assertRaises(BusError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.name, name, caught.exception.message)
        if text:
            self.assertIn(text, caught.exception.message)
        self.assertNotIn('\n', caught.exception.message)
        return caught.exception

    def wait(self, condition, what):
        wait_until(condition, what)


def options(**values):
    """Options by name, an underscore for a dash: text, truth, keep as u and other numbers as t."""
    types = {str: 's', bool: 'b', int: 't'}
    return {key.replace('_', '-'): GLib.Variant('u' if key == 'keep' else types[type(value)], value)
            for key, value in values.items()}
