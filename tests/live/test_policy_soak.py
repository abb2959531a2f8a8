# SPDX-License-Identifier: LGPL-2.1-or-later
"""Chains stay short by themselves while guests write and snapshots are made at random moments."""

import os
import random
import time
import unittest

from lib.sintercase import SinterCase

LONG = bool(os.environ.get('SINTER_TEST_LONG'))
N_GUESTS = int(os.environ.get('SINTER_SOAK_GUESTS', '8'))
SECONDS = int(os.environ.get('SINTER_SOAK_SECONDS', '600'))
MAX_DEPTH = 3
# libvirt sometimes fails to list snapshots while others are created: a plan that is refused for that
# is made again after a minute, then after two, …
PATIENCE_SEC = 600


@unittest.skipUnless(LONG, 'only in the long run')
class Soak(SinterCase):
    config = f'[connection]\nrescan-interval-sec=1\n[policy]\nmax-depth={MAX_DEPTH}\n'

    def test_chains_stay_short(self):
        seed = int(os.environ.get('SINTER_SEED') or random.randrange(1 << 32))
        print(f'# SINTER_SEED={seed}', flush=True)
        chance = random.Random(seed)
        guests = [self.guest(f'soak{n}').start() for n in range(N_GUESTS)]
        n_snapshots = 0
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            guest = chance.choice(guests)
            # faster than this nobody could follow: each one needs a job
            self.sinter.wait(lambda: guest.depth() <= MAX_DEPTH, PATIENCE_SEC,
                             f'the chain of {guest.name} is short again')
            guest.snapshot()
            n_snapshots += 1
            guest.wait_rounds(chance.randrange(1, 4))
        for guest in guests:
            self.sinter.wait(lambda: guest.depth() <= MAX_DEPTH, PATIENCE_SEC,
                             f'the chain of {guest.name} is short in the end')
        self.assertGreater(n_snapshots, N_GUESTS * MAX_DEPTH)
        for guest in guests:
            self.assert_whole(guest)
            chain = guest.image_files('vda')
            self.assertEqual([path for path in chain if not os.path.exists(path)], [])
            self.assertLessEqual(len(guest.snapshot_names()), MAX_DEPTH - 1)
            guest.check_images()


if __name__ == '__main__':
    unittest.main()
