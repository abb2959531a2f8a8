# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may call what: polkit's word decides for each method, and no word is a no."""

import json
import os
import unittest

from gi.repository import GLib

import images_of
from lib import stage
from lib.stage import MOCK, NAME, POLKIT, POLKIT_PATH, BusError, options

INSPECT = 'org.sinter.inspect'
CHECK = 'org.sinter.check'
CHECK_FILE = 'org.sinter.check-file'
CONSOLIDATE = 'org.sinter.consolidate'
REPAIR = 'org.sinter.repair'
RESOLVE = 'org.sinter.resolve'
ADOPT = 'org.sinter.adopt'
SNAPSHOT = 'org.sinter.snapshot'
CONFIGURE = 'org.sinter.configure'
FOREIGN_UID = 4242


def methods(client, plan, job):
    """Every method once: path, interface's last word, method, signature, arguments, action."""
    domain, disk = client.domain('plain'), client.disk('plain')
    yield stage.MANAGER, 'Manager', 'LookupDomain', 's', ('plain',), INSPECT
    yield stage.MANAGER, 'Manager', 'LookupJob', 's', ('4711',), INSPECT
    yield stage.MANAGER, 'Manager', 'LookupPlan', 's', ('4711',), INSPECT
    yield stage.MANAGER, 'Manager', 'LookupIncident', 's', ('4711',), INSPECT
    yield stage.MANAGER, 'Manager', 'PreviewPolicies', 's', ('no-such-domain',), INSPECT
    yield stage.MANAGER, 'Manager', 'CheckFile', 's', ('relative',), CHECK_FILE
    yield stage.MANAGER, 'Manager', 'Rescan', '', (), INSPECT
    yield stage.MANAGER, 'Manager', 'ExamineHost', '', (), INSPECT
    yield stage.MANAGER, 'Manager', 'Reload', '', (), CONFIGURE
    yield domain, 'Domain', 'Plan', '', (), INSPECT
    yield domain, 'Domain', 'Consolidate', '', (), CONSOLIDATE
    yield domain, 'Domain', 'Check', '', (), CHECK
    yield domain, 'Domain', 'CreateSnapshot', '', (), SNAPSHOT
    yield domain, 'Domain', 'DeleteSnapshot', 's', ('none',), SNAPSHOT
    yield domain, 'Domain', 'Repair', '', (), REPAIR
    yield disk, 'Disk', 'Repair', '', (), REPAIR
    yield domain, 'Domain', 'CheckLive', '', (), CONSOLIDATE
    yield disk, 'Disk', 'CheckLive', '', (), CONSOLIDATE
    yield disk, 'Disk', 'Check', '', (), CHECK
    yield disk, 'Disk', 'MeasureChain', '', (), INSPECT
    yield disk, 'Disk', 'Commit', '', (), CONSOLIDATE
    yield disk, 'Disk', 'Pull', '', (), CONSOLIDATE
    yield disk, 'Disk', 'Copy', 's', ('relative',), CONSOLIDATE
    yield disk, 'Disk', 'Adopt', 's', ('neither',), ADOPT
    yield plan, 'Plan', 'Execute', '', (), CONSOLIDATE
    yield job, 'Job', 'Cancel', '', (), CONSOLIDATE
    yield job, 'Job', 'SetBandwidth', 't', (1,), CONSOLIDATE
    yield job, 'Job', 'Compare', '', (), CHECK
    yield job, 'Job', 'Resolve', 's', ('old',), RESOLVE
    incident = client.manager('LookupIncident', '1')
    yield incident, 'Incident', 'Retry', '', (), INSPECT
    yield incident, 'Incident', 'Choose', 's', ('transient',), CONSOLIDATE
    yield incident, 'Incident', 'Resolve', '', (), CONSOLIDATE


class AuthorityCase(stage.BusCase):
    """A host, a plan and an ended job of somebody else."""

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        images_of.leave_incident(cls.stage)
        cls.stage.start_polkit()
        cls.stage.allow_all()
        cls.give_a_job_away()
        cls.plan = cls.stage.client().call(cls.stage.client().domain('chain'), NAME + '.Domain',
                                           'Plan')
        cls.job = cls.stage.client().manager('LookupJob', '1')
        cls.all_methods = list(methods(cls.stage.client(), cls.plan, cls.job))

    @classmethod
    def give_a_job_away(cls):
        """A job that ended (the test driver has no block jobs), then its record says another user."""
        cls.stage.sinterd.start()
        client = cls.stage.client()
        completed = client.listen(NAME + '.Job', 'Completed')
        client.call(client.disk('chain'), NAME + '.Disk', 'Commit')
        stage.wait_until(lambda: completed, 'the end of the job')
        cls.stage.sinterd.stop()
        path = cls.stage.path('state', 'sinter', 'jobs', '1.json')
        with open(path, encoding='utf-8') as file:
            record = json.load(file)
        record['uid'] = FOREIGN_UID
        with open(path, 'w', encoding='utf-8') as file:
            json.dump(record, file)
        cls.stage.sinterd.start()

    def ask(self, path, interface, method, signature, arguments, client=None, **values):
        """The name of the error, '' for an answer."""
        try:
            (client or self.client).call(path, f'{NAME}.{interface}', method,
                                         f'({signature}a{{sv}})', *arguments, options(**values))
        except BusError as error:
            self.last_message = error.message
            return error.name
        return ''


class Polkit(AuthorityCase):
    def test_the_list_is_complete(self):
        with open(stage.XML, encoding='utf-8') as file:
            n_methods = file.read().count('<method name=')
        self.assertEqual(len(self.all_methods) + 1, n_methods)      # Plan.Discard: test_discard

    def test_nothing_is_allowed(self):
        self.stage.allow()
        for *call, action in self.all_methods:
            with self.subTest('.'.join(call[1:3])):
                self.assertEqual(self.ask(*call), 'NotAuthorized')
                self.assertIn(action, self.last_message)
                self.assertIn('.'.join(call[1:3]), self.last_message)

    def test_each_action_opens_its_own(self):
        for allowed in (INSPECT, CONSOLIDATE, CONFIGURE):
            self.stage.allow(allowed)
            for *call, action in self.all_methods:
                if '.'.join(call[1:3]) == 'Plan.Execute' and allowed == CONSOLIDATE:
                    continue        # it would use the plan up: test_methods executes one
                with self.subTest(f'{allowed}: {".".join(call[1:3])}'):
                    refused = self.ask(*call) == 'NotAuthorized'
                    self.assertEqual(refused, action != allowed)

    def test_properties_need_no_leave(self):
        self.stage.allow()
        self.assertIn(stage.MANAGER, self.client.objects())
        self.assertEqual(self.client.get(self.job, 'Job', 'StartedByUID'), FOREIGN_UID)

    def test_the_owner_may_cancel(self):
        self.stage.allow(CONSOLIDATE)
        completed = self.client.listen(NAME + '.Job', 'Completed')
        job = self.client.call(self.chain_disk(), NAME + '.Disk', 'Commit')
        self.wait(lambda: completed, 'the end of the job')
        self.stage.allow()
        self.assertEqual(self.client.get(job, 'Job', 'StartedByUID'), os.getuid())
        self.assertEqual(self.ask(job, 'Job', 'Cancel', '', ()), 'Failed')      # it has ended
        self.assertEqual(self.ask(job, 'Job', 'SetBandwidth', 't', (1,)), 'Failed')
        self.assertEqual(self.ask(self.job, 'Job', 'Cancel', '', ()), 'NotAuthorized')

    def chain_disk(self):
        return self.client.get(self.plan, 'Plan', 'Domain') + '/disks/vda'

    def test_discard(self):
        """Whoever made the plan may; another user not: test_two_users."""
        self.stage.allow(INSPECT)
        plan = self.client.call(self.client.domain('chain'), NAME + '.Domain', 'Plan')
        self.stage.allow()
        self.assertEqual(self.ask(plan, 'Plan', 'Discard', '', ()), '')

    def test_a_hanging_polkit(self):
        """The rest is served meanwhile; one user has so many calls unanswered and no more, and so
        few questions in the air that the bus does not call them too many."""
        self.stage.allow_all()
        self.stage.hang(True)
        others = [self.stage.new_client() for _ in range(5)]    # the bus bounds each as well
        asked = [others[i // 64].call_async(stage.MANAGER, NAME + '.Manager', 'Rescan',
                                            '(a{sv})', {}) for i in range(257)]
        self.wait(lambda: any(asked), 'the one call too many')
        busy = [answer[0] for answer in asked if answer]
        self.assertEqual([error.name for error in busy], ['Busy'])
        self.assertIn(stage.MANAGER, self.client.objects())
        self.stage.release()        # answers those that polkit was asked; the next ones hang
        self.wait(lambda: sum(map(bool, asked)) > 16, 'the first answers')
        self.assertIn(stage.MANAGER, self.client.objects())
        self.assertEqual(sum(map(bool, asked)), 17)
        self.stage.hang(False)
        self.wait(lambda: all(asked), 'all answers')
        self.assertEqual(sum(isinstance(answer[0], BusError) for answer in asked), 1)
        self.assertEqual(self.ask(stage.MANAGER, 'Manager', 'Rescan', '', ()), '')

    def test_a_caller_that_leaves(self):
        """Its question is let go; the daemon goes on."""
        self.stage.allow_all()
        self.stage.hang(True)
        other = self.stage.new_client()
        other.call_async(stage.MANAGER, NAME + '.Manager', 'Rescan', '(a{sv})', {})
        other.connection.flush_sync(None)
        other.close()
        self.stage.hang(False)
        self.assertEqual(self.ask(stage.MANAGER, 'Manager', 'Rescan', '', ()), '')


class Question(stage.BusCase):
    """What polkit is asked: of the bus name, and interactively unless told otherwise."""

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        cls.stage.start_raw_polkit('ret = (True, False, {})')
        cls.stage.sinterd.start()

    def question(self):
        calls = self.client.call(POLKIT_PATH, MOCK, 'GetMethodCalls', '(s)', 'CheckAuthorization',
                                 name=POLKIT)
        return calls[-1][1]

    def test_subject_and_flags(self):
        for values, flags in (({}, 1), ({'no-interaction': GLib.Variant('b', True)}, 0),
                              ({'no-interaction': GLib.Variant('b', False)}, 1)):
            self.client.call(stage.MANAGER, NAME + '.Manager', 'Reload', '(a{sv})', values)
            subject, action, _, asked_flags, _ = self.question()
            self.assertEqual(subject, ('system-bus-name', {'name': self.client.unique_name}))
            self.assertEqual((action, asked_flags), (CONFIGURE, flags))


class BrokenPolkit(stage.BusCase):
    """An error of polkit's is a no, and so is its absence."""

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        cls.stage.start_raw_polkit(
            'raise dbus.exceptions.DBusException("broken", '
            'name="org.freedesktop.PolicyKit1.Error.Failed")')
        cls.stage.sinterd.start()

    def test_error_then_absence(self):
        self.assert_error('NotAuthorized', self.client.manager, 'Rescan', text='broken')
        self.stage.stop_polkit()
        self.stage.wait_name(POLKIT, there=False)
        self.assert_error('NotAuthorized', self.client.manager, 'Rescan', text=INSPECT)
        self.assertIn(stage.MANAGER, self.client.objects())



class Challenge(stage.BusCase):
    """polkit would need a password, and nobody can be asked for it."""

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        cls.stage.start_raw_polkit('ret = (False, True, {})')
        cls.stage.sinterd.start()

    def test_challenge(self):
        self.assert_error('NotAuthorized', self.client.manager, 'Rescan', text='authentication')


class SessionBus(stage.BusCase):
    """A user's own daemon needs no polkit, and serves nobody else: test_two_users."""

    make_stage = stage.SessionStage

    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        cls.stage.sinterd.start()

    def test_own_user(self):
        plan = self.client.call(self.client.domain('chain'), NAME + '.Domain', 'Plan')
        self.client.call(plan, NAME + '.Plan', 'Discard')
        self.client.manager('Reload')


if __name__ == '__main__':
    unittest.main()
