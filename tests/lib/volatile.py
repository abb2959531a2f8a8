# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host loses its power: what the programs of a bench wrote and did not sync is undone.

tests/live/volatile-storage.c, preloaded into all of them, keeps the log. Names that were changed
and whose folder was not synced are as they were, and so are the bytes of files. What was written
before arm() is durable.
"""

import os
import shutil
import struct

from .bench import BUILD

LIBRARY = os.path.join(BUILD, 'tests', 'live', 'libvolatile-storage.so')
HEAD = struct.Struct('=IIQQQQ')
DATA, SYNC, RENAME, UNLINK = 1, 2, 3, 4
ROOTS = ('images', 'config', 'state')


class VolatileStorage:
    def __init__(self, bench):
        self.bench = bench
        self.path = os.path.join(bench.folder('home'), 'volatile.log')
        with open(self.path, 'wb'):
            pass

    def preload(self, service):
        """Into this service and what it starts; before it is started."""
        before = service.env.get('LD_PRELOAD')
        service.env = {**service.env, 'LD_PRELOAD': ':'.join(filter(None, (LIBRARY, before)))}

    def arm(self):
        os.truncate(self.path, 0)

    def entries(self):
        with open(self.path, 'rb') as file:
            log = file.read()
        place = 0
        while place < len(log):
            kind, n_bytes, device, inode, offset, size = HEAD.unpack_from(log, place)
            place += HEAD.size
            yield kind, (device, inode), offset, size, log[place:place + n_bytes]
            place += n_bytes

    def lost(self):
        """The entries that no later sync covers, the last one first."""
        synced, found = set(), []
        for entry in reversed(list(self.entries())):
            if entry[0] == SYNC:
                synced.add(entry[1])
            elif entry[1] not in synced:
                found.append(entry)
        return found

    def files(self):
        """The path of each file of the bench that must last, by identity."""
        found = {}
        for root in ROOTS:
            for folder, _folders, names in os.walk(self.bench.folder(root)):
                for name in names:
                    path = os.path.join(folder, name)
                    state = os.lstat(path)
                    found[state.st_dev, state.st_ino] = path
        return found

    def lose(self):
        """Undo it, after all programs have ended; the number of changes that are lost. What is in
        the runtime folder, which does not survive a host, goes too: sockets, process ids, libvirt's
        state of running domains."""
        n_lost, paths = 0, self.files()
        for kind, identity, offset, size, content in self.lost():
            if kind == DATA:
                n_lost += restore_bytes(paths.get(identity), offset, size, content)
            elif restore_name(kind, content.decode()):
                n_lost, paths = n_lost + 1, self.files()
        shutil.rmtree(os.path.join(self.bench.folder('run'), 'libvirt'))
        self.arm()
        return n_lost


def restore_bytes(path, offset, size, content):
    if path is None:
        return 0
    with open(path, 'r+b') as file:
        file.seek(offset)
        file.write(content)
        file.truncate(size)
    return 1


def restore_name(kind, text):
    path, saved, former = text.split('\n')
    if not any(f'/{root}/' in path for root in ROOTS):
        return False
    if kind == RENAME and os.path.exists(path):
        os.rename(path, former)
    if saved:
        os.link(saved, path + '.back')
        os.rename(path + '.back', path)
    return True
