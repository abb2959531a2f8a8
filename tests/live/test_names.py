# SPDX-License-Identifier: LGPL-2.1-or-later
"""A chain whose relative backing file names go through a link to their own folder ("d" is a link to
"."): it ends with plain paths, not with names that grow each time."""

import os
import re
import unittest

import libvirt

from lib import images
from lib.offlinecase import OfflineCase

N_ROUNDS = 3


class LinkToItself(OfflineCase):
    def setUp(self):
        super().setUp()
        self.folder = self.bench.folder(f'images/{self.id().rsplit(".", 1)[-1]}')
        os.symlink('.', os.path.join(self.folder, 'd'))

    def add_overlay(self, name, below):
        path = os.path.join(self.folder, name)
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', f'd/{below}', path)
        return path

    def linked_guest(self, n_overlays):
        """A guest that is shut off; its active layer."""
        guest = self.guest(folder=self.folder)
        below = os.path.basename(guest.path('vda', 'base'))
        for n in range(n_overlays):
            top = self.add_overlay(f'layer{n}', below)
            below = f'layer{n}'
        self.point_at(guest, top)
        return guest, top

    def point_at(self, guest, path):
        xml = guest.domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
        self.bench.connection.defineXML(re.sub(r"(?<=<source file=')[^']*", path, xml, count=1))
        self.sinter.rescan()

    def assert_plain(self, guest, expected):
        """The chain, as the definition and the images name it, without the link."""
        self.assertEqual(self.paths(guest, inactive=True)[0], expected[0])
        names = [images.info(path, shared=False).get('backing-filename') for path in expected]
        self.assertEqual([name and os.path.join(self.folder, name) for name in names],
                         expected[1:] + [None])

    def test_offline_into_the_base(self):
        guest, _top = self.linked_guest(3)
        base = guest.path('vda', 'base')
        for n in range(N_ROUNDS):
            end = self.sinter.commit(guest.name, keep_files=False).wait()
            self.assertEqual((end['Phase'], end['Warnings']), ('done', []), end['ErrorMessage'])
            self.assert_plain(guest, [base])
            self.point_at(guest, self.add_overlay(f'again{n}', os.path.basename(base)))
        self.assert_boots(guest)

    def test_offline_in_the_middle(self):
        guest, top = self.linked_guest(4)
        base = guest.path('vda', 'base')
        for n in range(N_ROUNDS):
            job, = self.sinter.consolidate(guest.name, keep=1)
            end = job.wait()
            self.assertEqual((end['Phase'], end['Warnings']), ('done', []), end['ErrorMessage'])
            self.assert_plain(guest, [top, base])
            middle, top = top, self.add_overlay(f'again{n}', os.path.basename(top))
            self.point_at(guest, top)
            self.assertTrue(os.path.exists(middle))
        self.assert_boots(guest)

    def test_live(self):
        guest, _top = self.linked_guest(3)
        base = guest.path('vda', 'base')
        guest.start()
        for n in range(N_ROUNDS):
            job, = self.sinter.consolidate(guest.name)
            end = job.wait()
            self.assertEqual((end['Phase'], end['Warnings']), ('done', []), end['ErrorMessage'])
            self.assertTrue(os.path.samefile(self.paths(guest)[0], base))
            guest.stop()
            self.assert_plain(guest, [base])
            self.point_at(guest, self.add_overlay(f'again{n}', os.path.basename(base)))
            self.point_at(guest, self.add_overlay(f'more{n}', f'again{n}'))
            guest.start()
        self.assert_whole(guest)


if __name__ == '__main__':
    unittest.main()
