# SPDX-License-Identifier: LGPL-2.1-or-later
"""What sinterd asks libvirt during one commit, by the log of libvirt's own client."""

import os
import re
import unittest

import libvirt

from lib.livecase import LiveCase
from lib.sinterbus import SinterBus

# Numbers of remote procedures. Source: libvirt, src/remote/remote_protocol.x.
DEFINE_XML, GET_XML, LOOK_UP, IS_PERSISTENT = 11, 14, 24, 151
BLOCK_JOB_ABORT, LIST_DOMAINS, BLOCK_COMMIT, LIST_CHECKPOINTS = 237, 273, 290, 413

CALL = re.compile(r'^\S+ \S+ (\d+): .*RPC_CLIENT_MSG_TX_QUEUE: .* proc=(\d+) type=0 ', re.MULTILINE)


class Questions(LiveCase):

    watch_loop = False          # libvirt's log is written by whoever calls

    def setUp(self):
        self.log = os.path.join(self.bench.folder('log'), 'calls.log')
        daemon = self.bench.sinterd
        daemon.env = {**daemon.env, 'LIBVIRT_LOG_FILTERS': '1:rpc.netclient',
                      'LIBVIRT_LOG_OUTPUTS': f'1:file:{self.log}'}
        daemon.start()
        self.addCleanup(daemon.stop)
        self.sinter = SinterBus(self.bench.bus.address)
        self.addCleanup(self.sinter.close)
        self.guest('subject').start().pause()

    def add_overlay(self):
        guest = self.bench.connection.lookupByName('subject')
        folder = self.bench.folder('overlays')
        path = os.path.join(folder, f'{len(os.listdir(folder))}.qcow2')
        guest.snapshotCreateXML(
            '<domainsnapshot><disks><disk name="vda" snapshot="external">'
            f'<source file="{path}"/></disk></disks></domainsnapshot>',
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY |
            libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_NO_METADATA)

    def calls_of(self, action):
        """Thread and procedure of each call during the action."""
        begin = os.path.getsize(self.log)
        action()
        with open(self.log, encoding='utf-8', errors='replace') as log:
            log.seek(begin)
            return [(thread, int(procedure)) for thread, procedure in CALL.findall(log.read())]

    def commit(self):
        self.assertEqual(self.sinter.commit('subject').wait()['Phase'], 'done')

    def test_commit(self):
        self.add_overlay()
        calls = self.calls_of(self.commit)
        procedures = [procedure for _, procedure in calls]
        job = next(thread for thread, procedure in calls if procedure == BLOCK_COMMIT)
        # the job looks the domain up twice, each time to identify its QEMU; nothing is asked
        # between READY and the pivot but what sets the guard
        self.assertEqual([procedure for thread, procedure in calls if thread == job],
                         [LIST_DOMAINS, LOOK_UP, BLOCK_COMMIT,
                          IS_PERSISTENT, GET_XML, DEFINE_XML, BLOCK_JOB_ABORT,
                          LOOK_UP, IS_PERSISTENT, GET_XML])
        # once for the plan, once before the start, once after the end for all who want to know;
        # and once more where the pivot takes so long that the READY copy is shown
        self.assertLessEqual(procedures.count(LIST_CHECKPOINTS), 4)


if __name__ == '__main__':
    unittest.main()
