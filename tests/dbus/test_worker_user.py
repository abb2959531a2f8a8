# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system's daemon and its worker, each with the rights that it is to have and no others.

sinterd runs as root of a user namespace, in the sandbox of the unit that is shipped; sinter-worker
becomes the user that the host has for it. For that the test must be able to become others, as
`./run test` lets it.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

import images_of
from lib import images, namespace, stage, unitsandbox, workerprocess
from lib.sinterbus import SinterBus

WORKER, NOBODY = 65533, 65534
SLOW = 64 * 1024        # bytes a second: a merge is met half-way, whatever else the machine does
UNIT = os.path.join(stage.BUILD, 'packaging', 'systemd', 'sinterd.service')


def setUpModule():
    if not namespace.may_become_others():
        raise unittest.SkipTest('needs the right to become another user: run ./run test as root, '
                                'or with sudo')
    if not shutil.which('systemd-analyze', path=stage.PATH):
        raise unittest.SkipTest('not installed: systemd-analyze')
    namespace.become_root((WORKER, NOBODY))


def name_worker():
    """The host's users, and the worker's; for what runs in this mount namespace."""
    with open('/etc/passwd', encoding='utf-8') as file:
        users = [line for line in file if not line.startswith('sinter-worker:')]
    with tempfile.NamedTemporaryFile('w', encoding='utf-8', dir='/tmp', delete=False) as file:
        file.write(''.join(users) + f'sinter-worker:x:{WORKER}:{WORKER}::/:/usr/sbin/nologin\n')
    os.chmod(file.name, 0o644)
    subprocess.run(['mount', '--bind', file.name, '/etc/passwd'], check=True)
    os.unlink(file.name)


class Case(stage.BusCase):
    """A domain that is shut off, whose chain holds something to merge."""

    unit = UNIT

    @classmethod
    def stage_up(cls):
        place = cls.stage
        chain = place.chain('base', 'middle', 'top')
        for n, path in enumerate(chain):
            subprocess.run(['qemu-io', '-f', 'qcow2', '-c', f'write -P {n + 1} {n}M 2M', path],
                           check=True, stdout=subprocess.DEVNULL)
        place.add_domain('off', ('vda', chain), running=False)
        place.write_host()
        place.start_polkit()
        place.allow_all()
        sinterd = place.sinterd
        sinterd.argv = [sys.executable, unitsandbox.__file__, cls.unit] + sinterd.argv
        sinterd.start()

    def setUp(self):
        self.sinter = SinterBus(self.stage.bus.address)
        self.addCleanup(self.sinter.close)

    def half_merged(self):
        """The job, held in the midst of its merge, and its worker."""
        job, = self.sinter.consolidate('off', bandwidth=SLOW, keep_files=True)
        self.sinter.wait(lambda: job.properties()['ProcessedBytes'] > 0, 60, 'a part is merged')
        return job, workerprocess.pid_or_none(self.stage.sinterd.pid)

    def assert_is(self, pid, user):
        """This user, for good, and in no group of anybody's."""
        status = workerprocess.status(pid)
        self.assertEqual(status['Uid'], [str(user)] * 4)
        self.assertEqual(status['Gid'], [str(user)] * 4)
        self.assertEqual(status['Groups'], [])
        self.assertEqual(workerprocess.capabilities(pid), 0)
        self.assertEqual((status['NoNewPrivs'], status['Seccomp']), (['1'], ['2']))


class Worker(Case):
    @classmethod
    def stage_up(cls):
        name_worker()
        cls.addClassCleanup(subprocess.run, ['umount', '/etc/passwd'], check=True)
        super().stage_up()

    def test_sinterd_is_as_the_unit_says(self):
        status = workerprocess.status(self.stage.sinterd.pid)
        kept = sum(1 << unitsandbox.CAPABILITIES.index(word.removeprefix('CAP_'))
                   for word in unitsandbox.read(UNIT)['CapabilityBoundingSet'])
        self.assertEqual({int(status[name][0], 16) for name in ('CapBnd', 'CapEff')}, {kept})
        self.assertEqual((status['NoNewPrivs'], status['Seccomp']), (['1'], ['2']))

    def test_at_work(self):
        job, pid = self.half_merged()
        self.assert_is(pid, WORKER)
        os.kill(pid, signal.SIGSTOP)        # does not answer: sinterd has the right to end it
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')

    def test_sinterd_dies(self):
        """The worker dies with it, also where it could not hear of it by itself."""
        pid = self.half_merged()[1]
        worker = os.pidfd_open(pid)
        os.kill(pid, signal.SIGSTOP)
        self.stage.sinterd.kill()
        self.assertTrue(select.select([worker], [], [], 30)[0], 'the worker goes on')
        os.close(worker)
        self.stage.sinterd.start()

    def test_z_whole(self):
        """Last, for the chain is one image then."""
        path = self.stage.path('content')
        images.convert(self.stage.path('top'), path, 'qcow2', 'raw')
        job, = self.sinter.consolidate('off')
        end = job.wait()
        self.assertEqual((end['Phase'], end['ErrorMessage'], end['Warnings']), ('done', '', []))
        base = self.stage.path('base')
        images.qemu_img('compare', '-f', 'raw', '-F', 'qcow2', path, base)
        self.assertEqual(images.check(base).get('check-errors'), 0)


class Hooks(stage.BusCase):
    """A program of the hook folder, within the sandbox of the unit: it is nobody of importance."""

    @classmethod
    def stage_up(cls):
        place = cls.stage
        name_worker()
        cls.addClassCleanup(subprocess.run, ['umount', '/etc/passwd'], check=True)
        images_of.fill(place)
        images_of.leave_incident(place)
        root = cls.make_root(place.path('root'))
        os.mkdir(f'{root}/hooks.d')
        with open(f'{root}/hooks.d/who', 'w', encoding='ascii') as file:
            file.write('#!/bin/sh\ncat > /dev/null\necho "ids $(id -u) $(id -G)"\n'
                       'grep -e ^CapPrm -e ^NoNewPrivs /proc/self/status\n')
        os.chmod(f'{root}/hooks.d/who', 0o755)
        place.write('sinter.conf', '[hooks]\nfolders=/hooks.d\n')
        place.start_polkit()
        place.allow_all()
        sinterd = place.sinterd
        sinterd.argv = ['chroot', root, sys.executable, unitsandbox.__file__, UNIT] + sinterd.argv
        sinterd.start()

    @classmethod
    def make_root(cls, path):
        """A root folder that belongs to root of this namespace, with all that the host's has."""
        os.mkdir(path)
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'mode=755', 'none', path], check=True)
        cls.addClassCleanup(subprocess.run, ['umount', '--lazy', path], check=True)
        for entry in os.scandir('/'):
            if entry.is_symlink():
                os.symlink(os.readlink(entry.path), path + entry.path)
            elif entry.is_dir():
                os.mkdir(path + entry.path)
                subprocess.run(['mount', '--rbind', entry.path, path + entry.path], check=True)
        return path

    def test_who_it_is(self):
        client = self.stage.client()
        client.call(client.manager('LookupIncident', '1'), stage.NAME + '.Incident', 'Resolve')
        log = self.stage.sinterd.wait_log
        log(f"Hook 'who': ids {WORKER} {WORKER}")
        log("Hook 'who': CapPrm:\t0000000000000000")
        log("Hook 'who': NoNewPrivs:\t1")


class NoSuchUser(Case):
    """A host without the worker's user: nobody will do, and root will not."""

    def test_nobody(self):
        job, pid = self.half_merged()
        self.assert_is(pid, NOBODY)
        self.assertIn('systemd-sysusers', self.stage.sinterd.log_text())
        job.cancel()
        self.assertEqual(job.wait()['Phase'], 'cancelled')


class NoRight(Case):
    """A unit that an administrator has bound further: root does not read the images then."""

    @classmethod
    def stage_up(cls):
        cls.unit = cls.stage.path('sinterd.service')
        with open(UNIT, encoding='utf-8') as file:
            cls.stage.write('sinterd.service', file.read().replace('CAP_SETUID ', ''))
        super().stage_up()

    def test_refused(self):
        job, = self.sinter.consolidate('off')
        end = job.wait()
        self.assertEqual(end['Phase'], 'failed')
        self.assertIn(f'run as user {NOBODY}', end['ErrorMessage'])


if __name__ == '__main__':
    unittest.main()
