#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that are run for incidents: what they read, and what becomes of those that misbehave; and
the examples, with a server that takes what they send."""

import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import unittest

import images_of
from lib import stage
from lib.stage import NAME

HOOKS = os.path.join(stage.TOP, 'docs', 'examples', 'hooks')
INCIDENT = {'version': 1, 'id': '7', 'domain-name': 'web', 'domain-uuid': 'u', 'disk': 'vda',
            'state': 'open', 'paused': True, 'cause': 'file-system-full', 'image': '/i',
            'summary': 'it is full', 'advice': 'make room', 'evidence': ['0 bytes free'], 'events': 1,
            'attempts': 0, 'first-time': 1, 'last-time': 2, 'resolved-time': 0, 'outcome': ''}
PROGRAMS = {
    '10-reads': 'cat > "$OUT/seen"; env > "$OUT/env"; pwd > "$OUT/pwd"; echo "it has read"',
    '20-fails': 'echo "no way" >&2; exit 3',
    '30-hangs': 'sleep 1000 & echo $$ $! > "$OUT/pids"; wait',
    '40-floods': 'exec yes "a line that is long enough to fill sixty-four KiB soon"',
    '50-does-not-read': 'exit 0',
    '60-of-others': 'touch "$OUT/wrong"',
    '.hidden': 'touch "$OUT/wrong"',
    'a~': 'touch "$OUT/wrong"',
    'no-program': 'touch "$OUT/wrong"',
    '90-last': 'touch "$OUT/last"',
}


class Hooks(stage.BusCase):
    @classmethod
    def stage_up(cls):
        images_of.fill(cls.stage)
        images_of.leave_incident(cls.stage)
        cls.folder, cls.out = cls.stage.path('hooks.d'), cls.stage.path('out')
        os.mkdir(cls.folder)
        os.mkdir(cls.out)
        for name, body in PROGRAMS.items():
            path = os.path.join(cls.folder, name)
            with open(path, 'w', encoding='utf-8') as file:
                file.write(f'#!/bin/sh\nOUT={cls.out}\n{body}\n')
            os.chmod(path, 0o644 if name == 'no-program' else 0o775 if 'others' in name else 0o755)
        cls.stage.write('sinter.conf', f'[hooks]\nfolders={cls.folder}\ntime-limit-sec=15\n')
        cls.stage.start_polkit()
        cls.stage.allow_all()
        cls.stage.sinterd.start()

    def read(self, name):
        with open(os.path.join(self.out, name), encoding='utf-8') as file:
            return file.read()

    def test_all_kinds(self):
        client = self.stage.client()
        client.call(client.manager('LookupIncident', '1'), NAME + '.Incident', 'Resolve')
        log = self.stage.sinterd.wait_log
        log("Hook '10-reads': it has read")
        log("Hook '20-fails': no way")
        log("Hook '20-fails' failed for incident 1: it ended with status 3")
        self.assertEqual(client.manager('Rescan'), ())      # one hangs: everything else goes on
        log("Hook '30-hangs' failed for incident 1: it did not end within 15000 ms")
        log("Hook '40-floods' failed for incident 1: it printed more than 64 KiB")
        log("Hook '60-of-others' failed for incident 1: it is not used because other users can")
        stage.wait_until(lambda: os.path.exists(os.path.join(self.out, 'last')), 'the last program')
        self.assertFalse(os.path.exists(os.path.join(self.out, 'wrong')))
        told = json.loads(self.read('seen'))
        self.assertEqual(set(told), set(INCIDENT))
        self.assertEqual((told['id'], told['state'], told['outcome']),
                         ('1', 'resolved', 'a user resolved it'))
        self.assertEqual({line.split('=')[0] for line in self.read('env').splitlines()}
                         - {'PWD', 'OLDPWD', 'SHLVL', '_'}, {'PATH', 'LC_ALL'})
        self.assertEqual(self.read('pwd'), '/\n')
        for pid in self.read('pids').split():       # it, and what it has started
            self.assertFalse(self.is_alive(pid), pid)

    @staticmethod
    def is_alive(pid):
        try:
            with open(f'/proc/{pid}/stat', encoding='ascii') as file:
                return file.read().rsplit(') ', 1)[1][0] != 'Z'
        except FileNotFoundError:
            return False


class Examples(unittest.TestCase):
    def run_example(self, name, incident, **env):
        return subprocess.run([os.path.join(HOOKS, name)], input=json.dumps(incident), text=True,
                              capture_output=True, timeout=60, check=False,
                              env={'PATH': os.environ['PATH'], **env})

    @unittest.skipUnless(shutil.which('curl'), 'curl is not installed')
    def test_webhook(self):
        got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                got.append(json.loads(self.rfile.read(int(self.headers['Content-Length']))))
                self.send_response(404 if self.path == '/gone' else 200)
                self.end_headers()

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(('127.0.0.1', 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            url = f'http://127.0.0.1:{server.server_address[1]}'
            done = self.run_example('webhook', dict(INCIDENT, summary='it is "full"'),
                                    SINTER_WEBHOOK_URL=url + '/x')
            self.assertEqual((done.returncode, done.stderr), (0, ''))
            gone = self.run_example('webhook', INCIDENT, SINTER_WEBHOOK_URL=url + '/gone')
            self.assertNotEqual(gone.returncode, 0)
            server.shutdown()
        self.assertIn('incident 7 of web, disk vda is open, the guest is paused: it is "full"',
                      got[0]['text'])

    def test_mail(self):
        lines = []
        with socket.create_server(('127.0.0.1', 0)) as server:
            thread = threading.Thread(target=self.serve_mail, args=(server, lines), daemon=True)
            thread.start()
            done = self.run_example('mail', dict(INCIDENT, **{'domain-name': 'web\nBcc: x@y'}),
                                    SINTER_MAIL_SERVER=f'127.0.0.1:{server.getsockname()[1]}',
                                    SINTER_MAIL_TO='you@example.com')
            thread.join(60)
        self.assertEqual((done.returncode, done.stderr), (0, ''))
        self.assertIn('To: you@example.com', lines)
        self.assertIn('summary: it is full', lines)
        self.assertIn('sinter incidents 7', lines)
        head = lines[:lines.index('')]
        self.assertFalse([line for line in head if line.startswith('Bcc')])

    @staticmethod
    def serve_mail(server, lines):
        connection, _ = server.accept()
        with connection, connection.makefile('rw', newline='', encoding='utf-8') as file:
            def say(text):
                file.write(text + '\r\n')
                file.flush()
            say('220 here')
            for line in file:
                word = line.split(None, 1)[0].upper()
                if word == 'DATA':
                    say('354 go on')
                    for text in file:
                        if text.rstrip('\r\n') == '.':
                            break
                        lines.append(text.rstrip('\r\n'))
                say('221 bye' if word == 'QUIT' else '250 good')
                if word == 'QUIT':
                    break


if __name__ == '__main__':
    unittest.main()
