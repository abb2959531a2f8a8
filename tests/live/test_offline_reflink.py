# SPDX-License-Identifier: LGPL-2.1-or-later
"""Offline merges where the file system shares blocks: the worker has it do so, from its sandbox.

The merged images are kept, so that what they share with the result can still be seen.
"""

import os
import tempfile
import unittest

from lib import extents, images
from lib.offlinecase import OfflineCase

CLUSTER_BYTES = 64 * 1024


def moving_bytes(stretch, result):
    """What is seen through these images, top first, and lies in another one than the result; but
    for room that nothing was written to, which no file system shares."""
    return sum(extents.written_bytes(stretch[seen['depth']], seen['offset'], seen['length'])
               for seen in images.map_of(stretch[0])
               if seen['data'] and stretch[seen['depth']] != result)


class Cases:
    variable = None         # names the folder of the file system

    @classmethod
    def setUpClass(cls):
        cls.place = os.environ.get(cls.variable)
        if not cls.place:
            raise unittest.SkipTest(f'no such file system is mounted ({cls.variable})')
        super().setUpClass()

    def consolidate(self, n_layers, stretch, result, **options):
        """The images of the stretch (a slice) become the one at a place in the chain: it gets what
        they hold as their blocks."""
        folder = tempfile.TemporaryDirectory(dir=self.place)
        self.addCleanup(folder.cleanup)
        guest = self.shut_off(n_layers, folder=folder.name)
        before, content = self.files(guest), self.content(guest)
        self.assertEqual([extents.shared_bytes(path) for path in before], [0] * len(before))
        result, stretch = before[result], before[stretch]
        moving = moving_bytes(stretch, result)
        self.assertGreaterEqual(moving, CLUSTER_BYTES)
        job, = self.sinter.consolidate(guest.name, keep_files=True, **options)
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
        self.assertEqual(self.files(guest), [path for path in before
                                             if path == result or path not in stretch])
        self.assertTrue(self.content(guest) == content, 'the content has changed')
        self.assertGreaterEqual(extents.shared_bytes(result), moving)
        guest.verify()                              # with qemu-img check
        self.assert_boots(guest)

    def test_down(self):
        self.consolidate(3, slice(0, 4), 3)

    def test_up(self):
        self.consolidate(3, slice(0, 4), 0, pull=True)

    def test_below_the_newest_snapshot(self):
        """The image above gets another name to stand on."""
        self.consolidate(3, slice(1, 4), 3, keep=1)


class Xfs(Cases, OfflineCase):
    variable = 'SINTER_TEST_XFS'


class Btrfs(Cases, OfflineCase):
    variable = 'SINTER_TEST_BTRFS'


if __name__ == '__main__':
    unittest.main()
