# SPDX-License-Identifier: LGPL-2.1-or-later
"""QEMU's tools, asked for their opinion of an image."""

import json
import os
import subprocess

VERDICTS = {0: 'clean', 1: 'refused', 2: 'corrupt', 3: 'leaks', 63: 'unsupported'}


def qemu_img(*arguments, folder=None, timeout=60):
    return subprocess.run(['qemu-img', *map(str, arguments)], stdin=subprocess.DEVNULL,
                          capture_output=True, cwd=folder, check=False, timeout=timeout)


def check(path, key=None):
    """qemu-img check: {'verdict', 'corruptions', 'leaks', 'check-errors', 'said', …}."""
    where = [path]
    if key:
        where = ['--object', f'secret,id=key,data={key}', '--image-opts',
                 f'driver=qcow2,encrypt.key-secret=key,file.filename={path}']
    done = qemu_img('check', '--output=json', *where, folder=os.path.dirname(path) or '.')
    report = json.loads(done.stdout) if done.stdout.strip() else {}
    return {'corruptions': 0, 'leaks': 0, 'check-errors': 0, **report,
            'verdict': VERDICTS.get(done.returncode, f'status {done.returncode}'),
            'said': done.stderr.decode(errors='replace').strip()}


def info(path):
    done = qemu_img('info', '--output=json', path)
    return json.loads(done.stdout) if done.returncode == 0 else done.stderr.decode()


def content(path, image_format, snapshot=None):
    """What the guest would read, through qemu-img convert; an error as text."""
    out = path + '.read'
    select = ['-l', f'snapshot.id={snapshot}'] if snapshot else []
    done = qemu_img('convert', '-f', image_format, '-O', 'raw', *select, path, out,
                    folder=os.path.dirname(path) or '.')
    if done.returncode != 0:
        return done.stderr.decode()
    with open(out, 'rb') as file:
        read = file.read()
    os.unlink(out)
    return read
