# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is put on a host beside the programs: each file is read by the program that it is for."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

from lib import bus, namespace, stage
from lib.stage import NAME

PACKAGING = os.path.join(stage.TOP, 'packaging')
BUILT = os.path.join(stage.BUILD, 'packaging')

# In tenths, of which systemd takes 50 for still good; its versions differ a little.
EXPOSURE = 45

STRICT = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{kind}</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <include>{policy}</include>
</busconfig>
'''


def read(*names):
    with open(os.path.join(*names), encoding='utf-8') as file:
        return file.read()


class BusPolicy(unittest.TestCase):
    """On a bus that forbids everything else, as the system's does: the shipped policy lets root own
    the name and everybody call it. Root of the test is whoever runs it."""

    def start(self, owner):
        self.root = tempfile.mkdtemp(prefix='sp-', dir='/tmp')
        self.addCleanup(shutil.rmtree, self.root)
        os.chmod(self.root, 0o711)
        policy = os.path.join(self.root, 'policy.conf')
        shipped = read(PACKAGING, 'dbus', NAME + '.conf')
        self.assertEqual(shipped.count('user="root"'), 1)
        with open(policy, 'w', encoding='utf-8') as file:
            file.write(shipped.replace('user="root"', f'user="{owner}"'))
        before, bus.CONFIG = bus.CONFIG, STRICT.replace('{policy}', policy)
        try:
            private = bus.Bus(self.root, {'PATH': stage.PATH}, 'system').start()
        finally:
            bus.CONFIG = before
        self.addCleanup(private.stop)
        return private

    def own(self, client, name=NAME):
        return client.call('/org/freedesktop/DBus', 'org.freedesktop.DBus', 'RequestName', '(su)',
                           name, 4, name='org.freedesktop.DBus')

    def client(self, private):
        client = stage.Client(private.address)
        self.addCleanup(client.close)
        return client

    def test_the_owner(self):
        private = self.start(pwd.getpwuid(os.getuid()).pw_name)
        owner, caller = self.client(private), self.client(private)
        with self.assertRaises(stage.BusError) as caught:
            self.own(owner, NAME + '.Other')
        self.assertIn('AccessDenied', caught.exception.name)
        self.assertEqual(self.own(owner), 1)
        # the call goes through to the owner, which answers that it has no such object
        with self.assertRaises(stage.BusError) as caught:
            caller.call('/nothing', NAME + '.Manager', 'Rescan')
        self.assertIn('UnknownMethod', caught.exception.name)

    def test_somebody_else(self):
        private = self.start('nobody' if os.getuid() != 65534 else 'root')
        with self.assertRaises(stage.BusError) as caught:
            self.own(self.client(private))
        self.assertIn('AccessDenied', caught.exception.name)


class Polkit(unittest.TestCase):
    def test_actions_are_those_of_the_code(self):
        code = set(re.findall(r'#define SINTER_ACTION_\w+ "([^"]+)"',
                              read(stage.TOP, 'daemon', 'service', 'bus', 'sinter-method.h')))
        policy = ElementTree.fromstring(read(PACKAGING, 'polkit', 'org.sinter.policy'))
        shipped = {action.get('id'): action for action in policy.iter('action')}
        self.assertEqual(set(shipped), code)
        for name, action in shipped.items():
            for who in ('allow_any', 'allow_inactive', 'allow_active'):
                word = action.find('defaults').find(who).text
                with self.subTest(f'{name} {who}'):
                    free = (name in ('org.sinter.inspect', 'org.sinter.check') and
                            who == 'allow_active')
                    self.assertEqual(word, 'yes' if free else 'auth_admin_keep')

    def test_rules_name_known_actions(self):
        policy = read(PACKAGING, 'polkit', 'org.sinter.policy')
        for name in ('50-sinter.rules', 'sinter-libvirt-group.rules'):
            actions = re.findall(r'"(org\.sinter\.[\w-]+)"', read(PACKAGING, 'polkit', name))
            self.assertTrue(actions)
            for action in actions:
                self.assertIn(f'<action id="{action}">', policy)
                self.assertNotIn(action, ('org.sinter.configure', 'org.sinter.check-file'))


class Systemd(unittest.TestCase):
    def need(self, program):
        if not shutil.which(program, path=stage.PATH):
            self.skipTest(f'not installed: {program}')

    def run_tool(self, *argv):
        done = subprocess.run(namespace.plain(argv), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False,
                              env={'PATH': stage.PATH, 'SYSTEMD_COLORS': '0'})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def folder(self, *names):
        root = tempfile.mkdtemp(prefix='ss-', dir='/tmp')
        self.addCleanup(shutil.rmtree, root)
        for name in names:
            os.makedirs(os.path.join(root, name))
        return root

    def test_units(self):
        self.need('systemd-analyze')
        root = self.folder()
        for name in ('sinterd.service', 'sinterd-user.service'):
            with self.subTest(name):
                text = read(BUILT, 'systemd', name)
                self.assertNotIn('@', text.replace('@system-service', ''))
                path = os.path.join(root, name)
                with open(path, 'w', encoding='utf-8') as file:
                    file.write(re.sub(r'^ExecStart=\S+', 'ExecStart=' + stage.SINTERD, text,
                                      flags=re.M))
                self.assertEqual(self.run_tool('systemd-analyze', 'verify', '--man=no', path), '')

    def test_sandbox(self):
        """As systemd's own judge sees it: what makes it laxer has to be meant."""
        self.need('systemd-analyze')
        path = os.path.join(BUILT, 'systemd', 'sinterd.service')
        if '--offline' not in self.run_tool('systemd-analyze', '--help'):
            self.skipTest('this systemd-analyze does not judge units')
        self.run_tool('systemd-analyze', 'security', '--no-pager', '--offline=true',
                      f'--threshold={EXPOSURE}', path)

    def test_activation(self):
        for kind, option in (('system', '--system'), ('session', '--user')):
            text = read(BUILT, 'dbus', f'{NAME}.{kind}.service')
            self.assertIn(f'\nName={NAME}\n', text)
            self.assertRegex(text, rf'\nExec=/\S+/sinterd {option}\n')
            self.assertIn('\nSystemdService=sinterd.service\n', text)

    def test_catalog(self):
        """Each message id of the code is explained, and no other."""
        self.need('journalctl')
        root = self.folder('usr/lib/systemd/catalog', 'var/lib/systemd/catalog')
        shutil.copy(os.path.join(PACKAGING, 'systemd', 'sinter.catalog'),
                    os.path.join(root, 'usr/lib/systemd/catalog'))
        self.run_tool('journalctl', f'--root={root}', '--update-catalog')
        listed = self.run_tool('journalctl', f'--root={root}', '--list-catalog')
        code = re.findall(r'#define SINTER_MESSAGE_ID_\w+ "([0-9a-f]{32})"',
                          read(stage.TOP, 'common', 'sinter-message-id.h'))
        self.assertEqual(len(code), len(set(code)))
        self.assertEqual(sorted(line.split()[0] for line in listed.splitlines()), sorted(code))

    def test_sysusers_and_tmpfiles(self):
        self.need('systemd-sysusers')
        root = self.folder('etc')
        said = self.run_tool('systemd-sysusers', '--dry-run', f'--root={root}',
                             os.path.join(PACKAGING, 'systemd', 'sinter.sysusers'))
        self.assertIn("group 'sinter'", said)
        self.assertIn("user 'sinter-worker'", said)
        self.assertIn('"sinter-worker"',
                      read(stage.TOP, 'daemon', 'work', 'offline',
                           'sinter-worker-user.c'))
        self.assertRegex(read(PACKAGING, 'systemd', 'sinter.tmpfiles'),
                         r'(?m)^d /var/lib/sinter 0700 root root -$')


if __name__ == '__main__':
    unittest.main()
