# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon's plugins: what it was built with is there; others only where the configuration says
so, and one that is no good is named in the log and left out."""

import os
import shutil
import unittest

import images_of
from lib import images, stage
from lib.stage import NAME

SAMPLES = os.path.join(stage.BUILD, 'tests', 'unit', 'plugins')


class PluginCase(stage.BusCase):
    @classmethod
    def stage_up(cls):
        images.qemu_img('create', '-q', '-f', 'qcow', cls.stage.path('old.0'), '16M')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', cls.stage.path('old.0'), '-F', 'qcow',
                        cls.stage.path('old.1'))
        cls.stage.hosts.append(images_of.bare_xml('old', cls.stage.path('old.1')))
        cls.stage.write_host()
        cls.stage.start_polkit()
        cls.stage.allow_all()

    def start(self, config=''):
        self.stage.write('sinter.conf', config)
        self.before = len(self.stage.sinterd.log_text())
        self.stage.sinterd.start()
        self.addCleanup(self.stage.sinterd.stop)

    def folder(self, name, *samples):
        path = self.stage.path(name)
        os.mkdir(path, 0o755)
        for sample in samples:
            target = os.path.join(path, sample + '.so')
            shutil.copyfile(os.path.join(SAMPLES, sample + '.so'), target)
            os.chmod(target, 0o644)
        return path

    def said(self):
        """What the daemon has logged since it was started."""
        return self.stage.sinterd.log_text()[self.before:]


class Formats(PluginCase):
    def test_an_old_base(self):
        """The format of a plugin is read like any other; what cannot be done with it is refused."""
        self.start()
        chain = self.client.get(self.client.disk('old'), 'Disk', 'Chain')
        self.assertEqual([(layer['format'], layer['virtual-size-bytes']) for layer in chain],
                         [('qcow2', 16 << 20), ('qcow', 16 << 20)])
        plan = self.client.call(self.client.domain('old'), NAME + '.Domain', 'Plan', '(a{sv})',
                                stage.options())
        refusal = self.client.get(plan, 'Plan', 'Refusals')[0]
        self.assertEqual((refusal['code'], refusal['disk']), ('unsupported', 'vda'))
        self.assertIn('qcow', refusal['text'])


class Folders(PluginCase):
    def test_none_unasked(self):
        self.start()
        self.assertNotIn('plugin', self.said())

    def test_loaded_and_left_out(self):
        good = self.folder('good', 'sound', 'abi')
        other = self.folder('other', 'sound')
        missing = self.stage.path('missing')
        self.start(f'[plugins]\nfolders={good}:{missing}:{other}\n')
        said = self.said()
        self.assertIn('Loaded plugin policy-sample (proposes what the tests expect) from '
                      f"'{good}/sound.so'", said)
        for words in ((f"'{good}/abi.so'", 'built for plugin ABI 999'), (missing, 'No such file'),
                      (f"'{other}/sound.so'", f"already used by '{good}/sound.so'")):
            lines = [line for line in said.splitlines() if all(word in line for word in words)]
            self.assertEqual(len(lines), 1, said)
            self.assertIn('Not loaded: ', lines[0])

    def test_others_could_change_it(self):
        folder = self.folder('open', 'sound')
        os.chmod(os.path.join(folder, 'sound.so'), 0o646)
        self.start(f'[plugins]\nfolders={folder}\n')
        self.assertRegex(self.said(), "Not loaded: .*other users can change '.*sound.so'")
        self.assertNotIn('Loaded plugin', self.said())


if __name__ == '__main__':
    unittest.main()
