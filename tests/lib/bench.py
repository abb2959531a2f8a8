# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of the test's own: libvirtd, a session bus, sinterd and guests below one private folder.

Nothing of it touches the real host's libvirt, bus or configuration: every
program gets an environment that names only places below the folder. The paths
are short, as socket names must be. libvirt's knowledge of the QEMU binary
(which costs seconds to gather) is kept in the user's cache between runs.
"""

import atexit
import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

import libvirt

from . import events, filesystem, namespace
from .bus import Bus
from .guest import Guest
from .loopwatch import LoopWatch
from .service import Service

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('SINTER_BUILD_DIR', os.path.join(TOP, 'build'))
SINTERD = os.path.join(BUILD, 'daemon', 'sinterd')
SINTER = os.path.join(BUILD, 'cli', 'sinter', 'sinter')
SINTER_IMG = os.path.join(BUILD, 'cli', 'sinter-img', 'sinter-img')
PATH = '/usr/sbin:/usr/bin:/sbin:/bin'
NEEDED = ('libvirtd', 'qemu-system-x86_64', 'qemu-img', 'dbus-daemon', 'setpriv', 'as')
PASSED_ON = ('TERM', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'G_MESSAGES_DEBUG')

LIBVIRTD_CONF = '''log_level = 3
log_filters = "2:qemu."
'''
QEMU_CONF = '''security_driver = "none"
stdio_handler = "file"
'''
LIBVIRT_CONF = 'remote_mode = "legacy"\n'


def require():
    """Skip the test where a real bench cannot be had, and say what it lacks."""
    if os.geteuid() == 0:
        raise unittest.SkipTest("as root qemu:///session is the system's libvirtd: "
                                'run as an ordinary user (./run test and ./run try do)')
    missing = [name for name in NEEDED if not shutil.which(name, path=PATH)]
    if missing:
        raise unittest.SkipTest('not installed: ' + ', '.join(missing))


class Bench:
    """start() brings up the bus and libvirtd; sinterd only when asked. stop() leaves nothing."""

    def __init__(self, watch_loop=False):
        """watch_loop: whether calls of sinterd's main loop that may block are an error of stop()."""
        require()
        self.root = tempfile.mkdtemp(prefix='st-', dir='/tmp')
        self.env = self._environment()
        self.bus = Bus(self.folder('run'), self.env)
        self.env[self.bus.variable] = self.bus.address
        self.libvirtd = Service('libvirtd', ['libvirtd'], self.env, self.folder('log'))
        self.loop_watch = LoopWatch(self.folder('log'))
        self.sinterd = Service('sinterd', [SINTERD, '--user', '--connect', 'qemu:///session'],
                               {**self.env, **(self.loop_watch.env() if watch_loop else {})},
                               self.folder('log'))
        self._connection = None
        self._small = []
        atexit.register(self.abandon)

    # -- places ----------------------------------------------------------

    def folder(self, name):
        path = os.path.join(self.root, name)
        os.makedirs(path, mode=0o700, exist_ok=True)
        return path

    def _environment(self):
        env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        env.update({
            'PATH': PATH, 'LC_ALL': 'C.UTF-8',
            'HOME': self.folder('home'), 'XDG_RUNTIME_DIR': self.folder('run'),
            'XDG_CONFIG_HOME': self.folder('config'), 'XDG_CACHE_HOME': self.folder('cache'),
            'XDG_STATE_HOME': self.folder('state'), 'XDG_DATA_HOME': self.folder('data'),
            'LIBVIRT_AUTOSTART': '0', 'LIBVIRT_DEFAULT_URI': 'qemu:///session',
            'DBUS_SYSTEM_BUS_ADDRESS': f'unix:path={self.root}/no-system-bus',
        })
        return env

    @property
    def uri(self):
        """For this process, whose own environment names other places."""
        return f'qemu:///session?socket={self.root}/run/libvirt/libvirt-sock&mode=legacy'

    def qemu_pid_path(self, name):
        return os.path.join(self.root, 'run/libvirt/qemu/run', name + '.pid')

    # -- coming and going --------------------------------------------------

    def start(self):
        self._write_config()
        self._load_capabilities()
        self.bus.start()
        self.libvirtd.start()
        return self

    def stop(self):
        """End everything in order, then whatever is left of it, and remove the folder."""
        try:
            self.sinterd.stop()
            if self.libvirtd.running:
                for domain in self.connection.listAllDomains(
                        libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE):
                    domain.destroy()
                self.disconnect()
                self.libvirtd.stop()
            self._save_capabilities()
            self.loop_watch.check()
        finally:
            atexit.unregister(self.abandon)
            self.abandon()

    def abandon(self):
        """Kill what is left, without asking anybody."""
        self.sinterd.kill()
        self.libvirtd.kill()
        self._kill_qemus()
        self.bus.stop()
        for place in self._small:
            place.unmount()
        shutil.rmtree(self.root, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_exception):
        self.stop()

    def _kill_qemus(self):
        """By libvirt's pid files, and only what is a process of this bench."""
        folder = os.path.dirname(self.qemu_pid_path(''))
        names = os.listdir(folder) if os.path.isdir(folder) else []
        for name in (name for name in names if name.endswith('.pid')):
            with contextlib.suppress(OSError, ValueError):
                with open(os.path.join(folder, name), encoding='ascii') as file:
                    pid = int(file.read())
                with open(f'/proc/{pid}/cmdline', 'rb') as file:
                    ours = os.fsencode(self.root + '/') in file.read()
                if ours:
                    os.kill(pid, signal.SIGKILL)

    def _write_config(self):
        folder = self.folder('config/libvirt')
        for name, text in (('libvirtd.conf', LIBVIRTD_CONF), ('qemu.conf', QEMU_CONF),
                           ('libvirt.conf', LIBVIRT_CONF)):
            with open(os.path.join(folder, name), 'w', encoding='ascii') as file:
                file.write(text)

    # -- libvirt's knowledge of QEMU, kept between runs ----------------------

    @property
    def _capabilities(self):
        return os.path.join(self.root, 'cache/libvirt/qemu/cache/capabilities')

    @staticmethod
    def _kept_capabilities():
        cache = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
        return os.path.join(cache, 'sinter-tests', 'capabilities')

    def _load_capabilities(self):
        if os.path.isdir(self._kept_capabilities()):
            shutil.copytree(self._kept_capabilities(), self._capabilities)

    def _save_capabilities(self):
        """Best effort: a run without the cache is only slower."""
        kept = self._kept_capabilities()
        with contextlib.suppress(OSError):
            os.makedirs(kept, mode=0o700, exist_ok=True)
            for entry in os.scandir(self._capabilities):
                draft = os.path.join(kept, f'.{entry.name}.{os.getpid()}')
                shutil.copy2(entry.path, draft)
                os.replace(draft, os.path.join(kept, entry.name))

    # -- libvirt -----------------------------------------------------------

    @property
    def connection(self):
        """python3-libvirt's connection; a new one after libvirtd was started anew."""
        if self._connection is not None and not self._connection.isAlive():
            self.disconnect()
        if self._connection is None:
            events.run_loop()
            self._connection = libvirt.open(self.uri)
        return self._connection

    def disconnect(self):
        if self._connection is not None:
            with contextlib.suppress(libvirt.libvirtError):
                self._connection.close()
            self._connection = None

    def events(self):
        """Everything libvirt says from now on; close it, or use `with`."""
        return events.Events(self.connection)

    def guest(self, name='guest', *arguments, **options):
        """A guest, defined; start() boots it."""
        return Guest(self, name, *arguments, **options).create()

    @contextlib.contextmanager
    def small_filesystem(self, size_bytes):
        """A real file system of this size that everything in the bench sees; see filesystem.py."""
        place = filesystem.SmallFilesystem(self.folder(f'small-{len(self._small)}'), size_bytes)
        self._small.append(place)
        try:
            yield place
        finally:
            place.unmount()

    # -- commands ------------------------------------------------------------

    def command(self, *argv, check=True, timeout=120):
        """Run a program inside the bench; a CompletedProcess with text."""
        if os.path.isabs(argv[0]) and not os.path.exists(argv[0]):
            raise FileNotFoundError(f'{argv[0]} is not built')
        done = subprocess.run(namespace.plain(map(str, argv)), env=self.env, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout,
                              check=False)
        if check and done.returncode != 0:
            raise AssertionError(f'{" ".join(map(str, argv))}: status {done.returncode}\n'
                                 f'{done.stdout}{done.stderr}')
        return done

    def virsh(self, *arguments, **options):
        return self.command('virsh', *arguments, **options)

    def sinter(self, *arguments, **options):
        """Our client, on the bench's bus."""
        return self.command(SINTER, '--user', *arguments, **options)

    def show_sinter(self, *arguments):
        """Our client for a human reader: the command line, then its output as it comes."""
        print(f'$ sinter {" ".join(arguments)}', flush=True)
        subprocess.run(namespace.plain([SINTER, '--user', *arguments]), env=self.env,
                       stdin=subprocess.DEVNULL, check=True)

    def sinter_json(self, *arguments, **options):
        return json.loads(self.sinter('--json', *arguments, **options).stdout)

    def logs(self):
        """The ends of all logs, for the reader of a failure."""
        return '\n'.join(f'--- {service.name}\n{service.log_tail()}'
                         for service in (self.sinterd, self.libvirtd) if service.log_text())
