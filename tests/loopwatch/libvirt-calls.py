# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists libvirt's functions that a program calls, for loop-watch.c: libvirt-calls.py NM PROGRAM."""

import re
import subprocess
import sys

# What asks nobody: it reads or frees what the process holds, or sets up the process.
LOCAL = re.compile('|'.join([
    'virDomainFree', 'virDomainGetConnect', 'virDomainGetName', 'virDomainGetUUIDString',
    'virDomainSnapshotFree', 'virDomainSnapshotGetName',
    'virStoragePoolFree', 'virStoragePoolGetName', 'virStorageVolFree',
    'virConnectRef', 'virEvent.*', 'virInitialize', 'virTypedParams.*',
    'virFreeError', 'virGetLastError.*', 'virResetLastError', 'virSaveLastError',
    'virSetErrorFunc',
]))


def main(nm, program):
    symbols = subprocess.run([nm, '-D', '--undefined-only', program], check=True,
                             capture_output=True, text=True).stdout
    names = sorted(set(re.findall(r' (vir[A-Z]\w+)', symbols)))
    if not names:
        sys.exit(f'{program} calls nothing of libvirt')
    for name in names:
        if not LOCAL.fullmatch(name):
            print(f'WATCH({name}, check_always)')


main(*sys.argv[1:])
