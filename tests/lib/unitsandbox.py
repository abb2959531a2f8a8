# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a command in the sandbox that a systemd unit describes, where no systemd runs.

    unitsandbox.py UNIT COMMAND [ARGUMENT…]

What is set is what a process inherits and systemd would set before it executes the command: the
bounding set of capabilities, no new privileges, and filters of system calls, of socket families and
of memory that can be both written and executed. The rest (mounts, cgroups, other filters) is for
systemd alone. The names of system calls behind a group come from systemd-analyze.
"""

import configparser
import ctypes
import ctypes.util
import errno
import os
import socket
import subprocess
import sys

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38
ALLOW, ERRNO = 0x7fff0000, 0x00050000
EQUAL, MASKED_EQUAL = 4, 7
PROT_WRITE_EXEC = 6
KNOWN_FAMILIES = 64
CAPABILITIES = ('CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP '
                'LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK '
                'IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE').split()


class Compare(ctypes.Structure):
    _fields_ = [('argument', ctypes.c_uint), ('operator', ctypes.c_int),
                ('first', ctypes.c_uint64), ('second', ctypes.c_uint64)]


class MultiDict(dict):
    """Lines of the same name add up, as in a unit."""

    def __setitem__(self, key, value):
        if key in self and isinstance(value, list):
            self[key].extend(value)
        else:
            super().__setitem__(key, value)


def read(path):
    """The [Service] section: names to words."""
    parser = configparser.RawConfigParser(dict_type=MultiDict, strict=False, delimiters=('=',),
                                          interpolation=None)
    parser.optionxform = str
    parser.read(path, encoding='utf-8')
    return {name: value.split() for name, value in parser.items('Service')}


def system_calls(words):
    """The names that the words stand for, groups within groups too."""
    names = set()
    for word in words:
        if not word.startswith('@'):
            names.add(word)
            continue
        listed = subprocess.run(['systemd-analyze', 'syscall-filter', word], check=True, text=True,
                                capture_output=True).stdout
        names |= system_calls(line.split()[0] for line in listed.splitlines()[1:]
                              if line.strip() and not line.strip().startswith('#'))
    return names


class Filter:
    def __init__(self, default):
        self.lib = ctypes.CDLL(ctypes.util.find_library('seccomp') or 'libseccomp.so.2')
        self.lib.seccomp_init.restype = ctypes.c_void_p
        self.context = ctypes.c_void_p(self.lib.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action, name, *comparisons):
        """A name that this architecture has not is passed over."""
        number = self.lib.seccomp_syscall_resolve_name(name.encode())
        array = (Compare * max(1, len(comparisons)))(*comparisons)
        if number >= 0 and self.lib.seccomp_rule_add_array(
                self.context, ctypes.c_uint32(action), number, len(comparisons), array) != 0:
            raise RuntimeError(f'no filter for {name}')

    def load(self):
        if self.lib.seccomp_load(self.context) != 0:
            raise RuntimeError('the kernel takes no filter')


def filter_calls(service):
    allowed = Filter(ERRNO | errno.EPERM)
    for name in system_calls(service['SystemCallFilter']):
        allowed.add(ALLOW, name)
    allowed.load()


def filter_arguments(service):
    families = {int(getattr(socket, word)) for word in service['RestrictAddressFamilies']}
    forbidden = Filter(ALLOW)
    for family in set(range(KNOWN_FAMILIES)) - families:
        forbidden.add(ERRNO | errno.EAFNOSUPPORT, 'socket', Compare(0, EQUAL, family, 0))
    if service['MemoryDenyWriteExecute'] == ['yes']:
        forbidden.add(ERRNO | errno.EPERM, 'mmap',
                      Compare(2, MASKED_EQUAL, PROT_WRITE_EXEC, PROT_WRITE_EXEC))
    forbidden.load()


def bound_capabilities(service):
    libc = ctypes.CDLL(None, use_errno=True)
    kept = {CAPABILITIES.index(word.removeprefix('CAP_'))
            for word in service['CapabilityBoundingSet']}
    number = 0
    while libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        if number not in kept and libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), 'bounding the capabilities')
        number += 1
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'no new privileges')


def main():
    service = read(sys.argv[1])
    bound_capabilities(service)
    filter_arguments(service)
    filter_calls(service)
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == '__main__':
    main()
