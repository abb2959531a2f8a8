# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two damages at once, drawn by seed: pairs(seed, n) gives `n` of them."""

import random
from collections import defaultdict
from dataclasses import dataclass

from . import Refused, all_damages, base


@dataclass
class Pair:
    """Stands for a damage; what a check must find is not told."""
    first: object
    second: object

    @property
    def name(self):
        return f'{self.first.name}+{self.second.name}'

    @property
    def base(self):
        return self.first.base

    @property
    def options(self):
        return self.first.options

    @property
    def key(self):
        return self.first.key

    def build(self):
        image = base.build(self.base, **self.options)
        return image, [self.first.bend(image), self.second.bend(image)]


def groups():
    """Damages to the same image. What makes it no qcow2 image at all hides any other damage."""
    found = defaultdict(list)
    for one in all_damages():
        if one.subject != 'legal' and not one.name.startswith('header-cut'):
            found[one.base, repr(sorted(one.options.items()))].append(one)
    return [group for group in found.values() if len(group) > 1]


def draw(rand, all_groups):
    """A group by its number of pairs, two of it, and what comes of them."""
    weights = [len(group) * (len(group) - 1) for group in all_groups]
    first, second = rand.sample(rand.choices(all_groups, weights)[0], 2)
    pair = Pair(first, second)
    try:
        image, expected = pair.build()
    except (ArithmeticError, LookupError, ValueError):
        return None     # the second damage needs what the first has taken
    return None if any(isinstance(e, Refused) for e in expected) else (pair, image)


def pairs(seed, n):
    """`n` (pair, broken image), all different."""
    rand, all_groups, names = random.Random(seed), groups(), set()
    while len(names) < n:
        drawn = draw(rand, all_groups)
        if drawn and drawn[0].name not in names:
            names.add(drawn[0].name)
            yield drawn
