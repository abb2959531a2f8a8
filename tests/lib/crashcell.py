# SPDX-License-Identifier: LGPL-2.1-or-later
"""One cell of the crash table: a job, a point, who is killed there, and in which order the rest
comes back; then the verdict, from the job's own words and the guest's oracle.

Who is killed: sinterd; libvirtd; QEMU; or the host, which is all three, without what nobody synced
(volatile.py). In which order: the domain is started again before sinterd goes on, or after.
"""

import os
import signal

import libvirt

from . import images, oracle, tap
from .sinterbus import FINAL, SinterError

VICTIMS = ('sinterd', 'libvirtd', 'QEMU', 'host')
ORDERS = ('before', 'after')

# After that a guest does not boot, because its disk is not whole.
BOOT_SECONDS = 100

GONE = 'org.freedesktop.DBus.Error.UnknownMethod'

DONE, AS_IT_WAS, ASKS, MISSED = 'done', 'as it was', 'asks', '-'


class Cell:
    def __init__(self, case, scenario, visit, victim, order):
        self.case, self.scenario = case, scenario
        self.visit, self.victim, self.order = visit, victim, order
        self.bench = case.bench
        self.refused = None         # why libvirt did not start the domain

    # -- the crash -------------------------------------------------------------

    def run(self):
        """DONE, AS_IT_WAS, ASKS or MISSED; an AssertionError (oracle.Lost is one) says what was
        lost or what is not as the job says."""
        case = self.case
        self.guest = case.new_guest(self.scenario)
        self.before = case.paths(self.guest, inactive=True)
        case.start_sinterd(self.visit)
        case.volatile.arm()
        try:
            self.scenario.ask(case, self.guest)
        except SinterError:
            if case.bench.sinterd.running:
                raise
        if not case.points.wait(self.is_over):
            self.scenario.ease(self.guest)
            return MISSED
        getattr(self, 'kill_' + self.victim)()
        self.scenario.ease(self.guest)
        return self.judge()

    def jobs(self):
        found = []
        for job in self.case.sinter.jobs():
            try:
                now = job.properties()
            except SinterError as error:
                if error.code != GONE:          # an old one, whose record was just removed
                    raise
            else:
                found += [now] if now['DomainName'] == self.guest.name else []
        return found

    def is_over(self):
        return all(now['Phase'] in FINAL for now in self.jobs())

    def kill_sinterd(self):
        self.bench.sinterd.kill()
        if self.order == 'before':
            self.start_domain_again()
        self.case.start_sinterd('')

    def kill_libvirtd(self):
        self.bench.libvirtd.kill()
        self.bench.disconnect()
        self.bench.libvirtd.start()
        if self.order == 'before':
            self.start_domain_again()
        self.case.points.go()

    def kill_QEMU(self):
        with self.bench.events() as seen:
            if self.guest.is_active():
                end = os.pidfd_open(self.guest.pid())
                os.kill(self.guest.pid(), signal.SIGKILL)
                self.case.await_end(end)            # its locks are gone then
                seen.wait_lifecycle(libvirt.VIR_DOMAIN_EVENT_STOPPED)
        if self.order == 'before':
            self.start_domain_again()
        self.case.points.go()

    def kill_host(self):
        pid = self.guest.pid() if self.guest.is_active() else None
        self.bench.sinterd.kill()
        self.bench.libvirtd.kill()
        self.bench.disconnect()
        if pid:
            end = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            self.case.await_end(end)
        self.case.volatile.lose()
        self.bench.libvirtd.start()
        if self.order == 'before':
            self.start_domain_again()
        self.case.start_sinterd('')

    def start_domain_again(self):
        """As an administrator or autostart would; a refusal is kept."""
        self.end_domain(self.guest.domain.destroy)
        try:
            self.guest.domain.create()
            self.guest.wait_rounds(2, BOOT_SECONDS)
        except (libvirt.libvirtError, TimeoutError) as error:
            self.refused = str(error)

    def end_domain(self, end):
        """If it runs: a libvirtd that was killed may end it at any moment after its start."""
        try:
            if self.guest.is_active():
                end()
        except libvirt.libvirtError:
            if self.guest.is_active():
                raise

    # -- the verdict -----------------------------------------------------------

    def end(self):
        """The job's properties at its end; None when no record was left. A merge that waits until
        the domain is shut off gets what it waits for."""
        def look():
            if not self.bench.libvirtd.running:     # of itself: libvirt 9.0 may crash when QEMU ends
                self.bench.libvirtd.start()         # while it starts; systemd starts it again
            jobs = self.jobs()
            if any(now['Phase'] == 'waiting' for now in jobs):
                self.end_domain(self.guest.stop)
            return jobs if all(now['Phase'] in FINAL for now in jobs) else None
        jobs = self.case.sinter.wait(lambda: (found := look()) is not None and [found], 240,
                                     'the job ends')[0]
        self.case.assertLessEqual(len(jobs), 1)
        return jobs[0] if jobs else None

    def judge(self):
        end = self.end()
        phase = end['Phase'] if end else 'failed'
        if phase == 'quarantined':
            return self.judge_doubt(end)
        expected = self.scenario.after(self.before) if phase == 'done' else self.before
        said = f'{end and (end["Phase"], end["ErrorMessage"], end["Warnings"])}'
        self.case.assertEqual(self.chain(), expected, said)
        self.case.assertEqual([path for path in expected if not os.path.exists(path)], [], said)
        if self.order == 'after':
            self.end_domain(self.guest.stop)
        self.start_if_off(said)
        self.case.assertEqual(self.case.paths(self.guest), expected, said)
        self.scenario.check(self.case, self.guest)
        self.case.assert_whole(self.guest)
        return DONE if phase == 'done' else AS_IT_WAS

    def chain(self):
        """A chain in the definition counts more for libvirt than the headers of the images."""
        defined = self.case.paths(self.guest, inactive=not self.guest.is_active())
        if self.guest.is_active() or len(defined) > 1:
            return defined
        return self.guest.image_files('vda')

    def start_if_off(self, said):
        if self.guest.is_active():
            return
        try:
            self.guest.start()
        except libvirt.libvirtError as error:
            raise AssertionError(f'the domain does not start: {error}; the job: {said}') from error

    def judge_doubt(self, end):
        """It cannot be known which image is current: both are there, and one of them has all that
        the guest wrote, whatever was started since."""
        self.end_domain(self.guest.stop)
        sides = {path: self.loss_of(path)
                 for path in (self.before[0], self.scenario.after(self.before)[0])}
        if all(sides.values()):
            raise oracle.Lost(f'{end["ErrorMessage"]}: neither side is whole: {sides}')
        for path in sides if len(sides) > 1 else ():    # there is a choice
            self.case.assertIn(path, end['ErrorMessage'] + ' '.join(end['Warnings']))
        tap.comment(f'{self.visit}, {self.victim}, domain {self.order} asks: {end["ErrorMessage"]}')
        return ASKS

    def loss_of(self, path):
        """What the disk lacks if this is its active layer; '' for nothing."""
        guest = self.guest
        after = guest.dump_path('vda', 'side')
        images.convert(path, after, 'qcow2', 'raw')
        try:
            oracle.judge(guest.code, oracle.SerialLog.read(guest.serial_path),
                         [guest.dump_path('vda', 'before')], [after])
        except oracle.Lost as error:
            return str(error)
        return ''
