# SPDX-License-Identifier: LGPL-2.1-or-later
"""Carries out a plan of operations.py and lets QEMU's tools judge what it left."""

import hashlib
import json
import os
import re
import subprocess
import threading

import img


class Failed(AssertionError):
    pass


def qemu(*args, folder, good=(0,)):
    done = img.theirs(*args, folder=folder)
    if done.status not in good:
        raise Failed(f'qemu-img {" ".join(args)}: {done}')
    return done.stdout


TWIN_SEC = 30


def by_qemu_img(args, folder):
    """What qemu-img does with it; None where it never ends (amend of refcount_bits may not)."""
    try:
        done = subprocess.run([img.QEMU_IMG, *args], cwd=folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=TWIN_SEC)
    except subprocess.TimeoutExpired:
        return None
    return img.Answer(done.returncode, done.stdout, done.stderr)


def copy_folder(folder):
    twin = folder + '.twin'
    subprocess.run(['cp', '-r', '--sparse=always', folder, twin], check=True)
    return twin


def digest(folder, name):
    sums = []
    for path in (name, name + '.data'):
        path = os.path.join(folder, path)
        if os.path.exists(path):
            with open(path, 'rb') as file:
                sums.append(hashlib.sha256(file.read()).digest())
    return sums


def is_clean(folder, name):
    """Nothing at all is wrong with it, not even a leak."""
    done = img.theirs('check', '-f', 'qcow2', name, folder=folder)
    return done.status == 0, str(done)


class Bitmaps:
    """The bitmaps that a qcow2 image stores: what info says of each, and the bits themselves."""

    def __init__(self, folder, name):
        info = json.loads(qemu('info', '-f', 'qcow2', '--output=json', name, folder=folder))
        told = info['format-specific']['data'].get('bitmaps', [])
        with open(os.path.join(folder, name), 'rb') as file:
            self.image = file.read()
        self.found = {one['name']: (one['granularity'], sorted(one['flags'])) for one in told}
        if self.found:
            self.cluster = 1 << self.number(20, 4)
            self.size = info['virtual-size']
            self.found = {name: (*what, self.bits(name, what[0]))
                          for name, what in self.found.items()}

    def number(self, at, n):
        return int.from_bytes(self.image[at:at + n], 'big')

    def entries(self):
        """(name, place) of each entry of the directory."""
        at = self.number(100, 4)
        while self.number(at, 4) != 0x23852875:
            at += 8 + (self.number(at + 4, 4) + 7) // 8 * 8
        entry = self.number(at + 24, 8)
        for _ in range(self.number(at + 8, 4)):
            n, extra = self.number(entry + 18, 2), self.number(entry + 20, 4)
            yield self.image[entry + 24 + extra:entry + 24 + extra + n].decode(), entry
            entry += (24 + extra + n + 7) // 8 * 8

    def bits(self, name, granularity):
        """The numbers of the granules that are marked."""
        entry = dict(self.entries())[name]
        out = b''
        for i in range(self.number(entry + 8, 4)):
            word = self.number(self.number(entry, 8) + i * 8, 8)
            host = word & 0x00fffffffffffe00
            out += self.image[host:host + self.cluster] if host else \
                (b'\xff' if word & 1 else b'\0') * self.cluster
        return {at for at in range(-(-self.size // granularity)) if out[at // 8] >> at % 8 & 1}


def changed_granules(before, after, granularity):
    end = max(len(before), len(after))
    before, after = (content + bytes(end - len(content)) for content in (before, after))
    return {at // granularity for at in range(0, end, granularity)
            if before[at:at + granularity] != after[at:at + granularity]}


class Trial:
    """One plan on one chain in a folder. run() raises Failed, or says how it went."""

    def __init__(self, chain, plan, folder):
        self.plan, self.folder = plan, folder
        self.formats = {os.path.basename(layer.path): layer.format for layer in chain.layers
                        if os.path.exists(layer.path)}
        self.contents = {os.path.basename(layer.path): layer.content for layer in chain.layers}
        self.formats.update(plan.formats)
        self.before = {name: digest(folder, name) for name in self.formats}
        self.marked = {name: Bitmaps(folder, name).found for name, image_format in
                       self.formats.items() if image_format == 'qcow2' and plan.covers}
        self.files = set(os.listdir(folder))

    def run(self):
        plan = self.plan
        twin = copy_folder(self.folder) if plan.twin else None
        ours = img.ours(*plan.args, folder=self.folder)
        theirs = by_qemu_img(plan.args, twin) if twin else None
        if ours.status:
            return self.judge_refusal(ours, theirs)
        if theirs and theirs.status and not plan.may_exceed:
            raise Failed(f'qemu-img refuses it: {theirs}')
        self.judge(self.folder)
        if theirs and theirs.status == 0:
            self.judge_against(twin)
        return 'done'

    def judge_refusal(self, ours, theirs):
        """Right where qemu-img refuses as well, or where the plan knows why. No image shows
        anything else then; that somebody opened it for writing may be seen on it."""
        known = self.plan.refusal and re.search(self.plan.refusal, str(ours))
        if not known and not (theirs and theirs.status):
            raise Failed(f'{ours}\nqemu-img: {theirs}')
        for name, before in self.before.items():
            if name in self.contents and digest(self.folder, name) != before:
                self.judge_content(self.folder, name, self.contents[name])
                self.judge_sound(name)
        if set(os.listdir(self.folder)) != self.files:
            raise Failed(f'refused ({ours}), but left {os.listdir(self.folder)}')
        return 'refused'

    def judge(self, folder):
        plan = self.plan
        for name, content in plan.shows.items():
            self.judge_content(folder, name, content)
        self.judge_one_of(folder)
        for (name, ident), content in plan.snapshots.items():
            self.judge_content(folder, name, content, ident)
        for name in plan.untouched:
            if digest(folder, name) != self.before[name]:
                raise Failed(f'{name} changed')
        for name in plan.gone:
            if os.path.exists(os.path.join(folder, name)):
                raise Failed(f'{name} is still there')
        for name, backing in plan.backing.items():
            info = json.loads(qemu('info', '--output=json', name, folder=folder))
            if info.get('backing-filename') != backing:
                raise Failed(f'{name} stands on {info.get("backing-filename")}, not {backing}')
        for name, image_format in self.formats.items():
            if image_format == 'qcow2' and os.path.exists(os.path.join(folder, name)):
                self.judge_sound(name)

    def judge_one_of(self, folder):
        left = {name: content for name, content in self.plan.one_of.items()
                if os.path.exists(os.path.join(folder, name))}
        if self.plan.one_of and not left:
            raise Failed('neither of the merged images is left')
        if len(left) > 1:
            left = dict([next(iter(left.items()))])
        for name, content in left.items():
            self.judge_content(folder, name, content)

    def scratch(self, folder):
        """Where what is read out may lie for a moment."""
        return folder

    def judge_content(self, folder, name, content, snapshot=None):
        """Read out by QEMU it is just that. (Of a snapshot QEMU reads as much as the disk has.)"""
        raw = os.path.join(self.scratch(folder), f'judged.raw.{threading.get_ident()}')
        words = ['-l', snapshot] if snapshot else []
        qemu('convert', '-f', self.formats[name], '-O', 'raw', *words, name, raw, folder=folder)
        with open(raw, 'rb') as file:
            found = file.read()
        os.unlink(raw)
        if snapshot:
            found, content = found[:len(content)], content[:len(found)]
        if found != content:
            where = next((at for at, pair in enumerate(zip(found, content)) if pair[0] != pair[1]),
                         min(len(found), len(content)))
            raise Failed(f'{name} {" ".join(words)} shows something else from byte {where} on '
                         f'({len(found)} bytes, expected {len(content)})')

    def judge_sound(self, name):
        clean, said = is_clean(self.folder, name)
        if not clean:
            raise Failed(f'qemu-img check {name}: {said}')

    def virtual_size(self, path):
        return json.loads(qemu('info', '--output=json', path, folder=self.folder))['virtual-size']

    def judge_against(self, twin):
        """The images that qemu-img made of the copies show and record the same."""
        for name, image_format in self.formats.items():
            ours, theirs = (os.path.join(folder, name) for folder in (self.folder, twin))
            if not os.path.exists(ours):
                continue
            # each in its own folder: QEMU takes a data file's name from the current one
            raw = os.path.join(twin, 'judged.raw')
            qemu('convert', '-f', image_format, '-O', 'raw', name, raw, folder=twin)
            qemu('compare', '-f', 'raw', '-F', image_format, raw, ours, folder=self.folder)
            os.unlink(raw)
            if self.virtual_size(ours) != self.virtual_size(theirs):
                raise Failed(f'{name} is not as large as qemu-img makes it')
            if image_format == 'qcow2':
                self.judge_bitmaps(name, Bitmaps(self.folder, name).found,
                                   Bitmaps(twin, name).found)

    def judge_bitmaps(self, name, found, wanted):
        """The same bitmaps. Where data moves, how it is cut into writes is not the same: there each
        enabled one has marked what shows something else now, and unmarked nothing."""
        exact = not self.plan.covers
        for bitmap, (granularity, flags, bits) in wanted.items() if not exact else ():
            if bitmap in found and 'auto' in flags and name in self.marked and \
                    name in self.plan.shows and name in self.contents:
                needed = changed_granules(self.contents[name], self.plan.shows[name], granularity)
                needed |= self.marked[name].get(bitmap, (0, 0, set()))[2]
                if not needed <= found[bitmap][2]:
                    raise Failed(f'bitmap {bitmap} of {name} lacks {needed - found[bitmap][2]}')
        if {key: what if exact else what[:2] for key, what in found.items()} != \
                {key: what if exact else what[:2] for key, what in wanted.items()}:
            raise Failed(f'bitmaps of {name}: {short(found)}, qemu-img\'s: {short(wanted)}')


def short(bitmaps):
    return {name: (granularity, flags, len(bits))
            for name, (granularity, flags, bits) in bitmaps.items()}
