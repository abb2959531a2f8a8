# SPDX-License-Identifier: LGPL-2.1-or-later
"""The damages to the plain image, done to images with other features.

    for one in all_variants(): image, expected = one.build()

What is expected was told of the plain image: here it is a hint, and no more. What
cannot be done to an image with that feature is left out.
"""

from dataclasses import replace

from . import all_damages

FEATURES = {
    'version-2': ('plain', {'version': 2}),
    'zstd': ('plain', {'compression': 'zstd'}),
    'counts-of-1-bit': ('plain', {'refcount_order': 0}),
    'counts-of-2-bits': ('plain', {'refcount_order': 1}),
    'counts-of-4-bits': ('plain', {'refcount_order': 2}),
    'counts-of-8-bits': ('plain', {'refcount_order': 3}),
    'counts-of-32-bits': ('plain', {'refcount_order': 5}),
    'counts-of-64-bits': ('plain', {'refcount_order': 6}),
    'lazy-counts': ('plain', {'lazy_refcounts': True}),
    'gaps': ('plain', {'free_between': 1}),
    'subclusters': ('subclusters', {}),
    'subclusters-over-backing': ('subclusters', {'backing': 'base.raw', 'backing_format': 'raw'}),
    'backing': ('backing', {}),
    'backing-in-version-2': ('backing', {'version': 2}),
    'snapshots': ('snapshots', {}),
    'snapshots-in-version-2': ('snapshots', {'version': 2}),
    'bitmaps': ('bitmaps', {}),
    'luks': ('luks', {}),
    'data-file': ('data-file', {}),
    'run': ('run', {}),
}
SUBJECTS = ('header', 'mapping', 'tables', 'sharing', 'refcounts', 'files')


def cannot(one, feature):
    """What a feature cannot be combined with: what the damage itself asks of the image."""
    return one.base != 'plain' or set(one.options) or one.subject not in SUBJECTS or \
        one.name in ('header-magic', 'header-zeroed')


def all_variants():
    for feature, (of, options) in FEATURES.items():
        for one in all_damages():
            if not cannot(one, feature):
                yield replace(one, name=f'{one.name}-with-{feature}', base=of, options=options)


def buildable(one):
    """(image, expected), or None where the damage finds nothing that it could bend."""
    try:
        return one.build()
    except (ArithmeticError, LookupError, ValueError):
        return None
