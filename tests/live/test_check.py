# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks of real domains: what is damaged is found where it is, whether the guest runs or not, and
the guest neither notices nor loses anything."""

import json
import os
import unittest

from lib import images
from lib.damage import break_l2_entry
from lib.offlinecase import OfflineCase

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
            with open(path, 'wb') as file:
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


if __name__ == '__main__':
    unittest.main()
