# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinterd over D-Bus, as a program that drives it sees it."""

import time

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

NAME = 'org.sinter.Sinter1'
ROOT = '/org/sinter/Sinter1'
MANAGER = ROOT + '/Manager'
ERROR_PREFIX = NAME + '.Error.'
FINAL = ('done', 'failed', 'cancelled', 'quarantined')


class SinterError(Exception):
    """An error reply: `code` is the last word of its name."""

    def __init__(self, name, message):
        super().__init__(f'{name}: {message}')
        self.code = name.removeprefix(ERROR_PREFIX)
        self.message = message


def variant(value):
    if isinstance(value, GLib.Variant):
        return value
    if isinstance(value, bool):
        return GLib.Variant('b', value)
    if isinstance(value, int):
        return GLib.Variant('t', value)
    return GLib.Variant('s', value)


def options(**keys):
    """a{sv} from Python's keys: keep_files=True is {'keep-files': <true>}; keep is a u."""
    return {key.replace('_', '-'): GLib.Variant('u', value) if key == 'keep' else variant(value)
            for key, value in keys.items()}


class Job:
    """One job object: its properties, and the wait for its end."""

    def __init__(self, bus, path):
        self.bus, self.path = bus, path

    def properties(self):
        return self.bus.properties(self.path, 'Job')

    @property
    def phase(self):
        return self.properties()['Phase']

    def cancel(self):
        self.bus.call(self.path, 'Job', 'Cancel', '(a{sv})', {})

    def set_bandwidth(self, bytes_per_sec):
        self.bus.call(self.path, 'Job', 'SetBandwidth', '(ta{sv})', bytes_per_sec, {})

    def wait_phase(self, *phases, timeout=240):
        """Until it is in one of these phases; an end that is none of them is an error."""
        def look():
            now = self.properties()
            if now['Phase'] in phases:
                return now
            if now['Phase'] in FINAL:
                raise AssertionError(f'{self.path} is {now["Phase"]}, not one of {phases}: '
                                     f'{now["ErrorMessage"]} {now["Warnings"]}')
            return None
        return self.bus.wait(look, timeout, f'{self.path} is one of {phases}')

    def wait(self, timeout=240):
        """Its properties at its end, whichever that is."""
        return self.wait_phase(*FINAL, timeout=timeout)


class SinterBus:
    """A connection to the bus that sinterd is on; signals wake the waits."""

    def __init__(self, address):
        flags = (Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT |
                 Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION)
        self.context = GLib.MainContext.new()
        self.context.push_thread_default()
        try:
            self.connection = Gio.DBusConnection.new_for_address_sync(address, flags, None, None)
            self.n_signals = 0
            self.events = []                    # of the manager's Event signal: its arguments
            for sender in (NAME, 'org.freedesktop.DBus'):
                self.connection.signal_subscribe(sender, None, None, None, None,
                                                 Gio.DBusSignalFlags.NONE, self._on_signal)
        finally:
            self.context.pop_thread_default()

    def close(self):
        self.connection.close_sync(None)

    def _on_signal(self, _connection, _sender, _path, _interface, name, arguments, *_data):
        self.n_signals += 1
        if name == 'Event':
            self.events.append(arguments.unpack())

    def wait(self, look, timeout, what):
        """What look() returns once that is true; looked at again after each signal."""
        deadline = time.monotonic() + timeout
        tick = GLib.timeout_source_new(250)     # the deadline must be met without a signal too
        tick.set_callback(lambda *_: True)
        tick.attach(self.context)
        try:
            while True:
                found = look()
                if found:
                    return found
                if time.monotonic() > deadline:
                    raise AssertionError(f'not within {timeout} s: {what}')
                self.context.iteration(True)
        finally:
            tick.destroy()

    def call(self, path, interface, method, signature, *arguments):
        full = interface if '.' in interface else f'{NAME}.{interface}'
        try:
            reply = self.connection.call_sync(NAME, path, full, method,
                                              GLib.Variant(signature, arguments), None,
                                              Gio.DBusCallFlags.NONE, 240000, None)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error)
            if name is None:
                raise
            text = error.message.removeprefix(f'GDBus.Error:{name}: ')
            raise SinterError(name, text) from error
        return reply.unpack()

    def properties(self, path, interface):
        return self.call(path, 'org.freedesktop.DBus.Properties', 'GetAll', '(s)',
                         f'{NAME}.{interface}')[0]

    # -- what tests ask for ------------------------------------------------

    def rescan(self):
        """The objects show what is there now when this returns."""
        self.call(MANAGER, 'Manager', 'Rescan', '(a{sv})', {})

    def domain(self, name):
        return self.call(MANAGER, 'Manager', 'LookupDomain', '(sa{sv})', name, {})[0]

    def disk(self, name, target='vda'):
        return f'{self.domain(name)}/disks/{target}'

    def job(self, job_id):
        return Job(self, self.call(MANAGER, 'Manager', 'LookupJob', '(sa{sv})', job_id, {})[0])

    def plan(self, name, **keys):
        """The plan's properties."""
        path = self.call(self.domain(name), 'Domain', 'Plan', '(a{sv})', options(**keys))[0]
        return self.properties(path, 'Plan')

    def consolidate(self, name, **keys):
        paths = self.call(self.domain(name), 'Domain', 'Consolidate', '(a{sv})',
                          options(**keys))[0]
        return [Job(self, path) for path in paths]

    def check(self, name, **keys):
        paths = self.call(self.domain(name), 'Domain', 'Check', '(a{sv})', options(**keys))[0]
        return [Job(self, path) for path in paths]

    def repair(self, name, **keys):
        paths = self.call(self.domain(name), 'Domain', 'Repair', '(a{sv})', options(**keys))[0]
        return [Job(self, path) for path in paths]

    def check_live(self, name, **keys):
        paths = self.call(self.domain(name), 'Domain', 'CheckLive', '(a{sv})',
                          options(**keys))[0]
        return [Job(self, path) for path in paths]

    def create_snapshot(self, domain, **keys):
        return Job(self, self.call(self.domain(domain), 'Domain', 'CreateSnapshot', '(a{sv})',
                                   options(**keys))[0])

    def delete_snapshot(self, name, snapshot, **keys):
        paths = self.call(self.domain(name), 'Domain', 'DeleteSnapshot', '(sa{sv})', snapshot,
                          options(**keys))[0]
        return [Job(self, path) for path in paths]

    def check_file(self, path):
        return Job(self, self.call(MANAGER, 'Manager', 'CheckFile', '(sa{sv})', path,
                                   options())[0])

    def commit(self, name, target='vda', **keys):
        return Job(self, self.call(self.disk(name, target), 'Disk', 'Commit', '(a{sv})',
                                   options(**keys))[0])

    def pull(self, name, target='vda', **keys):
        return Job(self, self.call(self.disk(name, target), 'Disk', 'Pull', '(a{sv})',
                                   options(**keys))[0])

    def copy(self, name, destination, target='vda', **keys):
        return Job(self, self.call(self.disk(name, target), 'Disk', 'Copy', '(sa{sv})',
                                   destination, options(**keys))[0])

    def adopt(self, name, action, target='vda', **keys):
        return Job(self, self.call(self.disk(name, target), 'Disk', 'Adopt', '(sa{sv})', action,
                                   options(**keys))[0])

    def jobs(self):
        """Every job that the daemon shows."""
        objects = self.call(ROOT, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects',
                            '()')[0]
        return [Job(self, path) for path, interfaces in sorted(objects.items())
                if f'{NAME}.Job' in interfaces]
