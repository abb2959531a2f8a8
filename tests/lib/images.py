# SPDX-License-Identifier: LGPL-2.1-or-later
"""qemu-img, the judge that is not ours."""

import json
import random
import subprocess

from . import namespace

FILLER_BYTES = 64 * 1024
FILLER_EVERY = 8


class ImageError(RuntimeError):
    """qemu-img refused."""


def qemu_img(*arguments, good=(0,)):
    done = subprocess.run(namespace.plain(['qemu-img', *map(str, arguments)]), text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode not in good:
        raise ImageError(f'qemu-img {" ".join(map(str, arguments))}: status {done.returncode}: '
                         f'{done.stderr.strip()}')
    return done.stdout


def write_raw(path, size_bytes, seed, boot_sector=b''):
    """A sparse raw image: noise in every eighth 64 KiB, holes between, maybe a boot sector."""
    noise = random.Random(seed)
    with open(path, 'wb') as file:
        file.truncate(size_bytes)
        for offset in range(0, size_bytes, FILLER_BYTES * FILLER_EVERY):
            file.seek(offset)
            file.write(noise.randbytes(min(FILLER_BYTES, size_bytes - offset)))
        if boot_sector:
            file.seek(0)
            file.write(boot_sector)


def convert(source, destination, source_format, destination_format, options='', shared=False):
    """shared: also while a (paused) QEMU holds the image."""
    qemu_img('convert', *(['-U'] if shared else []), '-f', source_format, '-O',
             destination_format, *(['-o', options] if options else []), source, destination)


def info(path, shared=True):
    return json.loads(qemu_img('info', *(['-U'] if shared else []), '--output=json', path))


def check(path):
    """qemu-img's report on an image nobody has open: a dict with corruptions, leaks …"""
    return json.loads(qemu_img('check', '--output=json', path, good=(0, 2, 3)))


def map_of(path):
    """qemu-img's extents of an image nobody has open, the chain below it included."""
    return json.loads(qemu_img('map', '--output=json', path))
