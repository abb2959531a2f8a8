# SPDX-License-Identifier: LGPL-2.1-or-later
"""A domain that another operation holds: the job waits in the queue, says for whom, and begins when
the domain is free."""

import os
import subprocess
import threading
import time

import libvirt

from lib import namespace
from lib.sintercase import SinterCase

CANCELLED = 5
# libvirt itself waits 30 s for the lock of a domain
ON_TIME_SECONDS = 20
BACKUP_XML = '''<domainbackup mode='pull'>
  <server transport='unix' socket='{socket}'/>
  <disks><disk name='vda' backup='yes' type='file'><scratch file='{scratch}'/></disk></disks>
</domainbackup>
'''


class Busy(SinterCase):
    def wait_for_words(self, job, words):
        self.sinter.wait(lambda: words in job.properties()['WaitingFor'], 60,
                         f'it waits for {words}')
        self.assertEqual(job.phase, 'queued')

    def stalled_dump(self, guest):
        """A dump into a pipe that nobody reads yet; returns what reads it."""
        path = os.path.join(self.bench.folder('dumps'), guest.name + '.pipe')
        os.mkfifo(path)
        end = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, end)
        client = subprocess.Popen(
            namespace.plain(['virsh', 'dump', '--memory-only', guest.name, path]),
            env=self.bench.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)

        def drain():
            os.set_blocking(end, True)
            while os.read(end, 1 << 20):
                pass
        return threading.Thread(target=drain)

    def test_a_dump(self):
        guest = self.grown(2)
        before = self.paths(guest)
        reader = self.stalled_dump(guest)
        self.sinter.wait(lambda: guest.domain.jobInfo()[0] != 0, 60, 'the dump has begun')
        job, = self.sinter.consolidate(guest.name)
        self.wait_for_words(job, f"domain '{guest.name}', which is busy with a dump")
        job.cancel()
        begin = time.monotonic()
        self.assertEqual(job.wait()['Phase'], 'cancelled')
        done = self.bench.sinter('consolidate', guest.name, '--timeout', '3', check=False)
        self.assertEqual(done.returncode, CANCELLED, done.stderr)
        self.assertLess(time.monotonic() - begin, ON_TIME_SECONDS)
        job, = self.sinter.consolidate(guest.name)
        self.wait_for_words(job, 'a dump')
        reader.start()
        end = job.wait()
        reader.join()
        self.assertEqual((end['Phase'], end['WaitingFor']), ('done', ''))
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_a_backup(self):
        guest = self.grown(2)
        before = self.paths(guest)
        guest.domain.backupBegin(BACKUP_XML.format(
            socket=os.path.join(self.bench.folder('run'), 'backup.sock'),
            scratch=os.path.join(self.bench.folder('images'), 'scratch.qcow2')), None)
        plan = self.sinter.plan(guest.name)
        self.assertEqual(plan['Refusals'], [])
        self.assertIn('a job waits until it ends', ' '.join(plan['Warnings']))
        job, = self.sinter.consolidate(guest.name)
        self.wait_for_words(job, f"domain '{guest.name}', which is busy with a backup")
        guest.domain.abortJob()
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_an_overlay_of_a_backup_tool(self):
        """It comes just when the block job has ended, and stays for a while: the chain below it is
        the new one, so the job ends."""
        guest = self.grown(2)
        before = self.paths(guest)
        job, = self.sinter.consolidate(guest.name, bandwidth=64 * 1024)
        job.wait_phase('copying')
        job_id = job.properties()['Id']
        self.bench.sinterd.kill()
        guest.domain.blockJobSetSpeed('vda', 0)
        self.sinter.wait(lambda: "ready='yes'" in guest.domain.XMLDesc(0), 60, 'it is ready')
        guest.domain.blockJobAbort('vda', libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        overlay = os.path.join(guest.folder, guest.name + '.tool.qcow2')
        guest.domain.snapshotCreateXML(
            '<domainsnapshot><disks><disk name="vda" snapshot="external"><source file='
            f'"{overlay}"/></disk></disks></domainsnapshot>',
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
        self.bench.sinterd.start()
        job = self.sinter.job(job_id)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assertEqual(self.paths(guest), [overlay, before[-1]])
        self.bench.virsh('blockcommit', guest.name, 'vda', '--active', '--pivot', '--wait')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_an_overlay_on_the_old_chain(self):
        """It comes when the block job has ended without a pivot: the job waits for its end."""
        guest = self.grown(2)
        self.sinter.rescan()    # images of other tests, which are gone, may have had its inodes
        job, = self.sinter.consolidate(guest.name, bandwidth=64 * 1024)
        job.wait_phase('copying')
        job_id = job.properties()['Id']
        self.bench.sinterd.kill()
        guest.domain.blockJobAbort('vda', 0)
        overlay = os.path.join(guest.folder, guest.name + '.tool.qcow2')
        guest.domain.snapshotCreateXML(
            '<domainsnapshot><disks><disk name="vda" snapshot="external"><source file='
            f'"{overlay}"/></disk></disks></domainsnapshot>',
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)
        self.bench.sinterd.start()
        job = self.sinter.job(job_id)
        self.sinter.wait(lambda: overlay in job.properties()['WaitingFor'], 60,
                         'it waits for the end of the overlay')
        self.bench.virsh('blockcommit', guest.name, 'vda', '--active', '--pivot', '--wait')
        # whether the record says that the block job ran decides whether it is requested again
        self.assertIn(job.wait()['Phase'], ('done', 'failed'))
        self.assert_whole(guest)
