# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checkpoints outlive every operation: afterwards an incremental backup from each of them has what
changed since, and each can be deleted."""

import json
import os
import subprocess
import unittest

import libvirt

from lib import images
from lib.sinterbus import SinterError
from lib.sintercase import SinterCase

BACKUP_XML = '''<domainbackup mode='pull'>
  <incremental>{since}</incremental>
  <server transport='unix' socket='{socket}'/>
  <disks><disk name='vda' backup='yes' type='file' backupmode='incremental' incremental='{since}'
    exportname='vda' exportbitmap='dirty'><scratch file='{scratch}'/></disk></disks>
</domainbackup>'''


class Checkpoints(SinterCase):
    def checkpointed(self, *events):
        """A running guest: s an external snapshot, c a checkpoint, each followed by writes. Keeps
        the disk's content at the moment of each checkpoint."""
        guest = self.guest().start()
        self.contents = {}
        for event in events:
            if event == 's':
                guest.snapshot()
            else:
                self.take_checkpoint(guest)
            guest.wait_rounds(8)
        return guest

    def take_checkpoint(self, guest):
        name = f'c{len(self.contents) + 1}'
        guest.pause()
        guest.domain.checkpointCreateXML(
            f'<domaincheckpoint><name>{name}</name></domaincheckpoint>')
        self.contents[name] = self.content(guest, name)
        guest.resume()

    def content(self, guest, moment):
        path = guest.dump('vda', moment)
        with open(path, 'rb') as file:
            content = file.read()
        os.unlink(path)
        return content

    def dirty_ranges(self, guest, since):
        """What a backup since that checkpoint would copy: [(start, end)]."""
        socket = os.path.join(self.bench.root, f'{since}.sock')
        scratch = guest.path('vda', f'scratch-{since}')
        guest.domain.backupBegin(
            BACKUP_XML.format(since=since, socket=socket, scratch=scratch), None, 0)
        try:
            done = subprocess.run(
                ['qemu-img', 'map', '--output=json', '--image-opts',
                 f'driver=nbd,server.type=unix,server.path={socket},export=vda,'
                 'x-dirty-bitmap=qemu:dirty-bitmap:dirty'],
                check=True, stdout=subprocess.PIPE, text=True)
        finally:
            guest.domain.abortJob()
        return [(row['start'], row['start'] + row['length']) for row in json.loads(done.stdout)
                if not row['data']]

    def check_backup(self, guest, since):
        """Everything that differs from the moment of the checkpoint is known to be dirty."""
        now, then = self.content(guest, 'now'), self.contents[since]
        ranges = self.dirty_ranges(guest, since)
        changed = [at for at in range(0, len(now), 4096)
                   if now[at:at + 4096] != then[at:at + 4096]]
        self.assertGreater(len(changed), 0)
        missed = [at for at in changed
                  if not any(start <= at < end for start, end in ranges)]
        self.assertEqual(missed, [], f'a backup since {since} would miss these')

    def check_checkpoints(self, guest, names):
        """A backup from each, then each is deleted."""
        self.assertEqual(sorted(guest.domain.listAllCheckpoints() and
                                [c.getName() for c in guest.domain.listAllCheckpoints()]), names)
        guest.pause()
        for name in names:
            self.check_backup(guest, name)
        for name in names:
            guest.domain.checkpointLookupByName(name).delete()
        guest.resume()
        guest.wait_rounds(5)
        guest.verify()

    def done(self, job):
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))

    # -- live ------------------------------------------------------------------

    def test_active_commit(self):
        guest = self.checkpointed('s', 'c', 's', 'c')
        job, = self.sinter.consolidate(guest.name)
        self.done(job)
        self.check_checkpoints(guest, ['c1', 'c2'])

    def test_intermediate_commit(self):
        guest = self.checkpointed('s', 'c', 's', 'c', 's')
        job, = self.sinter.consolidate(guest.name, keep=1)
        self.done(job)
        self.check_checkpoints(guest, ['c1', 'c2'])

    def test_pull(self):
        guest = self.checkpointed('c', 's', 'c')
        self.done(self.sinter.pull(guest.name, 'vda'))
        self.check_checkpoints(guest, ['c1', 'c2'])

    def test_copy(self):
        guest = self.checkpointed('c', 's', 'c')
        self.done(self.sinter.copy(guest.name, guest.path('vda', 'copy'), finish=True))
        self.check_checkpoints(guest, ['c1', 'c2'])

    # -- offline ---------------------------------------------------------------

    def offline(self, guest, **keys):
        guest.stop()
        job, = self.sinter.consolidate(guest.name, **keys)
        self.done(job)
        guest.start()

    def test_offline_down(self):
        guest = self.checkpointed('c', 's', 'c', 's')
        self.offline(guest, base=guest.path('vda', 'base'))
        self.check_checkpoints(guest, ['c1', 'c2'])

    def test_offline_intermediate(self):
        """libvirt redefines no snapshot beside a checkpoint; without snapshots it is merged."""
        guest = self.checkpointed('s', 'c', 's', 'c', 's')
        guest.stop()
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name, keep=1)
        self.assertIn("'s3'", str(caught.exception))
        for name in guest.snapshot_names():
            self.bench.virsh('snapshot-delete', guest.name, name, '--metadata')
        self.done(self.sinter.commit(guest.name, top=guest.path('vda', 's2')))
        self.assertEqual(guest.image_files('vda'),
                         [guest.path('vda', 's3'), guest.path('vda', 'base')])
        guest.start()
        self.check_checkpoints(guest, ['c1', 'c2'])

    def test_offline_up(self):
        guest = self.checkpointed('c', 's', 'c', 's')
        self.offline(guest, pull=True)
        self.check_checkpoints(guest, ['c1', 'c2'])

    # -- into a raw image, which has no bitmaps ---------------------------------

    def over_raw(self):
        """A running guest on an overlay of a raw base, with a checkpoint."""
        guest = self.guest()
        base, raw, top = (guest.path('vda', name) for name in ('base', 'raw', 's0'))
        images.convert(base, raw, 'qcow2', 'raw')
        images.qemu_img('create', '-q', '-f', 'qcow2', '-b', raw, '-F', 'raw', top)
        self.bench.connection.defineXML(guest.domain.XMLDesc().replace(base, top))
        guest.start()
        self.contents = {}
        self.take_checkpoint(guest)
        guest.wait_rounds(5)
        return guest

    def check_dropped(self, guest):
        """Not unasked, and the plan names it."""
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name)
        self.assertIn("'c1'", str(caught.exception))
        plan = self.bench.sinter('plan', guest.name, '--drop-checkpoints').stdout
        self.assertIn("delete the metadata of checkpoint 'c1'", plan)
        job, = self.sinter.consolidate(guest.name, drop_checkpoints=True)
        self.done(job)
        self.assertEqual(guest.domain.listAllCheckpoints(), [])
        self.assertEqual(self.paths(guest, inactive=True)[0], guest.path('vda', 'raw'))

    def test_raw_live(self):
        guest = self.over_raw()
        self.check_dropped(guest)
        guest.wait_rounds(5)
        guest.verify()

    def test_raw_offline(self):
        guest = self.over_raw()
        guest.stop()
        self.check_dropped(guest)
        guest.start()
        guest.wait_rounds(5)


if __name__ == '__main__':
    unittest.main()
