# SPDX-License-Identifier: LGPL-2.1-or-later
"""Our programs under test: how they are started, what they cost, which files they open."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

CHECK_TOOL = os.environ.get('SINTER_CHECK_TOOL', 'check-tool')
ENGINE_TOOL = os.environ.get('SINTER_ENGINE_TOOL', 'engine-tool')
REPLAYS = os.environ.get('SINTER_REPLAYS', '').split()
MEASURE = os.environ.get('SINTER_MEASURE', 'measure')
SANITIZED = os.environ.get('SINTER_SANITIZED', '') not in ('', 'none')
STRACE = shutil.which('strace')

# What every program opens before its main(): libraries, locales, and what the C library asks.
HOUSEKEEPING = re.compile(r'^(/usr)?/lib|^/etc/ld\.so|^/(proc|sys)/|^/usr/share/locale'
                          r'|\.so(\.\d+)*$')
# A call that opened: not one with O_PATH, which only looks. The path is the kernel's own word.
OPENED = re.compile(r'\b(?:open|openat|openat2)\((?!.*O_PATH).*= \d+<(.*)>$')


@dataclass
class Run:
    """One finished run; `opened` only where it was traced."""
    status: int
    out: bytes
    err: str
    cpu_msec: int = 0
    peak_kib: int = 0
    opened: tuple = ()

    @property
    def crashed(self):
        """By a signal, or stopped by a sanitizer. A reader that hangs up is no crash."""
        return self.status >= 128 and self.status != 128 + 13 or 'Sanitizer' in self.err \
            or 'runtime error:' in self.err

    def __str__(self):
        return f'status {self.status}, {self.cpu_msec} ms, {self.peak_kib} KiB: {self.err[:500]}'


CHECKS = {'check': (), 'check-deep': ('--deep',), 'check-chain': ('--chain',)}


def command_of(verb, path, image_format):
    if verb.startswith('check'):
        return [CHECK_TOOL, '--keep-going', '--format', image_format, *CHECKS[verb], path]
    return [ENGINE_TOOL, verb, path, image_format]


@dataclass(frozen=True)
class Finding:
    klass: str
    code: str
    guest: int
    host: int
    times: int
    owners: tuple
    text: str

    def __str__(self):
        return f'{self.klass} {self.code} guest={self.guest} host={self.host} ' \
            f'owners={self.owners}: {self.text}'


@dataclass
class Check:
    """What our check said: findings, or why it could not run."""
    run: Run
    findings: list
    qemu: dict          # the counts that qemu-img check should have: corruptions, leaks, errors
    stats: dict         # allocated, total, compressed, fragmented, end …
    trouble: str = ''


FINDING = re.compile(r'finding (\S+) (\S+) guest=(\S+) host=(\S+) .*?times=(\d+) owners=(.*)')
OWNER = re.compile(r'(?:^|,)([a-z][a-z0-9-]*):0x[0-9a-f]+')


def number(text):
    return None if text == '-' else int(text, 16)


def numbers(lines, start):
    """The NAME=N of the line that begins so."""
    line = next((line for line in lines if line.startswith(start)), '')
    return {name: int(n) for name, n in re.findall(r'([a-z0-9-]+)=(\d+)', line)}


def check(path, deep=False, max_per_code=1000):
    """The one place that knows the output of the program that checks."""
    run = measured([CHECK_TOOL, '--keep-going', '--format', 'qcow2', '--max', str(max_per_code),
                    *(['--deep'] if deep else []), path], limit=-1)
    lines = run.out.decode(errors='replace').splitlines()
    findings = []
    for match in filter(None, map(FINDING.match, lines)):
        code, klass, guest, host, times, rest = match.groups()
        findings.append(Finding(klass, code, number(guest), number(host), int(times),
                                tuple(OWNER.findall(rest)), rest))
    trouble = next((line for line in lines if line.startswith('result ')), '')
    return Check(run, findings, numbers(lines, 'qemu '), numbers(lines, 'stats '),
                 trouble.partition('trouble=')[2])


def measured(command, limit=1 << 20):
    """Runs it, reads at most `limit` bytes of what it says (-1: all), and tells what it cost."""
    with tempfile.NamedTemporaryFile() as figures, tempfile.TemporaryFile() as errors:
        with subprocess.Popen([MEASURE, figures.name, *command], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=errors) as process:
            out = process.stdout.read(limit)
            process.stdout.close()
            process.wait()
        errors.seek(0)
        status, cpu_msec, peak_kib, _usec = map(int, figures.read().split())
        return Run(status, out, errors.read().decode(errors='replace'), cpu_msec, peak_kib)


def traced(command):
    """Runs it under strace: which files it opened, by their true names."""
    with tempfile.NamedTemporaryFile(mode='r', errors='replace') as trace:
        done = subprocess.run([STRACE, '-f', '-y', '-qq', '-s', '4096', '-o', trace.name,
                               '-e', 'trace=open,openat,openat2', *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False)
        names = [name for line in trace for name in OPENED.findall(line.rstrip())
                 if not HOUSEKEEPING.search(name)]
    return Run(done.returncode, b'', done.stderr.decode(errors='replace'), opened=tuple(names))
