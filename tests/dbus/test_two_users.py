# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two users on one bus: what is one's own is not another's.

For a second user the test must be able to become one: `./run test` gives it that right alone
(CAP_SETUID, CAP_SETGID), out of root's hands or sudo's. What it starts does not get it.
"""

import unittest

import images_of
from lib import namespace, stage
from lib.stage import MANAGER, NAME

INSPECT = 'org.sinter.inspect'
NOBODY = 65534


def setUpModule():
    if not namespace.may_become_others():
        raise unittest.SkipTest('needs the right to become another user: run ./run test as root, '
                                'or with sudo')


class SessionBus(stage.BusCase):
    """A user's own daemon serves nobody else, and needs no polkit to know that."""

    make_stage = stage.SessionStage

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        cls.stage.sinterd.start()

    def test_another_user(self):
        self.assertEqual(self.client.manager('Rescan'), ())
        answer = self.stage.call_as(NOBODY, MANAGER, 'Manager.Rescan')
        self.assertIn('Error.NotAuthorized', answer)
        self.assertIn(f'user {NOBODY}', answer)

    def test_another_user_reads(self):
        """What it shows is no secret: GDBus cannot guard properties."""
        answer = self.stage.call_as(NOBODY, MANAGER, 'Manager', 'org.freedesktop.DBus.Properties')
        self.assertIn('ConnectionUri', answer)


class SystemBus(images_of.UsualCase):
    """polkit decides for others; for the owner of a plan it need not be asked."""

    def new_plan(self):
        return self.client.call(self.client.domain('chain'), NAME + '.Domain', 'Plan')

    def test_a_plan_is_its_makers(self):
        self.stage.allow(INSPECT)
        plan = self.new_plan()
        self.assertIn('Error.NotAuthorized', self.stage.call_as(NOBODY, plan, 'Plan.Discard'))
        self.client.call(plan, NAME + '.Plan', 'Discard')
        self.stage.allow_all()

    def test_whom_polkit_allows(self):
        self.assertEqual(self.stage.call_as(NOBODY, self.new_plan(), 'Plan.Discard'), '()\n')


if __name__ == '__main__':
    unittest.main()
