# SPDX-License-Identifier: LGPL-2.1-or-later
"""Each method of the bus, with polkit saying yes: what it answers and how it fails."""

import os
import shutil
import subprocess
import tempfile
import unittest

from gi.repository import GLib

import images_of
from lib import stage
from lib.stage import NAME, BusError, options

DOMAIN = NAME + '.Domain'
DISK = NAME + '.Disk'
PLAN = NAME + '.Plan'
JOB = NAME + '.Job'


class MethodsCase(images_of.UsualCase):
    def plan(self, domain, **values):
        return self.client.call(self.client.domain(domain), DOMAIN, 'Plan', '(a{sv})',
                                options(**values))

    def discard(self, plan):
        self.client.call(plan, PLAN, 'Discard')


class Manager(MethodsCase):
    def test_lookup_domain(self):
        path = self.client.domain('chain')
        uuid = self.client.get(path, 'Domain', 'Uuid')
        self.assertEqual(path, f'{stage.ROOT}/domains/_{uuid.replace("-", "_")}')
        self.assertEqual(self.client.domain(uuid), path)

    def test_lookups_of_what_is_not(self):
        for method, name in (('LookupDomain', 'nobody'), ('LookupJob', '4711'),
                             ('LookupIncident', '4711'), ('LookupPlan', '0badcafe')):
            with self.subTest(method):
                self.assert_error('NotFound', self.client.manager, method, name, text=name)

    def test_lookup_plan(self):
        plan = self.plan('chain')
        self.addCleanup(self.discard, plan)
        self.assertEqual(self.client.manager('LookupPlan', plan.rsplit('/', 1)[1]), plan)

    def test_rescan(self):
        self.assertEqual(self.client.manager('Rescan'), ())

    def test_examine_host(self):
        """The test driver knows no thresholds and no QEMU: what is not known is not found."""
        findings = self.client.manager('ExamineHost')
        self.assertEqual({finding['check'] for finding in findings} - {'agent', 'reflink', 'manager'},
                         set())
        self.assertEqual({tuple(sorted(finding)) for finding in findings},
                         {('check', 'problem', 'remedy', 'subject')})
        self.assertIn(('agent', 'the domain has no channel for the guest agent'),
                      [(finding['check'], finding['problem']) for finding in findings])

    def test_properties(self):
        values = self.client.get_all(stage.MANAGER, 'Manager')
        self.assertEqual((values['Connected'], values['Ready']), (True, True))
        self.assertEqual(values['ConnectionUri'], 'test://' + self.stage.path('host.xml'))
        self.assertRegex(values['Version'], r'^\d+\.\d+\.\d+$')

    def test_reload(self):
        plan = self.plan('chain')
        self.addCleanup(self.discard, plan)
        self.addCleanup(self.reload, '')
        self.reload('[plans]\nmax=1\n')
        self.assert_error('Busy', self.plan, 'chain', text='1 plans')
        self.stage.write('sinter.conf', '[plans\nmax=9\n')
        self.assert_error('InvalidArgument', self.client.manager, 'Reload', text='sinter.conf')
        self.assert_error('Busy', self.plan, 'chain')       # the old values stay

    def reload(self, text):
        self.stage.write('sinter.conf', text)
        self.client.manager('Reload')

    def test_what_waits_for_the_next_start_is_named(self):
        self.addCleanup(self.reload, '')
        self.reload('[jobs]\nmax-per-host=3\n')
        self.stage.sinterd.wait_log('[jobs] max-per-host takes effect at the next start')


class Options(MethodsCase):
    """A key that a method does not know, or of the wrong type, is named in the error."""

    def targets(self):
        plan = self.plan('chain')
        self.addCleanup(self.discard, plan)
        yield stage.MANAGER, NAME + '.Manager', 'LookupDomain', 's', ('chain',)
        yield stage.MANAGER, NAME + '.Manager', 'LookupJob', 's', ('1',)
        yield stage.MANAGER, NAME + '.Manager', 'LookupPlan', 's', ('1',)
        yield stage.MANAGER, NAME + '.Manager', 'Rescan', '', ()
        yield stage.MANAGER, NAME + '.Manager', 'Reload', '', ()
        yield self.client.domain('chain'), DOMAIN, 'Plan', '', ()
        yield self.client.domain('chain'), DOMAIN, 'Consolidate', '', ()
        yield self.client.disk('chain'), DISK, 'Commit', '', ()
        yield self.client.disk('chain'), DISK, 'Pull', '', ()
        yield self.client.disk('chain'), DISK, 'Copy', 's', ('/x',)
        yield self.client.disk('chain'), DISK, 'Adopt', 's', ('pivot',)
        yield self.client.disk('chain'), DISK, 'MeasureChain', '', ()
        yield plan, PLAN, 'Execute', '', ()
        yield plan, PLAN, 'Discard', '', ()

    def test_unknown_key(self):
        self.each({'dsik': GLib.Variant('s', 'vda')}, "'dsik'")

    def test_wrong_type(self):
        self.each({'no-interaction': GLib.Variant('s', 'yes')}, "'no-interaction'")

    def each(self, values, text):
        n = 0
        for path, interface, method, signature, arguments in self.targets():
            with self.subTest(f'{interface}.{method}'):
                self.assert_error('InvalidArgument', self.client.call, path, interface, method,
                                  f'({signature}a{{sv}})', *arguments, values, text=text)
                n += 1
        self.assertEqual(n, 14)


class Plans(MethodsCase):
    def test_plan_of_a_chain(self):
        plan = self.plan('chain')
        self.addCleanup(self.discard, plan)
        values = self.client.get_all(plan, 'Plan')
        self.assertEqual(values['Domain'], self.client.domain('chain'))
        self.assertEqual(values['Refusals'], [])
        self.assertEqual(values['Steps'][0]['kind'], 'commit')
        self.assertEqual({step['disk'] for step in values['Steps']}, {'vda'})
        self.assertGreater(values['SpaceBeforeBytes'], 0)
        self.assertTrue(all(step['text'] for step in values['Steps']))

    def test_keep_and_pull(self):
        for wanted, kind in (({'keep': 1}, 'commit'), ({'pull': True}, 'pull')):
            with self.subTest(wanted):
                plan = self.plan('chain', **wanted)
                self.addCleanup(self.discard, plan)
                self.assertEqual(self.client.get(plan, 'Plan', 'Steps')[0]['kind'], kind)

    def test_refusal(self):
        plan = self.plan('twin-a')
        self.addCleanup(self.discard, plan)
        refusal = self.client.get(plan, 'Plan', 'Refusals')[0]
        self.assertEqual((refusal['code'], refusal['error'], refusal['disk']),
                         ('shared-base', 'SharedBase', 'vda'))
        self.assertIn('twin-b', refusal['text'])
        self.assert_error('SharedBase', self.client.call, plan, PLAN, 'Execute', text='twin-b')

    def test_unknown_disk(self):
        self.assert_error('NotFound', lambda: self.plan('chain', disk='vdz'), text='vdz')

    def test_discard(self):
        plan = self.plan('chain')
        removed = self.client.listen(member='InterfacesRemoved')
        self.discard(plan)
        self.wait(lambda: any(values[0] == plan for _, _, values in removed), 'the plan to go')
        self.assert_error('NotFound', self.client.manager, 'LookupPlan', plan.rsplit('/', 1)[1])

    def test_it_expires(self):
        self.addCleanup(self.reload, '')
        self.reload('[plans]\nlifetime-sec=1\n')
        removed = self.client.listen(member='InterfacesRemoved')
        plan = self.plan('chain')
        self.wait(lambda: any(values[0] == plan for _, _, values in removed), 'the plan to expire')

    def reload(self, text):
        self.stage.write('sinter.conf', text)
        self.client.manager('Reload')

    def test_it_outlives_its_caller(self):
        other = self.stage.new_client()
        plan = other.call(other.domain('chain'), DOMAIN, 'Plan')
        name = other.unique_name
        other.close()
        self.stage.wait_name(name, there=False)
        self.client.manager('Rescan')
        self.assertEqual(self.client.get(plan, 'Plan', 'Refusals'), [])
        self.discard(plan)

    def test_quota(self):
        self.addCleanup(self.reload, '')
        self.reload('[plans]\nmax=3\n')
        plans = [self.plan('chain') for _ in range(3)]
        self.assert_error('Busy', self.plan, 'chain', text='3 plans')
        self.discard(plans.pop())
        plans.append(self.plan('chain'))
        for plan in plans:
            self.discard(plan)

    def test_execute_of_another_chain(self):
        """An image whose header names another one now: nobody was told, the last look finds it."""
        plan = self.plan('loose')
        self.addCleanup(images_of.reset_loose, self.stage)
        images_of.change_loose(self.stage)
        self.assert_error('ChainChanged', self.client.call, plan, PLAN, 'Execute')
        self.assert_error('NotFound', self.client.manager, 'LookupPlan', plan.rsplit('/', 1)[1])


class Jobs(MethodsCase):
    """libvirt's test driver has no block jobs, so each job fails; that it is told is what counts."""

    def await_end(self, job):
        self.client.listen(path=job)        # each change wakes the wait up
        self.wait(lambda: self.client.get(job, 'Job', 'EndTime') > 0, f'the end of {job}')
        return self.client.get_all(job, 'Job')

    def test_consolidate(self):
        completed = self.client.listen(JOB, 'Completed')
        added = self.client.listen(member='InterfacesAdded')
        jobs = self.client.call(self.client.domain('chain'), DOMAIN, 'Consolidate', '(a{sv})',
                                options(bandwidth=5 << 20))
        self.assertEqual(len(jobs), 1)
        self.wait(lambda: completed, 'Completed')
        self.assertIn(jobs[0], [values[0] for _, _, values in added])
        path, _, (success, message) = completed[0]
        values = self.client.get_all(jobs[0], 'Job')
        self.assertEqual((path, success), (jobs[0], False))
        self.assertEqual(values['ErrorMessage'], message)
        self.assertNotEqual(message, '')
        self.assertEqual(values['Phase'], 'failed')
        self.assertEqual(values['ErrorName'], 'Unsupported')
        self.assertEqual((values['DomainName'], values['Disk']), ('chain', 'vda'))
        self.assertEqual(values['Operation'], 'active-commit')
        self.assertEqual(values['BandwidthLimit'], 5 << 20)
        self.assertEqual(values['Objects'], [self.client.disk('chain')])
        self.assertEqual(values['Cancelable'], False)
        self.assertEqual(self.client.get(self.client.disk('chain'), 'Disk', 'Job'), '/')
        self.assertEqual(self.client.manager('LookupJob', values['Id']), jobs[0])

    def test_an_ended_job_takes_no_orders(self):
        job = self.client.call(self.client.disk('chain'), DISK, 'Commit')
        self.await_end(job)
        self.assert_error('Failed', self.client.call, job, JOB, 'Cancel')
        self.assert_error('Failed', self.client.call, job, JOB, 'Compare', text='nothing to resolve')
        for choice, error in (('new', 'Failed'), ('compare', 'InvalidArgument'),
                              ('both', 'InvalidArgument')):
            self.assert_error(error, self.client.call, job, JOB, 'Resolve', '(sa{sv})', choice, {})
        self.assert_error('Failed', self.client.call, job, JOB, 'SetBandwidth', '(ta{sv})', 1, {})

    def test_operations(self):
        disk = self.client.disk('chain')
        middle = self.stage.path('chain.1')
        cases = (('Commit', '(a{sv})', (), 'active-commit'),
                 ('Commit', '(a{sv})', (options(top=middle),), 'commit'),
                 ('Pull', '(a{sv})', (options(base='chain.0'),), 'pull'),
                 ('Copy', '(sa{sv})', (self.stage.path('copy'), {}), 'copy'))
        for method, signature, arguments, operation in cases:
            with self.subTest(operation):
                job = self.client.call(disk, DISK, method, signature, *arguments)
                self.assertEqual(self.await_end(job)['Operation'], operation)

    def test_execute(self):
        plan = self.plan('chain')
        jobs = self.client.call(plan, PLAN, 'Execute')
        self.assertEqual(self.await_end(jobs[0])['DomainName'], 'chain')
        self.assert_error('NotFound', self.client.manager, 'LookupPlan', plan.rsplit('/', 1)[1])

    def test_nothing_to_do(self):
        domain = self.client.domain('plain')
        self.assertEqual(self.client.call(domain, DOMAIN, 'Consolidate'), [])
        self.assert_error('Failed', self.client.call, self.client.disk('plain'), DISK,
                          'Commit', text='single layer')

    def test_refusals(self):
        self.assert_error('SharedBase', self.client.call, self.client.domain('twin-a'), DOMAIN,
                          'Consolidate', text='twin-b')
        self.assert_error('SharedBase', self.client.call, self.client.disk('twin-b'), DISK,
                          'Commit', text='twin-a')
        self.assert_error('Unsupported', self.client.call, self.client.disk('stopped'), DISK,
                          'Copy', '(sa{sv})', self.stage.path('copy'), {}, text='stopped')

    def test_bad_arguments(self):
        disk = self.client.disk('chain')
        self.assert_error('InvalidArgument', self.client.call, disk, DISK, 'Copy', '(sa{sv})',
                          'relative', {}, text='relative')
        self.assert_error('InvalidArgument', self.client.call, disk, DISK, 'Copy', '(sa{sv})',
                          '/x', options(format='vmdk'), text='vmdk')
        self.assert_error('InvalidArgument', self.client.call, disk, DISK, 'Commit', '(a{sv})',
                          options(top='nonsense'), text='nonsense')
        for path in (self.stage.path('..', 'etc', 'x'), self.stage.root + '//x'):
            self.assert_error('InvalidArgument', self.client.call, disk, DISK, 'Copy', '(sa{sv})',
                              path, {}, text=path)


class CopyPlaces(MethodsCase):
    """A daemon that runs as root does not let its callers write wherever root can."""

    def copy(self, destination, **values):
        return self.client.call(self.client.disk('chain'), DISK, 'Copy', '(sa{sv})', destination,
                                options(**values))

    def failure_of(self, destination, **values):
        completed = self.client.listen(JOB, 'Completed')
        job = self.copy(destination, **values)
        self.wait(lambda: completed, 'the end of the job')
        return self.client.get(job, 'Job', 'ErrorName'), self.client.get(job, 'Job', 'ErrorMessage')

    def test_foreign_folders(self):
        for path in ('/etc/shadow', '/tmp/x', self.stage.root + '-not/x'):
            with self.subTest(path):
                self.assert_error('NotAuthorized', self.copy, path, text=path)

    def test_allowed_folder(self):
        """The administrator may name more; the test driver, which cannot copy, is then asked."""
        other = tempfile.mkdtemp(prefix='sd-copies-', dir='/tmp')
        self.addCleanup(shutil.rmtree, other)
        self.assert_error('NotAuthorized', self.copy, other + '/x')
        self.addCleanup(self.configure, '')
        self.configure(f'[copy]\nfolders=/nowhere:{other}\n')
        self.assertNotIn(self.failure_of(other + '/x')[0], ('', 'NotAuthorized'))

    def configure(self, text):
        self.stage.write('sinter.conf', text)
        self.client.manager('Reload')

    def test_links(self):
        os.symlink('/etc', self.stage.path('link'))
        os.symlink('/etc/passwd', self.stage.path('linked-file'))
        for name, values in (('link/x', {}), ('linked-file', {'reuse_external': True})):
            with self.subTest(name):
                error, message = self.failure_of(self.stage.path(name), **values)
                self.assertEqual(error, 'NotAuthorized', message)
                self.assertIn('symbolic link', message)


class Measured(stage.BusCase):
    """What of a chain's data is hidden, on images that qemu-io wrote to."""

    @classmethod
    def stage_up(cls):
        place = cls.stage
        place.add_domain('chain', ('vda', place.chain('m.0', 'm.1', 'm.2')))
        place.add_domain('raw', ('vda', [place.image('over', 'm.0'), place.path('m.0')]))
        place.add_domain('gone', ('vda', place.chain('g.0', 'g.1')))
        place.write_host()
        for name, command in (('m.0', 'write 0 1M'), ('m.1', 'write 512k 1M'),
                              ('m.2', 'write -z 0 64k')):
            subprocess.run(['qemu-io', '-f', 'qcow2', '-c', command, place.path(name)], check=True,
                           stdout=subprocess.DEVNULL)
        place.start_polkit()
        place.allow_all()
        place.sinterd.start()

    def measure(self, domain):
        layers = self.client.call(self.client.disk(domain), DISK, 'MeasureChain')
        return [(layer['data-bytes'] >> 10, layer['shadowed-bytes'] >> 10) for layer in layers]

    def test_data_and_shadows(self):
        self.assertEqual(self.measure('chain'), [(0, 0), (1024, 0), (1024, 512 + 64)])
        self.assertEqual(self.measure('raw'), [(0, 0), (1024, 0)])

    def test_many_ask(self):
        disk = self.client.disk('chain')
        answers = [self.client.call_async(disk, DISK, 'MeasureChain', '(a{sv})', {})
                   for _ in range(100)]
        self.wait(lambda: all(answers), 'all answers')
        busy = [answer[0].name for answer in answers if isinstance(answer[0], BusError)]
        self.assertLessEqual(set(busy), {'Busy'})
        self.assertGreater(len(answers) - len(busy), 30)

    def test_another_chain(self):
        os.rename(self.stage.path('g.0'), self.stage.path('away'))
        error = self.assert_error('NotFound', self.client.call, self.client.disk('gone'), DISK,
                                  'MeasureChain')
        self.assertIn('g.0', error.message)


class Shown(MethodsCase):
    """What the objects say of the host."""

    def test_domain(self):
        values = self.client.get_all(self.client.domain('chain'), 'Domain')
        self.assertEqual((values['Name'], values['State'], values['Persistent']),
                         ('chain', 'running', True))
        self.assertEqual(values['Disks'], [self.client.disk('chain')])
        self.assertEqual(self.client.get(self.client.domain('stopped'), 'Domain', 'State'),
                         'shut off')

    def test_chain(self):
        values = self.client.get_all(self.client.disk('chain'), 'Disk')
        self.assertEqual([layer['path'] for layer in values['Chain']],
                         [self.stage.path(f'chain.{i}') for i in (2, 1, 0)])
        self.assertEqual((values['Depth'], values['VirtualSizeBytes']), (3, 16 << 20))
        self.assertEqual(values['AllocatedBytes'],
                         sum(layer['allocated-bytes'] for layer in values['Chain']))
        self.assertEqual(values['ReclaimableBytes'],
                         sum(layer['allocated-bytes'] for layer in values['Chain'][:2]))
        self.assertEqual((values['Device'], values['BlockJob'], values['Job']),
                         ('disk', 'none', '/'))

    def test_users(self):
        chain = self.client.get(self.client.disk('twin-a'), 'Disk', 'Chain')
        self.assertEqual(chain[-1]['users'], ['twin-b/vda'])
        self.assertNotIn('users', chain[0])

    def test_everything_is_listed(self):
        objects = self.client.objects()
        names = {values[NAME + '.Domain']['Name'] for values in objects.values()
                 if NAME + '.Domain' in values}
        self.assertEqual(names, {'chain', 'plain', 'twin-a', 'twin-b', 'stopped', 'loose'})
        self.assertIn(stage.MANAGER, objects)
        self.assertEqual(sum(NAME + '.Disk' in values for values in objects.values()), 6)


if __name__ == '__main__':
    unittest.main()
