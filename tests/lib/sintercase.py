# SPDX-License-Identifier: LGPL-2.1-or-later
"""The base of live tests of sinterd: a bench with the daemon up, and a connection to it."""

import os
import xml.etree.ElementTree as ElementTree

from .livecase import LiveCase
from .sinterbus import SinterBus


class SinterCase(LiveCase):
    with_sinterd = True
    config = ''  # of sinterd, for all cases of the class

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.config:
            folder = cls.bench.folder('config/sinter')
            with open(os.path.join(folder, 'sinter.conf'), 'w', encoding='ascii') as file:
                file.write(cls.config)
            cls.bench.sinterd.restart()

    def setUp(self):
        if not self.bench.sinterd.running:
            self.bench.sinterd.start()
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)

    def start_sinterd_to_die(self, calls, n):
        """sinterd, which the kernel will kill at the n-th of these calls of a thread."""
        service = self.bench.sinterd
        plain = service.argv
        service.argv = ['strace', '-f', '-qq', '-o', '/dev/null', '-e', f'trace={calls}',
                        '-e', f'inject={calls}:signal=KILL:when={n}'] + plain
        try:
            service.start()
        finally:
            service.argv = plain

    def grown(self, n_layers=3, **options):
        """A running guest with a chain of n_layers overlays over its base."""
        guest = self.guest(**options).start()
        guest.grow(n_layers)
        return guest

    def paths(self, guest, target='vda', inactive=False):
        return [layer.path for layer in guest.chain(target, inactive)]

    def assert_whole(self, guest):
        """It runs, and nothing that it wrote is lost; likewise after it was stopped."""
        self.assertTrue(guest.is_running())
        guest.wait_rounds(5)
        guest.verify()
        guest.stop()
        guest.verify()

    def assert_fused(self, guest, before, target='vda'):
        """Only the base is left: in the live chain, in the definition, on disk."""
        self.assertEqual(self.paths(guest, target), before[-1:])
        self.assertEqual(self.paths(guest, target, inactive=True), before[-1:])
        self.assertEqual([path for path in before if os.path.exists(path)], before[-1:])

    def assert_chain(self, guest, expected, target='vda'):
        self.assertEqual(self.paths(guest, target), expected)
        self.assertEqual([path for path in expected if not os.path.exists(path)], [])

    def frozen_path(self, guest, snapshot, target='vda'):
        """The file that a snapshot's metadata names as the state that it keeps."""
        text = guest.domain.snapshotLookupByName(snapshot).getXMLDesc()
        disk = ElementTree.fromstring(text).find(f"domain/devices/disk/target[@dev='{target}']/..")
        return disk.find('source').get('file')

    def records(self):
        folder = os.path.join(self.bench.root, 'state', 'sinter', 'jobs')
        return sorted(os.listdir(folder)) if os.path.isdir(folder) else []
