#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""sinter following jobs: their ends, progress on a terminal, Ctrl-C, deadlines,
and a daemon that goes away and comes back."""

import json
import re
import signal
import unittest

from cli_stage import GIB, MIB, CliCase, FakeDaemon, disk_path, usual_state


def progress(part, **more):
    return dict({'Phase': 'copying', 'Progress': part, 'ProgressValid': True, 'Bytes': 2 * GIB,
                 'ProcessedBytes': int(part * 2 * GIB), 'Rate': 100 * MIB}, **more)


class Waiting(CliCase):
    """On pipes: nothing but results."""

    def start_one(self, *words, method='Consolidate'):
        """The client, waiting for jobs that have been started."""
        process = self.client.start(*words)
        self.addCleanup(self.reap, process)
        self.daemon.until(lambda daemon: len(daemon.calls(method)) > 0)
        return process

    @staticmethod
    def reap(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process):
        out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def test_done(self):
        process = self.start_one('consolidate', 'vm1')
        self.daemon.do('job', '1', progress(0.5))
        self.daemon.do('end', '1', 'done')
        self.assertEqual(self.finish(process),
                         (0, 'vm1 vda: 6 layers merged into 1, 1.2 GiB freed\n', ''))

    def test_several_domains_and_disks(self):
        process = self.start_one('consolidate', 'vm1', 'vm2', 'vm10')
        self.daemon.until(lambda daemon: len(daemon.calls('Consolidate')) == 3)
        for job in ('3', '1', '2'):
            self.daemon.do('end', job, 'done')
        status, out, err = self.finish(process)
        self.assertEqual((status, err), (0, ''))
        self.assertEqual(sorted(out.splitlines()), [
            'vm1 vda: 6 layers merged into 1, 1.2 GiB freed',
            'vm10 vda: 3 layers merged into 1, 512 MiB freed',
            'vm10 vdb: 2 layers merged into 1, 256 MiB freed',
            'vm2: nothing to consolidate'])

    def test_ended_before_it_was_read(self):
        self.daemon.do('plan', '*', 'instantly', True)
        for _ in range(10):
            self.daemon.do('disk', disk_path(10, 'vdb'), {'Depth': 2})
            status, out, err = self.run_client('consolidate', 'vm10', '--disk', 'vdb')
            self.assertEqual((status, err), (0, ''))
            self.assertIn('2 layers merged into 1', out)
            self.assertEqual(self.run_client('commit', 'vm1', 'vda', '--pivot')[0], 0)

    def test_end_that_only_the_signal_tells(self):
        process = self.start_one('commit', 'vm1', 'vda', '--verbose', method='Commit')
        self.assertEqual(process.stderr.readline(), 'sinter: vm1 vda: job 1: queued\n')
        self.daemon.do('end', '1', 'failed', 'Failed', 'so it ended', False)
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (1, ''))
        self.assertTrue(err.endswith('sinter: vm1 vda: job 1 failed: so it ended\n'))

    def test_nothing_to_do(self):
        self.assertEqual(self.run_client('consolidate', 'vm2'),
                         (0, 'vm2: nothing to consolidate\n', ''))
        self.assertEqual(self.run_client('consolidate', 'vm2', '-q'), (0, '', ''))
        self.assertEqual(json.loads(self.run_client('consolidate', 'vm2', '--json')[1]), [])

    def test_disk_that_never_shows_the_new_chain(self):
        self.daemon.do('plan', '*', 'frozen', True)
        process = self.start_one('consolidate', 'vm1')
        self.daemon.do('job', '1', progress(0.9, StartTime=1000000, EndTime=4000000))
        self.daemon.do('end', '1', 'done')
        self.assertEqual(self.finish(process), (0, 'vm1 vda: committed 1.8 GiB in 3.0 s\n', ''))

    def test_failed(self):
        process = self.start_one('consolidate', 'vm1')
        self.daemon.do('job', '1', {'StartTime': 5, 'Warnings': ['the guest was slowed down']})
        self.daemon.do('end', '1', 'failed', 'NoSpace', 'No space left on device')
        self.assertEqual(self.finish(process), (
            1, '', 'sinter: vm1 vda: job 1 failed: No space left on device\n'
                   'sinter: vm1 vda: the guest was slowed down\n'))

    def test_outcomes(self):
        for phase, error, status in (('cancelled', 'Cancelled', 5), ('quarantined', 'Corrupt', 1),
                                     ('failed', 'Failed', 1), ('failed', 'SharedBase', 4)):
            with self.subTest(phase=phase, error=error):
                n_before = len(self.daemon.calls('Commit'))
                process = self.client.start('commit', 'vm1', 'vda')
                self.addCleanup(self.reap, process)
                self.daemon.until(lambda daemon: len(daemon.calls('Commit')) > n_before)
                self.daemon.do('end', str(n_before + 1), phase, error, 'why')
                got, out, err = self.finish(process)
                self.assertEqual((got, out), (status, ''))
                self.assertRegex(err, rf'^sinter: vm1 vda: job {n_before + 1} .*\n$')

    def test_the_worst_is_the_status(self):
        process = self.start_one('consolidate', 'vm10')
        self.daemon.do('end', '1', 'cancelled', 'Cancelled')
        self.daemon.do('end', '2', 'failed', 'Failed', 'broken')
        self.assertEqual(self.finish(process)[0], 1)

    def test_one_domain_fails_to_start(self):
        path = disk_path(1, 'vda').rsplit('/disks', 1)[0]
        self.daemon.do('plan', path, 'Consolidate',
                       {'error': 'SharedBase', 'message': 'vm2 stands on it', 'always': True})
        self.daemon.do('plan', '*', 'instantly', True)
        status, out, err = self.run_client('consolidate', 'vm1', 'vm10')
        self.assertEqual((status, err), (4, 'sinter: vm2 stands on it\n'))
        self.assertEqual(len(out.splitlines()), 2, 'the other one was done')

    def test_quiet_and_json(self):
        self.daemon.do('plan', '*', 'instantly', True)
        self.assertEqual(self.run_client('consolidate', 'vm1', '-q'), (0, '', ''))
        status, out, err = self.run_client('consolidate', 'vm10', '--json')
        first, second = json.loads(out)
        self.assertEqual((status, err), (0, ''))
        self.assertEqual([first['disk'], first['phase'], first['layers-before'],
                          first['layers-after'], first['freed-bytes'], second['disk']],
                         ['vda', 'done', 3, 1, 512 * MIB, 'vdb'])
        one = json.loads(self.run_client('pull', 'vm1', 'vda', '--json')[1])
        self.assertEqual([one['operation'], one['phase']], ['pull', 'done'])

    def test_async(self):
        self.assertEqual(self.run_client('consolidate', 'vm10', '--async'),
                         (0, 'vm10 vda: job 1 started\nvm10 vdb: job 2 started\n', ''))
        self.assertEqual(self.run_client('commit', 'vm1', 'vda', '--async', '-q'), (0, '3\n', ''))
        one = json.loads(self.run_client('pull', 'vm1', 'vda', '--async', '--json')[1])
        self.assertEqual((one['id'], one['phase']), ('4', 'queued'))

    def test_verbose_says_each_phase(self):
        process = self.start_one('consolidate', 'vm1', '--verbose')
        for part in (0.1, 0.2, 0.3):
            self.daemon.do('job', '1', progress(part))
        self.daemon.do('job', '1', {'Phase': 'pivoting'})
        self.daemon.do('end', '1', 'done')
        status, _, err = self.finish(process)
        phases = re.findall(r'^sinter: vm1 vda: job 1: (\w+)$', err, re.M)
        self.assertEqual(status, 0)
        # the first ones may have been over before the client read the job
        self.assertEqual(phases, ['queued', 'copying', 'pivoting', 'done'][-len(phases):])
        self.assertGreaterEqual(len(phases), 1)
        self.assertEqual(len(err.splitlines()), len(phases))

    def test_options_reach_the_daemon(self):
        self.daemon.do('plan', '*', 'instantly', True)
        self.run_client('consolidate', 'vm1', '--disk', 'vda', '--disk', 'vdb', '--keep', '1',
                        '--top', 't', '--base', 'b', '--keep-files', '--bandwidth', '10')
        common = {'keep': 1, 'top': 't', 'base': 'b', 'keep-files': True, 'no-interaction': True,
                  'bandwidth': 10 * MIB}
        self.assertEqual([options for _, _, options in self.daemon.calls('Consolidate')],
                         [dict(common, disk='vda'), dict(common, disk='vdb')])
        self.run_client('commit', 'vm1', 'vda', '--top', 't', '--base', 'b', '--delete',
                        '--active', '--pivot', '--bandwidth', '5M', '--keep-relative')
        self.run_client('commit', 'vm1', 'vda')
        self.run_client('pull', 'vm1', 'vda', '--base', 'b', '--bandwidth', '7', '--bytes')
        self.run_client('copy', 'vm1', 'vda', '/x', '--format', 'raw', '--shallow',
                        '--reuse-external', '--finish')
        self.run_client('copy', 'vm1', 'vda', 'here', '--pivot')
        asked = {'no-interaction': True}
        self.assertEqual([options for _, _, options in self.daemon.calls('Commit')],
                         [dict(asked, top='t', base='b', bandwidth=5 * MIB,
                               **{'keep-files': False}), asked])
        self.assertEqual([options for _, _, options in self.daemon.calls('Pull')],
                         [dict(asked, base='b', bandwidth=7)])
        (_, first, options), (_, second, bare) = self.daemon.calls('Copy')
        self.assertEqual((first, options, bare),
                         (['/x'], dict(asked, format='raw', shallow=True, finish=True,
                                       **{'reuse-external': True}), asked))
        self.assertRegex(second[0], r'^/.*/here$')

    def test_plan_is_carried_out(self):
        self.daemon.do('plan', '*', 'plan', {'Steps': [{'kind': 'commit', 'text': 'x'}]})
        self.daemon.do('plan', '*', 'instantly', True)
        plan = self.run_client('plan', 'vm1', '-q')[1].strip()
        process = self.start_one('consolidate', '--plan', plan, '--bandwidth', '1M',
                                 method='Execute')
        self.daemon.do('end', '1', 'done')
        self.assertEqual(self.finish(process),
                         (0, 'vm1 vda: 6 layers merged into 1, 1.2 GiB freed\n', ''))
        (_, _, options), = self.daemon.calls('Execute')
        self.assertEqual(options, {'bandwidth': MIB, 'no-interaction': True})

    def test_names_are_looked_up_before_anything_starts(self):
        self.assertEqual(self.run_client('consolidate', 'vm1', 'nobody'),
                         (1, '', "sinter: no domain 'nobody'\n"))
        self.assertEqual(self.daemon.calls('Consolidate'), [])

    def test_few_calls_lead_to_the_job(self):
        """What the way to a commit costs is these."""
        self.daemon.do('plan', '*', 'instantly', True)
        self.run_client('commit', 'vm1', 'vda')
        self.assertEqual([method for _, method, _, _ in self.daemon.do('calls')],
                         ['LookupDomain', 'Commit'])

    def test_timeout(self):
        process = self.start_one('consolidate', 'vm1', '--timeout', '1')
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (5, ''))
        self.assertEqual(err, 'sinter: not finished within 1 s: cancelling job 1\n'
                              'sinter: vm1 vda: job 1 was cancelled\n')

    def test_timeout_that_comes_too_late(self):
        process = self.start_one('consolidate', 'vm1', '--timeout', '1')
        self.daemon.do('job', '1', {'Phase': 'pivoting', 'Cancelable': False})
        self.daemon.until(lambda daemon: daemon.calls('Cancel'))
        self.daemon.do('end', '1', 'done')
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (0, 'vm1 vda: 6 layers merged into 1, 1.2 GiB freed\n'))
        self.assertIn('sinter: job 1 is pivoting and can no longer be cancelled\n', err)

    def test_interrupt_on_pipes(self):
        process = self.start_one('consolidate', 'vm10', '--verbose')
        for _ in range(2):
            process.stderr.readline()
        process.send_signal(signal.SIGINT)
        status, out, err = self.finish(process)
        self.assertEqual((status, out), (5, ''))
        self.assertIn('cancelling jobs 1, 2', err)
        self.assertIn('vm10 vda: job 1 was cancelled', err)
        self.assertIn('vm10 vdb: job 2 was cancelled', err)


class OnTerminal(CliCase):
    """What a user sees."""

    def start_one(self, *words, **how):
        terminal = self.client.on_terminal(*words, **how)
        self.addCleanup(terminal.close)
        return terminal

    def test_bar(self):
        terminal = self.start_one('consolidate', 'vm1')
        terminal.expect_on_screen(r'^vm1 vda  queued$')
        self.daemon.do('job', '1', progress(0.456))
        terminal.expect_on_screen(r'^vm1 vda  copying     45%  [█]+[░]+ +933.9 MiB / 2 GiB +'
                                  r'100 MiB/s$')
        self.daemon.do('job', '1', progress(0.9))
        terminal.expect_on_screen(r'^vm1 vda  copying     90%  ')
        self.daemon.do('end', '1', 'done')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.screen(), 'vm1 vda: 6 layers merged into 1, 1.2 GiB freed',
                         'the bar is gone')

    def test_bars_side_by_side(self):
        terminal = self.start_one('consolidate', 'vm1', 'vm10')
        terminal.expect_on_screen('(?m)^vm10 vdb  queued$')
        self.daemon.do('job', '1', progress(0.25))
        self.daemon.do('job', '3', progress(0.75))
        terminal.expect_on_screen(r'(?m)^vm1 vda   copying     25%')
        terminal.expect_on_screen(r'(?m)^vm10 vdb  copying     75%')
        self.assertEqual(len(terminal.screen().splitlines()), 3)
        self.daemon.do('end', '1', 'done')
        terminal.expect_on_screen(r'^vm1 vda: 6 layers merged into 1, 1.2 GiB freed\n'
                                  r'vm10 ')
        self.daemon.do('end', '2', 'failed', 'Failed', 'broken')
        self.daemon.do('end', '3', 'done')
        self.assertEqual(terminal.wait(), 1)
        self.assertEqual(terminal.screen().splitlines(), [
            'vm1 vda: 6 layers merged into 1, 1.2 GiB freed',
            'sinter: vm10 vda: job 2 failed: broken',
            'vm10 vdb: 2 layers merged into 1, 256 MiB freed'])

    def test_width_is_respected(self):
        for columns in (30, 60, 80, 200):
            terminal = self.start_one('commit', 'vm1', 'vda', columns=columns)
            terminal.expect_on_screen('queued')
            job = str(len(self.daemon.calls('Commit')))
            self.daemon.do('job', job, progress(0.5))
            terminal.expect_on_screen('50%')
            self.assertTrue(all(len(line) < columns for line in terminal.screen().splitlines()))
            self.daemon.do('end', job, 'done')
            self.assertEqual(terminal.wait(), 0)

    def test_only_the_screen_has_bars(self):
        terminal = self.start_one('consolidate', 'vm1', stdout_to_pipe=True)
        terminal.expect_on_screen('queued')
        self.daemon.do('end', '1', 'done')
        self.assertEqual(terminal.process.stdout.read(),
                         b'vm1 vda: 6 layers merged into 1, 1.2 GiB freed\n')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.screen(), '')

    def test_quiet_has_none(self):
        terminal = self.start_one('consolidate', 'vm1', '-q')
        self.daemon.until(lambda daemon: daemon.calls('Consolidate'))
        self.daemon.do('job', '1', progress(0.5))
        self.daemon.do('end', '1', 'done')
        self.assertEqual(terminal.wait(), 0)
        self.assertEqual(terminal.text, '')

    def test_ctrl_c_cancels(self):
        terminal = self.start_one('consolidate', 'vm1')
        terminal.expect_on_screen('queued')
        terminal.press_ctrl_c()
        self.assertEqual(terminal.wait(), 5)
        self.assertEqual(len(self.daemon.calls('Cancel')), 1)
        self.assertEqual([line.removeprefix('^C') for line in terminal.screen().splitlines()], [
            'sinter: cancelling job 1; press Ctrl-C again to exit while it continues',
            'sinter: vm1 vda: job 1 was cancelled'])

    def test_ctrl_c_twice_leaves(self):
        self.daemon.do('plan', '*', 'stubborn', True)
        terminal = self.start_one('consolidate', 'vm1')
        terminal.expect_on_screen('queued')
        terminal.press_ctrl_c()
        terminal.expect('cancelling job 1')
        terminal.press_ctrl_c()
        self.assertEqual(terminal.wait(), 5)
        self.assertEqual(len(self.daemon.calls('Cancel')), 1)
        self.assertIn("job 1 continues in sinterd; use 'sinter jobs'", terminal.screen())
        self.assertEqual(json.loads(self.run_client('job', '1', '--json')[1])['phase'], 'queued',
                         'it goes on')

    def test_ctrl_c_while_it_is_being_started(self):
        self.daemon.do('plan', '*', 'Consolidate', 'hold')
        terminal = self.start_one('consolidate', 'vm1', 'vm10')
        self.daemon.until(lambda daemon: daemon.do('held') == 1)
        terminal.press_ctrl_c()
        terminal.expect('cancelling the jobs being started')
        self.daemon.do('release')
        self.assertEqual(terminal.wait(), 5)
        self.assertEqual(len(self.daemon.calls('Cancel')), 1)
        self.assertEqual({path for path, _, _ in self.daemon.calls('Consolidate')},
                         {disk_path(1, 'vda').rsplit('/disks', 1)[0]},
                         'the second domain was not begun')

    def test_async_wait_does_not_wait_for_the_cancellation(self):
        self.daemon.do('plan', '*', 'stubborn', True)
        terminal = self.start_one('commit', 'vm1', 'vda', '--wait', '--async')
        terminal.expect_on_screen('queued')
        terminal.press_ctrl_c()
        self.assertEqual(terminal.wait(), 5)
        self.assertIn('sinter: job 1: cancellation requested', terminal.screen())


class Vanishing(CliCase):
    """The daemon is killed while the client waits."""

    def start_one(self, *words):
        terminal = self.client.on_terminal(*words)
        self.addCleanup(terminal.close)
        terminal.expect_on_screen('queued')
        return terminal

    def come_back(self, **job):
        """Another daemon, which has taken the job over."""
        state = usual_state()
        state['jobs'] = [dict({'Id': '1', 'Operation': 'active-commit', 'DomainName': 'vm1',
                               'Disk': 'vda', 'Cancelable': True, 'Phase': 'copying',
                               'Objects': [disk_path(1, 'vda')]}, **job)] if job else []
        self.daemon = FakeDaemon(self.bus, self.XML, state)
        self.addCleanup(self.daemon.close)

    def test_followed_on(self):
        terminal = self.start_one('consolidate', 'vm1')
        self.daemon.kill()
        terminal.expect('sinterd has stopped: job 1 continues in libvirt and is resumed when sinterd '
                        'is started again; waiting')
        self.come_back(Phase='copying')
        terminal.expect('sinterd is back')
        self.daemon.do('job', '1', progress(0.77))
        terminal.expect_on_screen('(?m)^vm1 vda  copying     77%')
        self.daemon.do('end', '1', 'done')
        self.assertEqual(terminal.wait(), 0)
        self.assertIn('vm1 vda: 6 layers merged into 1', terminal.screen())

    def test_ended_meanwhile(self):
        terminal = self.start_one('commit', 'vm1', 'vda')
        self.daemon.kill()
        terminal.expect('sinterd has stopped')
        self.come_back(Phase='failed', ErrorMessage='broken', StartTime=1)
        self.assertEqual(terminal.wait(), 1)
        self.assertIn('sinter: vm1 vda: job 1 failed: broken', terminal.screen())

    def test_forgotten_meanwhile(self):
        terminal = self.start_one('commit', 'vm1', 'vda')
        self.daemon.kill()
        terminal.expect('sinterd has stopped')
        self.come_back()
        self.assertEqual(terminal.wait(), 1)
        self.assertIn('job 1: its result is unknown', terminal.screen())

    def test_ctrl_c_while_it_is_away(self):
        terminal = self.start_one('commit', 'vm1', 'vda')
        self.daemon.kill()
        terminal.expect('sinterd has stopped')
        terminal.press_ctrl_c()
        terminal.expect('cancelling job 1')
        self.come_back(Phase='copying')
        self.assertEqual(terminal.wait(), 5)
        self.assertEqual(len(self.daemon.calls('Cancel')), 1)

    def test_gone_for_good(self):
        terminal = self.start_one('commit', 'vm1', 'vda')
        self.daemon.kill()
        self.assertEqual(terminal.wait(), 1)
        self.assertIn("sinterd did not return within 10 s; after it is started, "
                      "'sinter jobs' shows job 1", terminal.screen().replace('\n', ' '))

    def test_gone_while_it_is_asked(self):
        self.daemon.do('plan', '*', 'Consolidate', 'hold')
        process = self.client.start('consolidate', 'vm1')
        self.daemon.until(lambda daemon: daemon.do('held') == 1)
        self.daemon.kill()
        out, err = process.communicate()
        self.assertEqual((process.returncode, out), (1, ''))
        self.assertEqual(err, 'sinter: sinterd left the session bus before it replied; '
                              "'sinter jobs' shows the jobs that it started\n")

    def test_the_bus_goes(self):
        terminal = self.start_one('commit', 'vm1', 'vda')
        self.bus.stop()
        self.assertEqual(terminal.wait(), 1)
        self.assertIn("the message bus was lost; 'sinter jobs' shows job 1", terminal.screen())


class Monitor(CliCase):
    def start_one(self, *words):
        terminal = self.client.on_terminal('monitor', *words)
        self.addCleanup(terminal.close)
        return terminal

    def until_it_listens(self, terminal, seen):
        """Events until one of them is seen: then it listens."""
        def try_once(daemon):
            daemon.do('event', 1, 'connected', '', '', {})
            terminal.read_what_is_there()
            return seen in terminal.text

        self.daemon.until(try_once)

    def test_lines(self):
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        terminal = self.start_one()
        self.until_it_listens(terminal, 'connected to libvirt')
        self.daemon.do('event', 1700000000123456, 'block-job', 'vm1', 'vda',
                       {'status': 3, 'job-type': 4})
        terminal.expect(r'2023-11-14 22:13:20\.123 vm1 vda: block job ready \(active-commit\)')
        self.daemon.do('job', '1', progress(0.1))
        terminal.expect(r'vm1 vda: job 1 \(active-commit\): copying')
        self.daemon.do('job', '1', progress(0.2))
        self.daemon.do('end', '1', 'failed', 'Failed', 'broken')
        terminal.expect(r'vm1 vda: job 1 \(active-commit\): failed: job 1 failed: broken')
        self.assertEqual(terminal.text.count('copying'), 1, 'a line a phase')
        self.daemon.do('new_job', disk_path(10, 'vda'), 'pull')
        terminal.expect(r'vm10 vda: job 2 \(pull\): queued')
        terminal.press_ctrl_c()
        self.assertEqual(terminal.wait(), 0)

    def test_json(self):
        terminal = self.start_one('--json')
        self.until_it_listens(terminal, '"connected"')
        self.daemon.do('event', 7, 'io-error', 'vm1', 'vda', {'path': '/a', 'detail': 1})
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        terminal.expect('"queued"')
        terminal.press_ctrl_c()
        self.assertEqual(terminal.wait(), 0)
        *_, event, job = [json.loads(line) for line in terminal.screen().splitlines()
                          if line.startswith('{')]
        self.assertEqual([event['time'], event['kind'], event['domain-name'],
                          event['details']['detail']], [7, 'io-error', 'vm1', 1])
        self.assertEqual([job['kind'], job['job']['phase']], ['job', 'queued'])

    def test_daemon_goes_and_comes(self):
        terminal = self.start_one()
        self.until_it_listens(terminal, 'connected to libvirt')
        self.daemon.kill()
        terminal.expect('sinterd has stopped')
        state = usual_state()
        self.daemon = FakeDaemon(self.bus, self.XML, state)
        self.addCleanup(self.daemon.close)
        terminal.expect('sinterd is back')
        self.daemon.do('new_job', disk_path(1, 'vda'), 'active-commit')
        terminal.expect('queued')
        terminal.process.send_signal(signal.SIGTERM)
        self.assertEqual(terminal.wait(), 0)


if __name__ == '__main__':
    unittest.main()
