# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is refused, what fails, and how it is said: one clear line, the right exit status."""

import os
import unittest
import xml.etree.ElementTree as ElementTree

from lib import images
from lib.sintercase import SinterCase

REFUSED, FAILED, CANCELLED = 4, 1, 5
MIB = 1024 * 1024


class SaysNo(SinterCase):
    def assert_says(self, done, status, *texts):
        """One line on standard error, which holds the texts."""
        self.assertEqual((done.returncode, done.stdout), (status, ''), done.stderr)
        line = done.stderr.rstrip('\n')
        self.assertEqual(len(line.splitlines()), 1, done.stderr)
        self.assertTrue(line.startswith('sinter: '), line)
        for text in texts:
            self.assertIn(text, line)


class Refusals(SaysNo):
    def define_sibling(self, guest, name='sibling'):
        """A domain that is shut off and stands on the guest's base."""
        overlay = os.path.join(guest.folder, name + '.qcow2')
        images.qemu_img('create', '-f', 'qcow2', '-F', 'qcow2', '-b', guest.path('vda', 'base'),
                        overlay)
        root = ElementTree.fromstring(guest.xml())
        root.find('name').text = name
        root.find('devices/disk/source').set('file', overlay)
        domain = self.bench.connection.defineXML(ElementTree.tostring(root, 'unicode'))
        self.addCleanup(domain.undefine)
        return overlay

    def test_base_shared_with_a_stopped_domain(self):
        guest = self.grown(2)
        before = self.paths(guest)
        overlay = self.define_sibling(guest)
        sum_before = images.qemu_img('map', '--output=json', overlay)
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assert_says(done, REFUSED, 'sibling', before[-1])
        self.assert_chain(guest, before)
        self.assertEqual(images.qemu_img('map', '--output=json', overlay), sum_before)
        plan = self.sinter.plan(guest.name)
        self.assertEqual([(r['code'], r['error']) for r in plan['Refusals']],
                         [('shared-base', 'SharedBase')])
        # what the refusal proposes can be done: merge down to the layer above the shared one
        job, = self.sinter.consolidate(guest.name, base=before[-2])
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_chain(guest, before[-2:])
        self.assert_whole(guest)

    def test_a_sibling_by_another_name_of_the_base(self):
        """A symbolic link in the sibling's way does not hide whom it stands on."""
        guest = self.grown(1)
        alias = os.path.join(guest.folder, 'alias.qcow2')
        os.symlink(guest.path('vda', 'base'), alias)
        overlay = self.define_sibling(guest)
        images.qemu_img('rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', alias, overlay)
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assert_says(done, REFUSED, 'sibling')

    def test_a_sibling_that_comes_while_the_job_waits(self):
        """A plan was right when it was made; its job waits for room, and begins too late."""
        busy = [self.guest('busy-0').start(), self.guest('busy-1').start()]
        for other in busy:
            other.grow(1)
        guest = self.grown(2)
        before = self.paths(guest)
        ahead = [self.sinter.consolidate(other.name, bandwidth=64 * 1024)[0] for other in busy]
        for job in ahead:
            job.wait_phase('copying')
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.phase, 'queued')
        overlay = self.define_sibling(guest)
        sum_before = images.qemu_img('map', '--output=json', overlay)
        for other in ahead:
            other.cancel()
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorName']), ('failed', 'SharedBase'))
        self.assertIn('sibling', end['ErrorMessage'])
        self.assert_chain(guest, before)
        self.assertEqual(images.qemu_img('map', '--output=json', overlay), sum_before)
        self.assert_whole(guest)

    def test_copy_of_a_domain_that_is_shut_off(self):
        guest = self.grown(1)
        guest.stop()
        done = self.bench.sinter('copy', guest.name, 'vda',
                                 os.path.join(guest.folder, 'copy.qcow2'), check=False)
        self.assert_says(done, REFUSED, 'requires a running domain')

    def test_internal_snapshot_in_the_chain(self):
        guest = self.guest()
        images.qemu_img('snapshot', '-c', 'inside', guest.path('vda', 'base'))
        guest.start().grow(1)
        done = self.bench.sinter('consolidate', guest.name, check=False)
        self.assert_says(done, REFUSED, 'internal snapshot')

    def test_plan_that_is_out_of_date(self):
        guest = self.grown(1)
        plan = self.bench.sinter_json('plan', guest.name)
        guest.snapshot()
        done = self.bench.sinter('consolidate', '--plan', plan['id'], check=False)
        # gone when the daemon has seen the new chain already, else refused when it looks
        self.assertIn(done.returncode, (REFUSED, FAILED))
        self.assert_says(done, done.returncode)
        self.assertEqual(guest.depth(), 3)


class Unknown(SaysNo):
    def test_unknown_things(self):
        guest = self.grown(1)
        for arguments, text in [
                (['consolidate', 'nobody'], 'nobody'),
                (['chain', 'nobody'], 'nobody'),
                (['plan', guest.name, '--disk', 'vdz'], 'vdz'),
                (['commit', guest.name, 'vdz'], 'vdz'),
                (['commit', guest.name, 'vda', '--base', 'nothing.qcow2'], 'nothing.qcow2'),
                (['job', '4711'], '4711'),
                (['cancel', '4711'], '4711'),
                (['bandwidth', '4711', '1M'], '4711'),
                (['consolidate', '--plan', '4711'], '4711'),
                (['consolidate', guest.name, '--bandwidth', 'fast'], 'fast'),
                (['frobnicate'], 'frobnicate'),
                (['list', '--frobnicate'], 'frobnicate')]:
            with self.subTest(arguments=arguments):
                done = self.bench.sinter(*arguments, check=False)
                self.assertNotEqual(done.returncode, 0)
                self.assert_says(done, done.returncode, text)
        self.assertEqual(guest.depth(), 2)


class NoSpace(SaysNo):
    def test_base_runs_full_in_mid_commit(self):
        """The job fails with QEMU's reason, the guest runs on, its overlay is whole."""
        with self.bench.small_filesystem(24 * MIB) as small:
            guest = self.guest(base_folder=small.path).start()
            guest.grow(2)
            before = self.paths(guest)
            job = self.sinter.commit(guest.name, bandwidth=64 * 1024)
            job.wait_phase('copying')
            small.resize(24 * MIB - small.free_bytes())
            job.set_bandwidth(0)
            end = job.wait()
            self.assertEqual(end['Phase'], 'failed', end['ErrorMessage'])
            self.assertIn('No space left on device', end['ErrorMessage'])
            self.assert_chain(guest, before)
            self.assertTrue(guest.is_running())
            guest.wait_rounds(10)
            guest.verify()
            guest.stop()
            guest.verify()

    def test_room_for_one_is_not_promised_to_two(self):
        """The second would fit alone: it waits for the first, and is not refused."""
        with self.bench.small_filesystem(64 * MIB) as small:
            guests = [self.guest(name, base_folder=small.path, size_mib=8).start()
                      for name in ('ahead', 'behind')]
            for guest in guests:
                guest.grow(2)
            before = [self.paths(guest) for guest in guests]
            needs = [self.sinter.plan(guest.name)['PeakExtraBytes'] for guest in guests]
            room = max(needs) + min(needs) // 2
            small.resize(64 * MIB - small.free_bytes() + room)
            first = self.sinter.commit(guests[0].name, bandwidth=64 * 1024)
            first.wait_phase('copying')
            second = self.sinter.commit(guests[1].name)
            self.bench.sinterd.wait_log('of which other jobs may need')
            self.assertEqual(second.phase, 'queued')
            self.assertEqual(first.phase, 'copying')
            first.cancel()
            self.assertEqual(first.wait()['Phase'], 'cancelled')
            self.assertEqual(second.wait()['Phase'], 'done')
            self.assert_chain(guests[0], before[0])
            self.assert_chain(guests[1], before[1][-1:])
            for guest in guests:
                self.assert_whole(guest)

    def test_foreseeable_lack_of_space_is_refused(self):
        with self.bench.small_filesystem(24 * MIB) as small:
            guest = self.guest(base_folder=small.path).start()
            guest.grow(2)
            small.resize(24 * MIB - small.free_bytes())
            done = self.bench.sinter('consolidate', guest.name, check=False)
            self.assert_says(done, REFUSED, small.path)
            self.assertEqual(guest.depth(), 3)


if __name__ == '__main__':
    unittest.main()
