# SPDX-License-Identifier: LGPL-2.1-or-later
"""The corpus of broken images: a table of damages, each with the findings it must give.

    @damage()                                   # to the plain image of base.py
    def l2_entry_unaligned(image):
        table, index = image.entry(1)
        table[index] |= 512
        return [corruption('l2-entry-unaligned', guest=image.guest(1)),
                leak('cluster-leaked', host=…)]

The name of the function is the name of the damage. It gets a sound image, bends
it and returns all that a check must say: nothing may be missing, nothing may
come on top. A finding's place is compared where the table names it.

`why` stands where a check must find more than `qemu-img check` 7.2 does, and
gives the reason; the test holds both that we do and that QEMU does not. `counts`
stands where the number of corruptions and leaks that QEMU tells is not to be
told after it, and says what QEMU counts there. A damage without a finding is a
legal image that only looks odd; `lacks` says why QEMU refuses it all the same.
Where a table is garbage, `AtLeast` names findings that must be among others.

outcome.py says what a repair brings back, variants.py takes the damages to images with
other features, pairs.py combines two.

    write_corpus(folder)        all of them as files
"""

import importlib
import os
from dataclasses import dataclass, field

from . import base

SUBJECTS = ('header', 'extensions', 'mapping', 'tables', 'sharing', 'refcounts', 'snapshots',
            'bitmaps', 'files', 'legal')


@dataclass(frozen=True)
class Finding:
    """What a check must report. None: not compared."""
    klass: str
    code: str
    host: int = None
    guest: int = None
    owners: tuple = None   # kinds, in any order
    says: str = None       # part of the text


def corruption(code, **place):
    return Finding('corruption', code, **place)


def leak(code, **place):
    return Finding('leak', code, **place)


def error(code, **place):
    return Finding('error', code, **place)


def note(code, **place):
    return Finding('note', code, **place)


class AtLeast(list):
    """Findings that a check must have, whatever else it finds in the garbage."""


@dataclass(frozen=True)
class Refused:
    """The check cannot run at all: no finding, but an error with this text."""
    says: str


@dataclass
class Damage:
    name: str
    subject: str
    bend: object
    base: str
    options: dict
    why: str = ''
    counts: str = ''
    lacks: str = ''
    deep: bool = False
    doc: str = ''

    @property
    def key(self):
        """What QEMU needs to open the image, before it checks anything."""
        return base.LUKS_KEY if self.base in ('luks', 'aes') else None

    def build(self):
        """(the broken image, what a check must find)."""
        image = base.build(self.base, **self.options)
        expected = self.bend(image)
        return image, expected


@dataclass
class Table:
    damages: list = field(default_factory=list)


table = Table()


def damage(of='plain', why='', counts='', lacks='', deep=False, **options):
    """Enters the function into the table: a damage to the base image `of` with these options."""
    def enter(function):
        name = function.__name__.replace('_', '-')
        subject = function.__module__.split('.')[-1]
        if any(one.name == name for one in table.damages):
            raise ValueError(f'two damages are called {name}')
        table.damages.append(Damage(name, subject, function, of, options, why, counts,
                                    lacks, deep, (function.__doc__ or '').strip()))
        return function
    return enter


def all_damages():
    for subject in SUBJECTS:
        importlib.import_module(f'{__name__}.{subject}')
    return table.damages


def write_damage(one, folder):
    """Writes it as FOLDER/NAME.qcow2; returns (damage, path, expected)."""
    image, expected = one.build()
    path = os.path.join(folder, one.name + '.qcow2')
    image.save(path)
    base.write_companions(one.base, folder, one.options)
    return one, path, expected


def write_one(folder, name):
    """Writes the damage of that name."""
    return write_damage(next(one for one in all_damages() if one.name == name), folder)


def write_corpus(folder):
    """Each damage as FOLDER/NAME.qcow2; returns (damage, path, expected)."""
    return [write_damage(one, folder) for one in all_damages()]
