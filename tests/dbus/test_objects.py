# SPDX-License-Identifier: LGPL-2.1-or-later
"""Objects come, change and go with the host: libvirt's test driver, served by a libvirtd of the
test's own, so that another client can change what sinterd watches."""

import os
import shutil
import signal
import unittest

import libvirt

from lib import stage
from lib.service import Service
from lib.stage import NAME

NOBODY = 65534


class LibvirtStage(stage.Stage):
    """A libvirtd below the stage's folder; as root it runs as nobody, far from the host's own."""

    def __init__(self):
        if not shutil.which('libvirtd', path=stage.PATH):
            raise unittest.SkipTest('not installed: libvirtd')
        super().__init__()
        self.libvirt_root = self.path('lv')
        for name in ('run', 'config/libvirt', 'cache'):
            os.makedirs(os.path.join(self.libvirt_root, name), mode=0o700)
        env = {**self.env, 'HOME': self.libvirt_root,
               'XDG_RUNTIME_DIR': self.libvirt_root + '/run',
               'XDG_CONFIG_HOME': self.libvirt_root + '/config',
               'XDG_CACHE_HOME': self.libvirt_root + '/cache'}
        argv = ['libvirtd']
        if os.getuid() == 0:
            self.give_to_nobody()
            argv = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', *argv]
        self.libvirtd = Service('libvirtd', argv, env, self.root)
        socket = self.libvirt_root + '/run/libvirt/libvirt-sock'
        # the test driver has none, and libvirt 9.0's remote driver leaks 40 bytes when it says so
        self.write('sinter.conf', '[connection]\nqmp-events=false\n')
        self.uri = f'test+unix:///default?socket={socket}&mode=legacy'
        self.sinterd.argv[self.sinterd.argv.index('--connect') + 1] = self.uri

    def give_to_nobody(self):
        os.chmod(self.root, 0o711)
        for folder, _, _ in os.walk(self.libvirt_root):
            os.chown(folder, NOBODY, NOBODY)

    def start_libvirtd(self):
        """Its word of being ready comes by a socket that it must be able to reach."""
        self.libvirtd.notify_path = os.path.join(self.libvirt_root, 'notify')
        mask = os.umask(0)
        try:
            self.libvirtd.start()
        finally:
            os.umask(mask)

    def stop(self):
        try:
            super().stop()
        finally:
            self.libvirtd.kill()


class ObjectsCase(stage.BusCase):
    make_stage = LibvirtStage

    @classmethod
    def stage_up(cls):
        # no event loop for libvirt here: its own would run the main context that signals come by
        libvirt.registerErrorHandler(lambda context, error: None, None)
        cls.stage.start_polkit()
        cls.stage.allow_all()
        cls.stage.start_libvirtd()
        cls.stage.sinterd.start()

    def connect(self):
        connection = libvirt.open(self.stage.uri)
        self.addCleanup(connection.close)
        return connection

    def await_signal(self, seen, condition, what):
        self.wait(lambda: any(condition(*entry) for entry in seen), what)
        return next(entry for entry in seen if condition(*entry))


class Coming(ObjectsCase):
    def define(self, name, *disks):
        domain = self.connect().defineXML(stage.domain_xml(name, *disks))
        self.addCleanup(self.forget, name)
        return domain

    def forget(self, name):
        try:
            self.connect().lookupByName(name).undefine()
        except libvirt.libvirtError:
            pass        # the case did it

    def test_define_and_undefine(self):
        signals = self.client.listen('org.freedesktop.DBus.ObjectManager')
        domain = self.define('newcomer', ('vda', self.stage.chain('n.0', 'n.1')))
        path = f'{stage.ROOT}/domains/_{domain.UUIDString().replace("-", "_")}'
        entry = self.await_signal(signals, lambda _, name, values: name == 'InterfacesAdded' and
                                  values[0] == path, 'the domain')
        properties = entry[2][1][NAME + '.Domain']
        self.assertEqual((properties['Name'], properties['State']), ('newcomer', 'shut off'))
        self.assertEqual(properties['Disks'], [path + '/disks/vda'])
        entry = self.await_signal(signals, lambda _, name, values: name == 'InterfacesAdded' and
                                  values[0] == path + '/disks/vda', 'the disk')
        self.assertEqual(entry[2][1][NAME + '.Disk']['Depth'], 2)
        domain.undefine()
        for gone in (path, path + '/disks/vda'):
            self.await_signal(signals, lambda _, name, values: name == 'InterfacesRemoved' and
                              values[0] == gone, f'{gone} to go')
        self.assert_error('NotFound', self.client.manager, 'LookupDomain', 'newcomer')

    def test_changes(self):
        domain = self.define('changing', ('vda', self.stage.chain('c.0')))
        self.client.manager('Rescan')
        path = self.client.domain('changing')
        changes = self.client.listen('org.freedesktop.DBus.Properties', path=path)
        domain.create()
        self.await_signal(changes, lambda _, __, values: values[1].get('State') == 'running',
                          'the state')
        domain.suspend()
        self.await_signal(changes, lambda _, __, values: values[1].get('State') == 'paused',
                          'the state')
        domain.destroy()
        self.await_signal(changes, lambda _, __, values: values[1].get('State') == 'shut off',
                          'the state')

    def test_a_neighbour_is_shown(self):
        """Another domain that comes to stand on our base changes what our disk says of it."""
        base = self.stage.image('b.0')
        self.define('first', ('vda', [self.stage.image('b.1', 'b.0'), base]))
        self.client.manager('Rescan')
        disk = self.client.disk('first')
        self.assertNotIn('users', self.client.get(disk, 'Disk', 'Chain')[-1])
        changes = self.client.listen('org.freedesktop.DBus.Properties', path=disk)
        second = self.define('second', ('vda', [self.stage.image('b.2', 'b.0'), base]))

        def users(values):
            chain = values[1].get('Chain')
            return chain and chain[-1].get('users', [])

        self.await_signal(changes, lambda _, __, values: users(values) == ['second/vda'], 'users')
        del changes[:]
        second.undefine()
        self.await_signal(changes, lambda _, __, values: users(values) == [], 'no users')

    def test_disks_come_and_go(self):
        name = 'growing'
        self.define(name, ('vda', self.stage.chain('g.0')))
        self.client.manager('Rescan')
        path = self.client.domain(name)
        signals = self.client.listen('org.freedesktop.DBus.ObjectManager')
        uuid = self.client.get(path, 'Domain', 'Uuid')
        grown = stage.domain_xml(name, ('vda', [self.stage.path('g.0')]),
                                 ('vdb', self.stage.chain('h.0')))
        self.connect().defineXML(grown.replace('<memory', f'<uuid>{uuid}</uuid><memory'))
        self.await_signal(signals, lambda _, member, values: member == 'InterfacesAdded' and
                          values[0] == path + '/disks/vdb', 'the second disk')
        self.assertEqual(self.client.get(path, 'Domain', 'Disks'),
                         [path + '/disks/vda', path + '/disks/vdb'])

    def test_a_plan_goes_when_the_chain_changes(self):
        base = self.stage.chain('p.0', 'p.1')
        domain = self.define('planned', ('vda', base))
        domain.create()
        self.addCleanup(domain.destroy)
        self.client.manager('Rescan')
        plan = self.client.call(self.client.domain('planned'), NAME + '.Domain', 'Plan')
        signals = self.client.listen('org.freedesktop.DBus.ObjectManager')
        domain.destroy()
        self.await_signal(signals, lambda _, member, values: member == 'InterfacesRemoved' and
                          values[0] == plan, 'the plan to go')
        domain.create()

    def test_events_are_told(self):
        told = self.client.listen(NAME + '.Manager', 'Event')
        self.define('eventful', ('vda', self.stage.chain('e.0')))
        _, _, values = self.await_signal(told, lambda _, __, values: values[1] == 'lifecycle' and
                                         values[2] == 'eventful', 'the event')
        self.assertGreater(values[0], 1_700_000_000_000_000)
        self.assertEqual(values[4], {'status': libvirt.VIR_DOMAIN_EVENT_DEFINED,
                                     'detail': libvirt.VIR_DOMAIN_EVENT_DEFINED_ADDED})


class Breaking(ObjectsCase):
    def test_libvirtd_goes_and_comes(self):
        self.connect().defineXML(stage.domain_xml('lost', ('vda', self.stage.chain('l.0'))))
        self.client.manager('Rescan')
        path = self.client.domain('lost')
        told = self.client.listen(NAME + '.Manager', 'Event')
        changes = self.client.listen('org.freedesktop.DBus.Properties', path=stage.MANAGER)
        removed = self.client.listen(member='InterfacesRemoved')
        self.stage.libvirtd.signal(signal.SIGKILL)
        self.stage.libvirtd.wait()
        self.await_signal(told, lambda _, __, values: values[1] == 'disconnected', 'the break')
        self.await_signal(changes, lambda _, __, values: values[1].get('Connected') is False,
                          'Connected to be false')
        self.assertEqual(self.client.get(stage.MANAGER, 'Manager', 'Ready'), False)
        self.assertIn(path, self.client.objects())      # the last that is known
        self.assert_error('Disconnected', self.client.manager, 'Rescan')
        self.stage.start_libvirtd()
        self.await_signal(told, lambda _, __, values: values[1] == 'connected', 'the return')
        self.await_signal(changes, lambda _, __, values: values[1].get('Ready') is True, 'Ready')
        # the test driver forgets with its process: what is gone is taken away
        self.await_signal(removed, lambda _, __, values: values[0] == path, 'the domain to go')
        self.assertTrue(self.client.domain('test'))


if __name__ == '__main__':
    unittest.main()
