#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Small images of every kind as the seeds of the fuzz targets: make_seeds.py FOLDER.

FOLDER/image holds single images, FOLDER/chain three in one file (see fuzz-chain.c).
"""

import os
import struct
import subprocess
import sys

KIB = 1024
OPTIONS = {
    'v2': 'compat=0.10,cluster_size=512',
    'v3': 'cluster_size=512',
    'v3-4k': 'cluster_size=4k',
    'lazy': 'cluster_size=512,lazy_refcounts=on',
    'refcount-1': 'cluster_size=512,refcount_bits=1',
    'refcount-64': 'cluster_size=512,refcount_bits=64',
    'zstd': 'cluster_size=4k,compression_type=zstd',
    'extended': 'cluster_size=16k,extended_l2=on',
    'metadata': 'cluster_size=512,preallocation=metadata',
}
# Each is done to a fresh image of each kind.
WRITES = {
    'empty': [],
    'data': ['write -P 1 0 1k', 'write -P 2 9k 512', 'write -z 3k 1k', 'write -P 3 60k 4k'],
    'zeros': ['write -P 1 0 8k', 'write -z 2k 2k', 'discard 4k 1k'],
}


def run(*arguments):
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


def qemu_io(path, commands, image_format='qcow2'):
    if commands:
        run('qemu-io', '-f', image_format, *(word for c in commands for word in ('-c', c)), path)


def make_image(path, options, commands, size='64k'):
    run('qemu-img', 'create', '-q', '-f', 'qcow2', '-o', options, path, size)
    qemu_io(path, commands)


def make_images(folder):
    for kind, options in OPTIONS.items():
        for name, commands in WRITES.items():
            path = os.path.join(folder, f'{kind}-{name}')
            make_image(path, options, commands)
        if kind not in ('refcount-1',):
            make_snapshots(os.path.join(folder, f'{kind}-snapshots'), options)
        make_compressed(os.path.join(folder, f'{kind}-compressed'), options)
    make_old(folder)
    path = os.path.join(folder, 'bitmap')
    make_image(path, 'cluster_size=4k', WRITES['data'])
    run('qemu-img', 'bitmap', '--add', '-g', '4k', path, 'b0')
    run('qemu-img', 'bitmap', '--add', '--disable', '-g', '8k', path, 'b1')


def make_old(folder):
    """qcow version 1: plain, compressed, and with the small clusters of an overlay."""
    plain = os.path.join(folder, 'qcow1-data')
    run('qemu-img', 'create', '-q', '-f', 'qcow', plain, '64k')
    qemu_io(plain, ['write -P 1 0 1k', 'write -P 2 9k 512', 'write -P 3 56k 4k'], 'qcow')
    over = os.path.join(folder, 'qcow1-overlay')
    run('qemu-img', 'create', '-q', '-f', 'qcow', '-b', 'qcow1-data', '-F', 'qcow', over)
    qemu_io(over, ['write -P 4 2k 3k'], 'qcow')
    # some releases end with 1 when all is written: see tests/interop/test_img_qcow1.py
    subprocess.run(['qemu-img', 'convert', '-c', '-f', 'qcow', '-O', 'qcow', plain,
                    os.path.join(folder, 'qcow1-compressed')], check=False)
    os.stat(os.path.join(folder, 'qcow1-compressed'))


def make_snapshots(path, options):
    make_image(path, options, WRITES['data'])
    run('qemu-img', 'snapshot', '-c', 'one', path)
    qemu_io(path, ['write -P 7 1k 2k'])
    run('qemu-img', 'snapshot', '-c', 'two', path)


def make_compressed(path, options):
    if 'preallocation' in options:
        return
    plain = path + '.plain'
    make_image(plain, 'cluster_size=4k', WRITES['data'])
    run('qemu-img', 'convert', '-c', '-f', 'qcow2', '-O', 'qcow2', '-o', options, plain, path)
    os.unlink(plain)


def make_chain(path, options):
    names = ['base', 'mid', 'top']
    folder = path + '.parts'
    os.mkdir(folder)
    blobs = []
    for n, name in enumerate(names):
        part = os.path.join(folder, name)
        backing = f',backing_file={names[n - 1]},backing_fmt=qcow2' if n else ''
        make_image(part, options + backing, [f'write -P {n + 1} {8 * n}k 12k'],
                   f'{64 + 16 * (n % 2)}k')
        with open(part, 'rb') as file:
            blobs.insert(0, file.read())
        # the length is said in KiB
        blobs[0] += bytes(-len(blobs[0]) % KIB)
    with open(path, 'wb') as file:
        file.write(struct.pack('<HH', len(blobs[0]) // KIB, len(blobs[1]) // KIB))
        file.write(b''.join(blobs))
    for name in names:
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


def main():
    folder = sys.argv[1]
    images, chains = os.path.join(folder, 'image'), os.path.join(folder, 'chain')
    for place in (images, chains):
        os.makedirs(place, exist_ok=True)
    make_images(images)
    for kind in ('v2', 'v3', 'v3-4k', 'extended'):
        make_chain(os.path.join(chains, kind), OPTIONS[kind])


if __name__ == '__main__':
    main()
