# SPDX-License-Identifier: LGPL-2.1-or-later
"""Waiting for libvirt's events: nothing is polled, nothing that came before the wait is missed."""

import functools
import threading
import time
from dataclasses import dataclass

import libvirt

JOB_READY = libvirt.VIR_DOMAIN_BLOCK_JOB_READY
JOB_COMPLETED = libvirt.VIR_DOMAIN_BLOCK_JOB_COMPLETED
JOB_FAILED = libvirt.VIR_DOMAIN_BLOCK_JOB_FAILED
JOB_CANCELED = libvirt.VIR_DOMAIN_BLOCK_JOB_CANCELED


@functools.lru_cache(maxsize=None)
def run_loop():
    """libvirt's own loop in a thread of its own; must exist before the first connection."""
    libvirt.virEventRegisterDefaultImpl()
    libvirt.registerErrorHandler(lambda context, error: None, None)

    def loop():
        while True:
            libvirt.virEventRunDefaultImpl()

    threading.Thread(target=loop, name='libvirt events', daemon=True).start()


@dataclass(frozen=True)
class Event:
    """One event of one domain: kind is job, lifecycle, io-error or limits."""

    kind: str
    domain: str
    disk: str = ''
    status: int = -1        # block job: VIR_DOMAIN_BLOCK_JOB_*; lifecycle: VIR_DOMAIN_EVENT_*
    detail: int = -1        # block job: its type; lifecycle: the detail; io-error: the action;
                            # limits: bytes that may be written in a second, 0 for any number
    reason: str = ''        # io-error: 'enospc' or ''


class Events:
    """Collects the events of one connection from its making on; a wait takes its event out."""

    def __init__(self, connection):
        self.connection = connection
        self.seen = []
        self.arrived = threading.Condition()        # guards seen
        subscriptions = {
            libvirt.VIR_DOMAIN_EVENT_ID_BLOCK_JOB_2: self._on_job,
            libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE: self._on_lifecycle,
            libvirt.VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON: self._on_io_error,
            libvirt.VIR_DOMAIN_EVENT_ID_TUNABLE: self._on_tunable,
        }
        self.ids = [connection.domainEventRegisterAny(None, event_id, callback, None)
                    for event_id, callback in subscriptions.items()]

    def close(self):
        for callback_id in self.ids:
            try:
                self.connection.domainEventDeregisterAny(callback_id)
            except libvirt.libvirtError:
                pass                                # the connection is gone, and they with it
        self.ids = []

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def _add(self, event):
        with self.arrived:
            self.seen.append(event)
            self.arrived.notify_all()

    def _on_job(self, _connection, domain, disk, job_type, status, _opaque):
        self._add(Event('job', domain.name(), disk, status, job_type))

    def _on_lifecycle(self, _connection, domain, event, detail, _opaque):
        self._add(Event('lifecycle', domain.name(), '', event, detail))

    def _on_io_error(self, _connection, domain, _path, device, action, reason, _opaque):
        self._add(Event('io-error', domain.name(), device, -1, action, reason))

    def _on_tunable(self, _connection, domain, values, _opaque):
        disk = values.get('blkdeviotune.disk')
        if disk:
            limit = values.get('blkdeviotune.write_bytes_sec', 0)
            self._add(Event('limits', domain.name(), disk, detail=limit))

    def wait(self, condition, timeout=240, what='the event'):
        """The first event not yet taken that fulfils condition(event)."""
        deadline = time.monotonic() + timeout
        with self.arrived:
            while True:
                for event in self.seen:
                    if condition(event):
                        self.seen.remove(event)
                        return event
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f'{what} did not come within {timeout} s; '
                                       f'there are: {self.seen}')
                self.arrived.wait(left)

    def wait_job(self, disk='vda', status=JOB_COMPLETED, timeout=240):
        """A block job's end or READY on this disk, whatever its status; it must be this one."""
        event = self.wait(lambda e: e.kind == 'job' and e.disk == disk, timeout,
                          f'a block job event of {disk}')
        if event.status != status:
            raise AssertionError(f'expected block job status {status} of {disk}, got {event}')
        return event

    def wait_lifecycle(self, status, timeout=240):
        return self.wait(lambda e: e.kind == 'lifecycle' and e.status == status, timeout,
                         f'lifecycle event {status}')

    def wait_limits(self, timeout=240):
        """What a disk may write in a second has changed."""
        return self.wait(lambda e: e.kind == 'limits', timeout, 'other limits of a disk')

    def wait_io_error(self, timeout=240):
        return self.wait(lambda e: e.kind == 'io-error', timeout, 'an I/O error')
