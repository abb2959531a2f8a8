# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinterd dies by SIGKILL at each write of a job's record, and is started again.

strace sends the signal: a record is renamed into place once a phase, so "the third rename of the
job's thread" is a place in the job's life, met exactly. before: the rename does not happen, the
old record stands; after (the sync of the folder that follows it): the new one stands.
"""

import json
import os
import signal
import subprocess
import unittest

import libvirt

from lib import events, images
from lib.sinterbus import SinterBus, SinterError
from lib.sintercase import SinterCase

SLOW = 64 * 1024
RENAMES = 'rename,renameat,renameat2'

# The saves of one consolidation that is through at once, in order. (One that copies for longer also
# saves that; it is met by the tests with a bandwidth limit.)
SAVES = ['queued', 'starting', 'pivoting', 'cleaning', 'done']


class Crash(SinterCase):
    with_sinterd = False

    def setUp(self):
        self.sinter = None

    def tearDown(self):
        if self.sinter:
            self.sinter.close()
        self.bench.sinterd.kill()

    def start_to_die(self, calls, n):
        self.start_sinterd_to_die(calls, n)
        self.connect()

    def start_again(self):
        self.bench.sinterd.start()
        self.connect()

    def connect(self):
        if self.sinter:
            self.sinter.close()
        self.sinter = SinterBus(self.bench.bus.address)

    def die(self, guest, **keys):
        """Ask for a consolidation and see the daemon die of it."""
        try:
            self.sinter.consolidate(guest.name, **keys)
        except SinterError as error:
            self.assertIn(error.code, ('org.freedesktop.DBus.Error.NoReply',
                                       'org.freedesktop.DBus.Error.ServiceUnknown'))
        self.assertEqual(self.bench.sinterd.wait(60), -signal.SIGKILL)

    def await_copying(self, job):
        """Until it is on record that the copy runs: at the first look at its progress."""
        self.sinter.wait(lambda: job.properties()['ProgressValid'], 30, 'progress is known')

    def end_of_the_one_job(self):
        """The job that was left, taken over and ended; None when no record was left."""
        jobs = [job for job in self.sinter.jobs() if job.properties()['DomainName'] == self.name]
        self.assertLessEqual(len(jobs), 1)
        return jobs[0].wait() if jobs else None

    def new_guest(self, n_layers=3):
        self.name = self.id().rsplit('.', 1)[-1].replace('test_', '')
        guest = self.guest(self.name).start()
        guest.grow(n_layers)
        return guest

    def killed_while_copying(self):
        """A guest and its chain, whose consolidation runs on while sinterd is gone."""
        guest = self.new_guest()
        before = self.paths(guest)
        self.start_again()
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        self.await_copying(job)
        self.bench.sinterd.kill()
        return guest, before

    def check_taken_over(self, calls, n, may_be_unknown=False):
        guest = self.new_guest()
        before = self.paths(guest)
        self.start_to_die(calls, n)
        self.die(guest)
        self.start_again()
        end = self.end_of_the_one_job()
        if end is None:
            self.assertTrue(may_be_unknown)
            self.assert_chain(guest, before)
        else:
            self.assertEqual((end['Phase'], end['ErrorMessage']), ('done', ''))
            self.assert_fused(guest, before)
            self.assertEqual(guest.snapshot_names(), [])
        self.assert_whole(guest)

    # -- SIGKILL before READY, at READY, between pivot and clean-up -----------

    def test_before_ready(self):
        guest, before = self.killed_while_copying()
        self.start_again()
        job, = [job for job in self.sinter.jobs() if job.properties()['DomainName'] == guest.name]
        self.assertEqual(job.phase, 'copying')
        job.set_bandwidth(0)
        self.assertEqual(job.wait()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_ready_while_dead(self):
        guest, before = self.killed_while_copying()
        with self.bench.events() as seen:
            guest.domain.blockJobSetSpeed('vda', 0)
            seen.wait_job(status=events.JOB_READY)
        self.start_again()
        self.assertEqual(self.end_of_the_one_job()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_gone_while_dead(self):
        """Somebody ends the block job meanwhile: no block job is not taken for success."""
        guest, before = self.killed_while_copying()
        guest.domain.blockJobAbort('vda')
        self.start_again()
        end = self.end_of_the_one_job()
        self.assertEqual(end['Phase'], 'failed')
        self.assert_chain(guest, before)
        self.assert_whole(guest)

    def test_pivoted_while_dead(self):
        """Somebody pivots meanwhile: the merge is done, and it is cleaned up."""
        guest, before = self.killed_while_copying()
        with self.bench.events() as seen:
            guest.domain.blockJobSetSpeed('vda', 0)
            seen.wait_job(status=events.JOB_READY)
        guest.domain.blockJobAbort('vda', libvirt.VIR_DOMAIN_BLOCK_JOB_ABORT_PIVOT)
        self.start_again()
        self.assertEqual(self.end_of_the_one_job()['Phase'], 'done')
        self.assert_fused(guest, before)
        self.assert_whole(guest)

    def test_cancelled_after_ready(self):
        """The wish to cancel is on record, READY comes, the daemon comes back: cancelled."""
        guest = self.new_guest()
        before = self.paths(guest)
        # the job's thread saves queued, starting, copying; its fourth save is the wish. Each save
        # syncs the file and then the folder: die at the sync of the folder, when it stands
        self.start_to_die('fsync', 8)
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        self.await_copying(job)
        try:
            job.cancel()
        except SinterError:
            pass                                    # it dies before it answers, or after
        self.assertEqual(self.bench.sinterd.wait(60), -signal.SIGKILL)
        with self.bench.events() as seen:
            guest.domain.blockJobSetSpeed('vda', 0)
            seen.wait_job(status=events.JOB_READY)
        self.start_again()
        self.assertEqual(self.end_of_the_one_job()['Phase'], 'cancelled')
        self.assert_chain(guest, before)
        self.assertEqual(guest.snapshot_names(), ['s1', 's2', 's3'])
        self.assert_whole(guest)

    # -- the host crashes during the pivot, libvirt has noted nothing ----------

    def leave_job_in_pivot(self, guest):
        """A job whose block job and QEMU are gone, and whose record says that it pivots."""
        self.start_again()
        job, = self.sinter.consolidate(guest.name, bandwidth=SLOW)
        self.await_copying(job)
        number = job.properties()['Id']
        self.bench.sinterd.kill()
        guest.domain.blockJobAbort('vda')
        guest.domain.destroy()
        path = os.path.join(self.bench.root, 'state', 'sinter', 'jobs', f'{number}.json')
        with open(path, encoding='utf-8') as file:
            record = json.load(file)
        self.assertEqual(record['phase'], 'copying')
        self.assertRegex(record['qemu_identity'], r'^domain \d+, process \d+, started \d+, boot ')
        record['phase'] = 'pivoting'
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(record, file)

    def check_quarantined(self, before, n_warnings):
        end = self.end_of_the_one_job()
        self.assertEqual(end['Phase'], 'quarantined', end['ErrorMessage'])
        for path in (before[0], before[-1]):
            self.assertIn(f"'{path}'", end['ErrorMessage'])
        self.assertEqual(len(end['Warnings']), n_warnings, end['Warnings'])
        self.assertIn(f"sinter job {end['Id']} --compare", ' '.join(end['Warnings']))
        self.assertTrue(end['InDoubt'])
        self.assertEqual([path for path in before if not os.path.exists(path)], [])
        return end

    def write_into(self, path):
        """What the guest wrote to the new image after QEMU had moved to it."""
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 0x77 8M 64k', path], check=True,
                       stdout=subprocess.DEVNULL)

    def test_started_again_after_crash_in_pivot(self):
        guest = self.new_guest()
        before = self.paths(guest)
        self.leave_job_in_pivot(guest)
        self.write_into(before[-1])
        guest.domain.create()
        self.start_again()
        # with the one that the images were not compared
        self.check_quarantined(before, n_warnings=3)
        self.assertEqual(self.paths(guest), before)

    def test_shut_off_after_crash_in_pivot(self):
        guest = self.new_guest()
        before = self.paths(guest)
        self.leave_job_in_pivot(guest)
        self.write_into(before[-1])
        self.start_again()
        self.check_quarantined(before, n_warnings=1)

    # -- and a user finds out which image is current ---------------------------

    def left_in_doubt(self):
        """A guest with a guard in its definition, whose new image has what the old one lacks."""
        guest = self.new_guest()
        before = self.paths(guest)
        # the next sync of the thread is that of the definition's folder: the guard stands
        self.start_to_die('fsync', 7)
        self.die(guest)
        guest.domain.destroy()
        # where the overlays have data, and where they have none
        subprocess.run(['qemu-io', '-f', 'qcow2', '-c', 'write -P 0x77 1M 512k', '-c',
                        'write -P 0x77 8M 64k', before[-1]], check=True, stdout=subprocess.DEVNULL)
        self.start_again()
        return guest, before, self.check_quarantined(before, n_warnings=2)

    def resolve(self, end, choice):
        return self.bench.sinter_json('job', end['Id'], f'--resolve={choice}')[0]

    def read_back(self, path):
        """Whether the disk has what was written into the new image."""
        done = subprocess.run(['qemu-io', '-r', '-U', '-f', 'qcow2', '-c', 'read -P 0x77 8M 64k',
                               path], stdout=subprocess.PIPE, text=True, check=False)
        return 'Pattern verification failed' not in done.stdout

    def differences(self, one, other):
        """The ranges that differ, as QEMU reads both: (offset, length)."""
        contents = []
        for path in (one, other):
            raw = os.path.join(self.bench.folder('dumps'), 'side.raw')
            images.convert(path, raw, 'qcow2', 'raw')
            with open(raw, 'rb') as file:
                contents.append(file.read())
            os.unlink(raw)
        ranges = []
        for at in range(0, len(contents[0]), 512):
            if contents[0][at:at + 512] == contents[1][at:at + 512]:
                continue
            if ranges and ranges[-1][0] + ranges[-1][1] == at:
                ranges[-1] = (ranges[-1][0], ranges[-1][1] + 512)
            else:
                ranges.append((at, 512))
        return ranges

    def test_differences_are_known_at_once(self):
        _, before, end = self.left_in_doubt()
        self.assertEqual([image['path'] for image in end['Images']], [before[0], before[-1]])
        ranges = self.differences(before[0], before[-1])
        self.assertRegex(end['Images'][1]['text'], rf'^{len(ranges)} ranges? differs?, .* in all; '
                                                   r'last written 20\d\d-')
        self.assertEqual([(one['guest-offset'], one['length']) for one in end['Findings']], ranges)
        self.assertIn('content-differs', self.bench.sinter('job', end['Id'], '--compare').stdout)

    def test_disk_in_doubt_is_left_alone(self):
        guest, before, end = self.left_in_doubt()
        with self.assertRaises(SinterError) as caught:
            self.sinter.consolidate(guest.name)
        self.assertIn(f"sinter job {end['Id']}", str(caught.exception))
        self.assertEqual(guest.image_files('vda'), before)

    def test_new_image_is_chosen(self):
        guest, before, end = self.left_in_doubt()
        now = self.resolve(end, 'new')
        self.assertEqual((now['phase'], now['resolution'], now['in-doubt']), ('done', 'new', False))
        for path in before[:-1]:
            self.assertIn(f"'{path}' is kept", ' '.join(now['warnings']))
            self.assertTrue(os.path.exists(path))
        self.assertEqual(self.paths(guest, inactive=True)[0], before[-1])
        self.assertTrue(self.read_back(before[-1]))
        guest.domain.create()
        self.assertEqual(self.paths(guest), before[-1:])
        # the kept images, which nobody may use any more, stand in the way of nothing
        for name in guest.snapshot_names():
            self.assertIn(f'virsh snapshot-delete {guest.name} {name} --metadata',
                          ' '.join(now['warnings']))
            self.bench.virsh('snapshot-delete', guest.name, name, '--metadata')
        guest.grow(1)
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')

    def test_old_image_is_chosen(self):
        guest, before, end = self.left_in_doubt()
        now = self.resolve(end, 'old')
        self.assertEqual((now['phase'], now['resolution']), ('cancelled', 'old'))
        self.assertIn(before[-1], ' '.join(now['warnings']))
        guest.domain.create()
        self.assertEqual(self.paths(guest), before)
        self.assertEqual([path for path in before if not os.path.exists(path)], [])
        job, = self.sinter.consolidate(guest.name)
        self.assertEqual(job.wait()['Phase'], 'done')

    def test_choice_waits_for_a_domain_that_is_shut_off(self):
        """The domain runs on the old chain: nothing is compared, and the new image not chosen."""
        guest = self.new_guest()
        before = self.paths(guest)
        self.leave_job_in_pivot(guest)
        guest.domain.create()
        self.start_again()
        end = self.check_quarantined(before, n_warnings=3)
        self.assertEqual(end['Images'], [])
        self.assertIn('is running: shut it off', end['Warnings'][-1])
        with self.assertRaises(SinterError) as caught:      # it would put an overlay on the disk
            self.sinter.check_live(guest.name)
        self.assertIn(f"sinter job {end['Id']}", str(caught.exception))
        guest.stop()
        self.assertIn('; last written 20', self.bench.sinter('job', end['Id'], '--compare').stdout)
        self.assertEqual(self.resolve(end, 'old')['phase'], 'cancelled')

    def test_same_qemu_after_crash_in_pivot(self):
        """The same QEMU runs on the old chain: it has not pivoted."""
        guest = self.new_guest()
        before = self.paths(guest)
        # in the job's thread: queued, starting, pivoting; each save syncs the file and then the
        # folder: die when the record stands, before anything is asked of libvirt
        self.start_to_die('fsync', 6)
        self.die(guest)
        guest.domain.blockJobAbort('vda')
        self.start_again()
        self.assertEqual(self.end_of_the_one_job()['Phase'], 'failed')
        self.assert_chain(guest, before)
        self.assert_whole(guest)

    def test_old_chain_is_not_started(self):
        """The host crashes after the pivot was requested: libvirt does not start the old chain."""
        guest = self.new_guest()
        before = self.paths(guest)
        # the next sync of the thread is that of the definition's folder: the guard stands
        self.start_to_die('fsync', 7)
        self.die(guest)
        guest.domain.destroy()
        with self.assertRaisesRegex(libvirt.libvirtError, 'sinter: job .* of disk vda'):
            guest.domain.create()
        self.start_again()
        self.check_quarantined(before, n_warnings=2)
        with self.assertRaisesRegex(libvirt.libvirtError, 'sinter: job .* of disk vda'):
            guest.domain.create()

    def test_guard_is_lifted_when_pivot_did_not_happen(self):
        guest = self.new_guest()
        before = self.paths(guest)
        self.start_to_die('fsync', 7)
        self.die(guest)
        guest.domain.blockJobAbort('vda')
        self.start_again()
        self.assertEqual(self.end_of_the_one_job()['Phase'], 'failed')
        self.assert_chain(guest, before)
        self.assert_whole(guest)
        guest.domain.create()
        guest.wait_rounds(5)

    def test_record_cut_short(self):
        """A record that a disk error cut: set aside, named, and the daemon lives."""
        folder = os.path.join(self.bench.folder('state'), 'sinter', 'jobs')
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.path.join(folder, '900.json'), 'w', encoding='ascii') as file:
            file.write('{ "version" : 1, "id" : "900", ')
        self.start_again()
        self.assertIn('900.json', self.bench.sinterd.log_text())
        self.assertEqual([name for name in self.records() if name.startswith('900')],
                         ['900.json.bad'])
        os.unlink(os.path.join(folder, '900.json.bad'))


def add_death(n, when, calls, place):
    def test(self):
        self.check_taken_over(calls, place, may_be_unknown=n == 0)
    test.__doc__ = f'SIGKILL {when} the save of "{SAVES[n]}".'
    setattr(Crash, f'test_{when}_save_of_{SAVES[n]}', test)


for number in range(len(SAVES)):
    add_death(number, 'before', RENAMES, number + 1)
# After the last save there is nothing to take over. Once the pivot is on record, the folder of the
# definition is synced as well, for the guard.
for number in range(len(SAVES) - 1):
    add_death(number, 'after', 'fsync', 2 * number + 2 + (number > SAVES.index('pivoting')))

del number

if __name__ == '__main__':
    unittest.main()
