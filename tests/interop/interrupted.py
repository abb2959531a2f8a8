# SPDX-License-Identifier: LGPL-2.1-or-later
"""Operations that do not come to their end: what must hold then, and that the same command, given
again, finishes the work.

The chain is top.qcow2 over mid.qcow2 over base.qcow2, of the size that is asked for, with data in
scattered places. A row of OPERATIONS is a command line with what it makes of the chain.
"""

import hashlib
import os
import re
import subprocess
import threading
from dataclasses import dataclass, field

import img
from operations import Plan, over
from random_image import Chain, Layer
from trial import Failed, Trial, qemu

KIB, MIB = 1024, 1024 * 1024


# -- the chain --------------------------------------------------------------------------


class Disk:
    """One image under construction: scattered writes, and what it shows then."""

    def __init__(self, folder, name, size, backing=None, options=''):
        self.folder, self.name, self.backing = folder, name, backing
        self.content = bytearray(backing.content if backing else bytes(size))
        below = ['-b', os.path.basename(backing.path), '-F', 'qcow2'] if backing else []
        qemu('create', '-q', '-f', 'qcow2', *below, *(['-o', options] if options else []), name,
             str(size), folder=folder)

    def write(self, byte, pieces):
        words = []
        for offset, length in pieces:
            self.content[offset:offset + length] = bytes([byte]) * length
            words += ['-c', f'write -q -P {byte} {offset} {length}']
        subprocess.run([img.QEMU_IO, '-f', 'qcow2', *words, self.name], cwd=self.folder, check=True)
        return self

    def layer(self, snapshots=None):
        return Layer(os.path.join(self.folder, self.name), 'qcow2', bytes(self.content),
                     snapshots or {}, self.name)


def make_chain(folder, size=4 * MIB):
    """A third of each image is its own."""
    step = size // 16
    base = Disk(folder, 'base.qcow2', size).write(
        1, [(at, step // 2) for at in range(0, size, step)]).layer()
    mid = Disk(folder, 'mid.qcow2', size, base, 'cluster_size=16k').write(
        2, [(at + step // 4, step // 3) for at in range(0, size, 2 * step)]).layer()
    disk = Disk(folder, 'top.qcow2', size, mid).write(
        3, [(at, step // 4) for at in range(step // 3, size - step, step)])
    qemu('snapshot', '-c', 'first', 'base.qcow2', folder=folder)
    base.snapshots['1'] = base.content
    return Chain(0, [disk.layer(), mid, base])


# -- what is done to it ------------------------------------------------------------------


@dataclass
class Row:
    """How to plan it, and the images that nobody can rely on until it is done."""

    plan: callable
    blurs: list = field(default_factory=list)
    needs_space: bool = True          # on a full disk it cannot be done
    keeps_snapshots: bool = True
    done_already: str = None          # what it says, given again, where it was as good as done


def plan_in_place(args, name='top.qcow2', change=lambda content: content):
    def plan(chain):
        return Plan([*args, name], shows={
            os.path.basename(layer.path):
            change(layer.content) if layer.path.endswith('/' + name) else layer.content
            for layer in chain.layers})
    return plan


def plan_new(args, target):
    def plan(chain):
        new = 'new.' + target
        return Plan([*args, 'top.qcow2', new], formats={new: target},
                    shows={new: chain.content, 'top.qcow2': chain.content},
                    untouched=['base.qcow2', 'mid.qcow2', 'top.qcow2'])
    return plan


def plan_merge(words, shows, gone=()):
    """`shows`: file name: the layer (0 is the top) whose content it has in the end."""
    def plan(chain):
        return Plan(['merge', '-q', *words, '-f', 'qcow2', 'top.qcow2'],
                    shows={name: chain.layers[n].content for name, n in shows.items()},
                    gone=list(gone))
    return plan


def plan_commit(words, base):
    def plan(chain):
        target = next(layer for layer in chain.layers if layer.path.endswith('/' + base))
        return Plan(['commit', *words, '-f', 'qcow2', 'top.qcow2'],
                    shows={'top.qcow2': chain.content, base: over(chain.content, target.content)})
    return plan


def plan_create(chain):
    return Plan(['create', '-q', '-f', 'qcow2', '-o', 'preallocation=full', 'new.qcow2', '3M'],
                shows={'new.qcow2': bytes(3 * MIB)}, formats={'new.qcow2': 'qcow2'})


def plan_resize(chain):
    return Plan(['resize', '-f', 'qcow2', '--preallocation=full', 'top.qcow2', '+2M'],
                shows={'top.qcow2': chain.content + bytes(2 * MIB)})


ALL = {'top.qcow2': 0, 'mid.qcow2': 1, 'base.qcow2': 2}
OPERATIONS = {
    'create': Row(plan_create),
    'convert to raw': Row(plan_new(['convert', '-f', 'qcow2', '-O', 'raw'], 'raw')),
    'convert': Row(plan_new(['convert', '-f', 'qcow2', '-O', 'qcow2'], 'qcow2')),
    'convert -c': Row(plan_new(['convert', '-c', '-f', 'qcow2', '-O', 'qcow2'], 'qcow2'),
                      needs_space=False),
    'commit': Row(plan_commit([], 'mid.qcow2'), ['mid.qcow2']),
    'commit -b': Row(plan_commit(['-b', 'base.qcow2'], 'base.qcow2'), ['base.qcow2', 'mid.qcow2']),
    'rebase': Row(plan_in_place(['rebase', '-b', '', '-f', 'qcow2'])),
    'merge': Row(plan_merge(['--down', '--delete'], {'base.qcow2': 0}, ['top.qcow2', 'mid.qcow2']),
                 ['base.qcow2', 'mid.qcow2'], done_already="open 'top.qcow2': No such file"),
    'merge of the middle': Row(plan_merge(['--down', '--top', 'mid.qcow2', '--delete'],
                                          {'top.qcow2': 0, 'base.qcow2': 1}, ['mid.qcow2']),
                               ['base.qcow2'], done_already="Did not find 'mid.qcow2'"),
    'merge up': Row(plan_merge(['--up'], ALL), done_already='is the only image of the range'),
    'snapshot -c': Row(plan_in_place(['snapshot', '-c', 'new'])),
    'snapshot -d': Row(plan_in_place(['snapshot', '-d', 'first'], 'base.qcow2'), needs_space=False,
                       keeps_snapshots=False, done_already='snapshot not found'),
    'resize': Row(plan_resize),
}


class Interrupted(Trial):
    """A trial whose command may be cut; several times, if need be. `raws`: a folder for what is
    expected, which trials of one chain may share."""

    def __init__(self, chain, row, folder, raws):
        super().__init__(chain, row.plan(chain), folder)
        self.row, self.raws = row, raws
        self.base_snapshots = chain.layers[-1].snapshots

    def holds(self):
        """After a cut: no image is corrupt, each shows what it did or what it is going to."""
        plan, gone = self.plan, []
        for name, before in self.contents.items():
            if not os.path.exists(os.path.join(self.folder, name)):
                gone.append(name)
                continue
            self.judge_sound(name)
            # of those that are to go the top one is whole as long as it is there
            if name not in self.row.blurs:
                self.judge_either(name, before, plan.shows.get(name, before))
        if not set(gone) <= set(plan.gone):
            raise Failed(f'{gone} are gone')
        for name, content in plan.shows.items() if gone else ():
            self.judge_content(self.folder, name, content)
        self.judge_snapshots()

    def scratch(self, folder):
        return self.raws

    def judge_snapshots(self):
        for ident, content in self.base_snapshots.items() if self.row.keeps_snapshots else ():
            self.judge_content(self.folder, 'base.qcow2', content, ident)

    def judge_either(self, name, before, after):
        try:
            self.judge_content(self.folder, name, before)
        except Failed:
            if after == before:
                raise
            self.judge_content(self.folder, name, after)

    def judge_content(self, folder, name, content, snapshot=None):
        if not os.path.exists(os.path.join(folder, name)):
            raise Failed(f'{name} is not there')
        if snapshot:
            super().judge_content(folder, name, content, snapshot)
            return
        raw = os.path.join(self.raws, hashlib.sha256(content).hexdigest())
        if not os.path.exists(raw):
            with open(f'{raw}.{threading.get_ident()}', 'wb') as file:
                file.write(content)
            os.rename(file.name, raw)
        qemu('compare', '-f', 'raw', '-F', self.formats[name], raw, name, folder=folder)

    def judge_sound(self, name):
        """Clusters that nobody uses are allowed."""
        done = img.theirs('check', '-f', 'qcow2', name, folder=self.folder)
        if done.status not in (0, 3):
            raise Failed(f'qemu-img check {name}: {done}')

    def drafts(self):
        """Hidden names of files on their way to their own."""
        return [name for name in os.listdir(self.folder) if re.fullmatch(r'\..*\.part', name)]

    def finishes(self):
        """Given once more, the command does it."""
        done = img.ours(*self.plan.args, folder=self.folder)
        if done.status and not (self.row.done_already and
                                re.search(self.row.done_already, str(done))):
            raise Failed(f'run again: {done}')
        if self.drafts():
            raise Failed(f'run again: {self.drafts()} are left')
        self.judge(self.folder)
        self.judge_snapshots()
