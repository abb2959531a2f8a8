# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks of real domains: what is damaged is found where it is, whether the guest runs or not, and
the guest neither notices nor loses anything."""

import contextlib
import json
import os
import signal
import stat
import unittest

from lib import images
from lib.bench import SINTER_IMG
from lib.damage import break_l2_entry, break_refcounts
from lib.offlinecase import OfflineCase
from lib.sinterbus import SinterBus, SinterError

RENAMES = 'rename,renameat,renameat2'

# The saves of one live check, in order: the record is renamed into place once for each. "checked"
# has the reports.
SAVES = ['queued', 'sealing', 'checking', 'checked', 'starting', 'pivoting', 'cleaning', 'done']

CORRUPT = 2
CANNOT_READ = 6


def by_name(values):
    return {os.path.basename(image['path']): image for image in values['Images']}


class Check(OfflineCase):
    def broken(self, path, index=0):
        """What is lost, and a function that makes the image as it was: the guest goes on with it."""
        with open(path, 'rb') as file:
            whole = file.read()

        def mend():
            with open(path, 'r+b') as file:     # never shorter: the guest reads it
                file.write(whole)
        return break_l2_entry(path, index), mend

    def test_shut_off(self):
        guest = self.shut_off(2)
        top, _middle, base = self.files(guest)
        self.bench.sinter('check', guest.name)
        lost, mend = self.broken(base)
        done = self.bench.sinter('check', guest.name, '--json=short', check=False)
        self.assertEqual(done.returncode, CORRUPT, done.stderr)
        job, = json.loads(done.stdout)
        self.assertEqual([image['state'] for image in job['images']], ['checked'] * 3)
        self.assertEqual([image['corruptions'] > 0 for image in job['images']],
                         [False, False, True])
        finding = job['findings'][0]
        self.assertEqual((finding['image'], finding['class'], finding['guest-offset']),
                         (base, 'corruption', lost))
        text = self.bench.sinter('check', guest.name, check=False)
        self.assertIn(finding['code'], text.stdout)
        self.assertIn(finding['code'], self.bench.sinter('job', job['id']).stdout)
        mend()
        holder = self.hold(top)
        done = self.bench.sinter('check', guest.name, check=False)
        self.assertEqual(done.returncode, CANNOT_READ, done.stderr)
        holder.communicate()
        self.assert_boots(guest)

    def test_running(self):
        guest = self.grown(2)
        top, middle, base = self.paths(guest)
        n_rounds = guest.n_rounds()
        _lost, mend = self.broken(base, index=200)   # QEMU does not read it meanwhile
        job, = self.sinter.check(guest.name)
        end = job.wait()
        mend()
        self.assertEqual((end['Phase'], end['Operation'], end['ErrorMessage']),
                         ('done', 'check', ''))
        found = by_name(end)
        self.assertEqual(found[os.path.basename(top)]['state'], 'skipped')
        self.assertEqual(found[os.path.basename(middle)]['corruptions'], 0)
        self.assertGreater(found[os.path.basename(base)]['corruptions'], 0)
        self.assertEqual({finding['image'] for finding in end['Findings']}, {base})
        guest.wait_rounds(5)
        self.assertGreater(guest.n_rounds(), n_rounds)
        self.assert_whole(guest)

    def test_file(self):
        guest = self.guest()
        path = os.path.join(guest.folder, 'lonely.qcow2')
        raw = os.path.join(guest.folder, 'lonely.raw')
        images.write_raw(raw, 1024 * 1024, 1)
        images.convert(raw, path, 'raw', 'qcow2')
        self.bench.sinter('check', path)
        break_l2_entry(path)
        end = self.sinter.check_file(path).wait()
        self.assertEqual((end['Phase'], end['Disk'], end['DomainName'], end['Objects']),
                         ('done', path, '', []))
        self.assertGreater(end['Images'][0]['corruptions'], 0)
        done = self.bench.sinter('check', os.path.join(guest.folder, 'absent'), check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn('No such file', done.stderr)


class Repair(OfflineCase):
    def damaged(self):
        """A guest that is shut off, with leaks in its base and too low a refcount in its top."""
        guest = self.shut_off(1)
        for path in self.files(guest):
            break_refcounts(path)
        return guest

    def undo_files(self):
        folder = os.path.join(self.bench.root, 'state', 'sinter', 'undo')
        return sorted(os.path.join(folder, name) for name in os.listdir(folder)) \
            if os.path.isdir(folder) else []

    def read(self, paths):
        result = []
        for path in paths:
            with open(path, 'rb') as file:
                result.append(file.read())
        return result

    def test_repaired_and_taken_back(self):
        guest = self.damaged()
        files = self.files(guest)
        damaged, content = self.read(files), self.content(guest)
        done = self.bench.sinter('check', guest.name, '--repair')
        self.assertIn('no damage left', done.stdout)
        self.assertEqual([images.check(path).get('corruptions', 0) + images.check(path).get('leaks', 0)
                          for path in files], [0] * len(files))
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        end = self.sinter.jobs()[-1].properties()
        self.assertEqual((end['Phase'], end['Operation']), ('done', 'repair'))
        self.assertTrue(all(image['repaired'] > 0 for image in end['Images']))
        self.assertEqual(len(end['UndoFiles']), len(files))
        for path in reversed(end['UndoFiles']):
            self.assertIn('sinter-img undo ' + path, done.stdout)
            self.bench.command(SINTER_IMG, 'undo', path)
        self.assertTrue(self.read(files) == damaged, 'the images are not as they were')
        self.bench.sinter('check', guest.name, '--repair')
        self.assert_boots(guest)

    def test_only_leaks(self):
        guest = self.damaged()
        done = self.bench.sinter('check', guest.name, '--repair=leaks', check=False)
        self.assertEqual(done.returncode, CORRUPT, done.stdout + done.stderr)
        self.assertEqual([images.check(path).get('leaks', 0) for path in self.files(guest)], [0, 0])
        self.bench.sinter('check', guest.name, '--repair')
        self.assert_boots(guest)

    def test_refused_while_it_runs(self):
        guest = self.guest().start()
        before = self.undo_files()
        done = self.bench.sinter('check', guest.name, '--repair', check=False)
        self.assertEqual(done.returncode, 4)
        self.assertIn('is running', done.stderr)
        self.assertEqual(self.undo_files(), before)
        guest.stop()

    def test_killed_while_it_repairs(self):
        """The next daemon repairs from the beginning, and names the undo files of both."""
        guest = self.damaged()
        files = self.files(guest)
        content = self.content(guest)
        self.bench.sinterd.stop()
        self.start_sinterd_to_die(RENAMES, 3)       # queued, repairing, and the end
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)
        with contextlib.suppress(SinterError):
            self.sinter.repair(guest.name)
        self.assertEqual(self.bench.sinterd.wait(60), -signal.SIGKILL)
        self.bench.sinterd.start()
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)
        end, = [job.wait() for job in self.sinter.jobs()
                if job.properties()['DomainName'] == guest.name]
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assertEqual([image['corruptions'] + image['leaks'] for image in end['Images']],
                         [0] * len(files))
        self.assertEqual(len(end['UndoFiles']), len(files))
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assert_boots(guest)


class CheckLive(OfflineCase):
    """The guest writes all the time: what its disk loses, its oracle names."""

    def assert_unsealed(self, guest, before):
        """The chain is the one from before, everywhere, and no overlay is left."""
        self.assert_chain(guest, before)
        self.assertEqual(self.paths(guest, inactive=True), before)
        self.assertEqual([name for name in os.listdir(guest.folder) if 'sinter-check' in name], [])

    def test_all_layers(self):
        guest = self.grown(1)
        before = self.paths(guest)
        job, = self.sinter.check_live(guest.name)
        phases = set()
        modes = set()

        def look():
            for name in os.listdir(guest.folder):
                if 'sinter-check' in name:
                    modes.add(stat.S_IMODE(os.stat(os.path.join(guest.folder, name)).st_mode))
            phases.add(job.phase)
            return 'done' in phases or 'failed' in phases or 'quarantined' in phases
        self.sinter.wait(look, 120, 'the end')
        end = job.properties()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        self.assertEqual([image['path'] for image in end['Images']], before)
        self.assertEqual([(image['state'], image['corruptions']) for image in end['Images']],
                         [('checked', 0)] * len(before))
        self.assertEqual(modes, {0o600})
        self.assert_unsealed(guest, before)
        self.assertEqual(guest.snapshot_names(), ['s1'])
        self.assert_whole(guest)

    def test_damage_in_the_active_layer(self):
        guest = self.grown(1)
        before = self.paths(guest)
        guest.pause()                   # QEMU has written its tables, and does not write them again
        lost = break_l2_entry(before[0], 255)
        done = self.bench.sinter('check', guest.name, '--live', '--json=short', check=False)
        self.assertEqual(done.returncode, CORRUPT, done.stderr)
        job, = json.loads(done.stdout)
        self.assertIn((before[0], lost), [(finding['image'], finding.get('guest-offset'))
                                          for finding in job['findings']])
        self.assert_unsealed(guest, before)
        guest.stop()

    def test_shut_off_meanwhile(self):
        """The guest ends while the overlay is on its disk: it is merged back offline."""
        guest = self.grown(1)
        before = self.paths(guest)
        self.bench.sinterd.stop()
        self.start_sinterd_to_die(RENAMES, SAVES.index('checking') + 2)
        self.die_of_check(guest)
        self.assertEqual(self.paths(guest, inactive=True)[1:], before)
        guest.stop()
        self.bench.sinterd.start()
        end, = self.ends(guest)
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        self.assertEqual([image['state'] for image in end['Images']], ['checked'] * len(before))
        self.assertEqual(self.files(guest), before)
        self.assertEqual(self.paths(guest, inactive=True)[0], before[0])
        guest.verify()
        self.assert_boots(guest)

    def sinter_again(self):
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)
        return self.sinter

    def ends(self, guest):
        """How the jobs of the guest ended, those of a daemon before this one too."""
        return [job.wait() for job in self.sinter_again().jobs()
                if job.properties()['DomainName'] == guest.name]

    def die_of_check(self, guest):
        try:
            self.sinter_again().check_live(guest.name)
        except SinterError as error:
            self.assertIn(error.code, ('org.freedesktop.DBus.Error.NoReply',
                                       'org.freedesktop.DBus.Error.ServiceUnknown'))
        self.assertEqual(self.bench.sinterd.wait(60), -signal.SIGKILL)

    def test_killed_at_each_save(self):
        guest = self.grown(1)
        before = self.paths(guest)
        for n, phase in enumerate(SAVES, 1):
            with self.subTest(phase):
                self.bench.sinterd.stop()
                self.start_sinterd_to_die(RENAMES, n)
                self.die_of_check(guest)
                self.bench.sinterd.start()
                for end in self.ends(guest):
                    self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']),
                                     ('done', '', []))
                self.assert_unsealed(guest, before)
        self.assert_whole(guest)

    def test_libvirtd_killed(self):
        """libvirtd goes while the overlay is on the disk, and comes again."""
        guest = self.grown(1)
        before = self.paths(guest)
        self.bench.sinterd.stop()
        self.start_sinterd_to_die(RENAMES, SAVES.index('checking') + 2)
        self.die_of_check(guest)
        self.bench.libvirtd.kill()
        self.bench.libvirtd.start()
        self.bench.sinterd.start()
        end, = self.ends(guest)
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assert_unsealed(guest, before)
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
