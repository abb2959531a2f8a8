# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon must not do in its main loop: touch files, sync them, or ask libvirt.

Every test that runs the daemon watches for that (lib/loopwatch.py). Here is what no other test
comes to: records that are trimmed, and records of an earlier run.
"""

import os
import signal
import unittest

import images_of
from lib import loopwatch, stage
from lib.stage import NAME

DISK = NAME + '.Disk'
KEPT = 10


@unittest.skipUnless(os.path.exists(loopwatch.LIBRARY), 'a build with sanitizers is not watched')
class MainLoop(images_of.UsualCase):
    @classmethod
    def stage_up(cls):
        cls.stage.write('sinter.conf', f'[jobs]\nkeep-records={KEPT}\n')
        super().stage_up()

    def setUp(self):
        if not self.stage.sinterd.running:
            self.stage.sinterd.start()
        self.addCleanup(self.check)

    def check(self):
        self.assertEqual(self.stage.loop_watch.report(), '')

    def records(self):
        return sorted(int(name.split('.')[0])
                      for name in os.listdir(self.stage.path('state', 'sinter', 'jobs')))

    def shown(self):
        return sorted(int(path.rsplit('/', 1)[1]) for path in self.client.objects()
                      if path.startswith(stage.ROOT + '/jobs/'))

    def run_job(self):
        """One that fails, for libvirt's test driver has no block jobs."""
        job = self.client.call(self.client.disk('chain'), DISK, 'Commit')
        self.client.listen(path=job)
        self.wait(lambda: self.client.get(job, 'Job', 'EndTime') > 0, f'the end of {job}')
        return int(job.rsplit('/', 1)[1])

    def test_trimming(self):
        """The jobs that ended first go, in order; each from the bus when its record is gone."""
        removed = self.client.listen(member='InterfacesRemoved')
        jobs = self.shown() + [self.run_job() for _ in range(KEPT + 3)]
        gone, kept = jobs[:-KEPT], jobs[-KEPT:]
        self.wait(lambda: len(removed) >= len(gone), f'the end of {gone} on the bus')
        self.assertEqual([int(values[0].rsplit('/', 1)[1]) for _, _, values in removed], gone)
        self.assertEqual(self.records(), kept)
        self.assertEqual(self.shown(), kept)

    def test_records_of_an_earlier_run(self):
        ids = [self.run_job()]
        self.stage.sinterd.restart()
        self.assertIn(ids[0], self.shown())

    def test_reload(self):
        self.client.manager('Reload')
        self.stage.sinterd.signal(signal.SIGHUP)
        self.client.manager('Reload')


if __name__ == '__main__':
    unittest.main()
