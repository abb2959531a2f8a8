#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random valid images and chains, with the content that a guest must read.

    chain = random_chain(seed, folder)
    chain.path, chain.format      the top image
    chain.layers                  all members, top first
    chain.content                 what the disk reads as
    chain.snapshots               {id: content} of the top image's internal snapshots

The same seed gives the same chain. Some layers are written by the builder of
qcow2build.py, which knows every feature; others by qemu-img and qemu-io, which
lay out images as users have them; some are raw files. Each layer has its own
size, cluster size and features. The content is computed beside the image, from
the operations alone, so nothing that reads the image judges itself.

    random_image.py SEED FOLDER     makes one and says what it is
"""

import os
import random
import subprocess
import sys
from dataclasses import dataclass, field

from qcow2build import Builder

SECTOR = 512
MAX_BYTES = 6 << 20


@dataclass
class Layer:
    path: str
    format: str
    content: bytes
    snapshots: dict = field(default_factory=dict)
    story: str = ''


@dataclass
class Chain:
    seed: int
    layers: list

    @property
    def path(self):
        return self.layers[0].path

    @property
    def format(self):
        return self.layers[0].format

    @property
    def content(self):
        return self.layers[0].content

    @property
    def snapshots(self):
        return self.layers[0].snapshots

    def __str__(self):
        return f'seed {self.seed}: ' + ' <- '.join(layer.story for layer in self.layers)


def run(folder, *command):
    """In the image's folder: QEMU takes a data file's name relative to the current one."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, cwd=folder, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'{" ".join(map(str, command))}: {done.stdout}{done.stderr.strip()}')
    return done.stdout


def noise(rand, length):
    """Bytes that differ from place to place; about half of them compress well."""
    if rand.random() < 0.5:
        word = rand.randbytes(rand.choice((8, 16, 100)))
        return (word * (length // len(word) + 1))[:length]
    head = rand.randbytes(min(length, 3000))
    return head + (b'%d ' % rand.getrandbits(30) * (length // 2 + 1))[:length - len(head)]


def beneath(backing, size):
    """What an empty overlay of `size` bytes shows."""
    below = backing.content[:size] if backing else b''
    return bytearray(below + bytes(size - len(below)))


# -- layers from the builder -------------------------------------------------------


def random_options(rand, backing, cluster_bits):
    version = rand.choice((2, 3, 3, 3, 3))
    v3 = version == 3
    options = {
        'version': version, 'cluster_bits': cluster_bits,
        'refcount_order': rand.randrange(7) if v3 else 4,
        'extended_l2': v3 and cluster_bits >= 14 and rand.random() < 0.5,
        'compression': rand.choice(('zlib', 'zstd')) if v3 else 'zlib',
        'lazy_refcounts': v3 and rand.random() < 0.2,
        'reftable_clusters': rand.choice((1, 1, 2)),
        'free_between': rand.choice((0, 0, 0, 1)),
    }
    longest = (112, 120) if options['compression'] == 'zstd' else (104, 112, 120)
    options['header_bytes'] = rand.choice(longest if cluster_bits > 9 else longest[:1])
    if rand.random() < 0.2 and cluster_bits > 11:
        options['unknown_extensions'] = ((0x12345678, rand.randbytes(rand.randrange(40))),)
    if v3 and rand.random() < 0.2:
        options['data_file'] = 'set later'
        options['data_file_raw'] = not backing and rand.random() < 0.5
    return options


class BuiltLayer:
    """One image under the builder's hands, and its content beside it."""

    with_snapshots = True

    def __init__(self, rand, path, backing, size, cluster_bits):
        self.rand, self.path, self.backing = rand, path, backing
        options = random_options(rand, backing, cluster_bits)
        if options.get('data_file'):
            options['data_file'] = os.path.basename(path) + '.data'
        if backing:
            options.update(backing=os.path.basename(backing.path), backing_format=backing.format)
        self.build = Builder(virtual_size=size, **options)
        self.options = self.build.options
        self.content = beneath(backing, size)
        self.snapshots = {}

    @property
    def n_units(self):
        return -(-len(self.content) // self.build.unit)

    @property
    def n_clusters(self):
        return -(-len(self.content) // self.build.cluster_size)

    def units(self):
        """A random aligned range: guest offset and length in whole units."""
        start = self.rand.randrange(self.n_units)
        most = max(1, min(self.n_units - start, 256 * 1024 // self.build.unit, 90))
        n = self.rand.randint(1, most)
        unit = self.build.unit
        for guest, sub, count in self.build.pieces(start * unit, n * unit):
            if self.build.get(guest).packed and count < self.build.sub_count:
                return None
        return start * unit, n * unit

    def put(self, offset, data):
        data = data[:len(self.content) - offset]
        self.content[offset:offset + len(data)] = data

    def padded(self, offset, data):
        """What lies beyond the disk's end is zero in the host cluster."""
        room = len(self.content) - offset
        return data[:room] + bytes(len(data) - len(data[:room]))

    def op_write(self):
        where = self.units()
        if where:
            data = self.padded(where[0], noise(self.rand, where[1]))
            self.build.write(where[0], data)
            self.put(where[0], data)

    def op_zero(self):
        where = self.units()
        if where and self.options.version >= 3 and not self.options.data_file_raw:
            self.build.zero(*where, keep_host=self.rand.random() < 0.5)
            self.put(where[0], bytes(where[1]))

    def op_compress(self):
        if self.options.data_file:
            return
        guest = self.rand.randrange(self.n_clusters)
        offset = guest * self.build.cluster_size
        data = self.padded(offset, noise(self.rand, self.build.cluster_size))
        if self.build.compress(guest, data):
            self.put(offset, data)

    def op_unmap(self):
        guest = self.rand.randrange(self.n_clusters)
        if self.options.data_file_raw:
            return
        self.build.unmap(guest)
        offset = guest * self.build.cluster_size
        below = beneath(self.backing, len(self.content))
        self.put(offset, bytes(below[offset:offset + self.build.cluster_size]))

    def op_reserve(self):
        guest = self.rand.randrange(self.n_clusters)
        if self.options.extended_l2 and not self.options.data_file_raw and \
                self.build.get(guest) == self.build.get(-1):
            self.build.reserve(guest)

    def op_snapshot(self):
        if not self.with_snapshots or self.options.data_file or not self.build.fits_snapshot() or len(self.snapshots) > 3:
            return
        ident = str(len(self.snapshots) + 1)
        v2 = self.options.version == 2
        self.build.snapshot(ident, f'snap{ident}', date_sec=1700000000 + len(self.snapshots),
                            vm_state=noise(self.rand, self.rand.choice((0, 0, 700, 70000))),
                            extra=self.rand.choice((None, b'', b'unknown!') if v2 else
                                                   (b'', b'', b'unknown!')))
        self.snapshots[ident] = bytes(self.content)

    def op_grow(self):
        """Only where no snapshot keeps the old size: those are not all that QEMU reads."""
        if self.snapshots or len(self.content) > MAX_BYTES:
            return
        old = len(self.content)
        new = old + SECTOR * self.rand.randrange(1, 200)
        if old % self.build.cluster_size:
            return
        self.build.resize(new)
        grown = beneath(self.backing, new)
        grown[:old] = self.content
        self.content = grown

    def add_bitmaps(self):
        if self.options.version < 3 or self.rand.random() < 0.6:
            return
        for i in range(self.rand.randint(1, 3)):
            length = self.rand.randint(1, len(self.content))
            ranges = [(self.rand.randrange(len(self.content)), length)] * self.rand.randint(0, 1)
            self.build.bitmap(f'bitmap{i}', self.rand.randint(9, 20), ranges,
                              flags=self.rand.choice((0, 2)))

    def finish(self):
        operations = [self.op_write] * 4 + [self.op_zero] * 2 + [self.op_compress] * 3 + \
            [self.op_unmap, self.op_reserve, self.op_snapshot, self.op_grow]
        for _ in range(self.rand.randint(4, 30)):
            self.rand.choice(operations)()
        self.add_bitmaps()
        self.build.finish().save(self.path)
        if self.options.data_file:
            self.build.data.truncate(len(self.content))
            self.build.data.save(self.path + '.data')
        o = self.options
        story = f'built(v{o.version} 2^{o.cluster_bits} rc{1 << o.refcount_order} ' \
            f'{"ext " if o.extended_l2 else ""}{"data " if o.data_file else ""}{o.compression}, ' \
            f'{len(self.content)} bytes, {len(self.snapshots)} snapshots)'
        return Layer(self.path, 'qcow2', bytes(self.content), self.snapshots, story)


# -- layers from QEMU's tools, and raw ones -----------------------------------------


class QemuLayer:
    """One image under the hands of qemu-img and qemu-io."""

    with_snapshots = True

    def __init__(self, rand, path, backing, size, cluster_bits):
        self.rand, self.path, self.backing = rand, path, backing
        self.extended = cluster_bits >= 14 and rand.random() < 0.4
        self.bits = 1 << rand.randrange(7)
        self.zstd = rand.random() < 0.4
        self.content = beneath(backing, size)
        self.snapshots = {}
        options = f'cluster_size={1 << cluster_bits},refcount_bits={self.bits},compat=1.1,' \
            f'extended_l2={"on" if self.extended else "off"},' \
            f'compression_type={"zstd" if self.zstd else "zlib"}'
        self.preallocated = not backing and rand.random() < 0.2
        if self.preallocated:
            options += ',preallocation=metadata'
        below = ['-b', os.path.basename(backing.path), '-F', backing.format] if backing else []
        run(os.path.dirname(path), 'qemu-img', 'create', '-q', '-f', 'qcow2', *below, '-o',
            options, path, size)
        self.cluster_size = 1 << cluster_bits
        self.touched = set()  # guest clusters; QEMU compresses only what was never written

    def put(self, offset, data):
        data = data[:len(self.content) - offset]
        self.content[offset:offset + len(data)] = data

    def sectors(self):
        n_sectors = len(self.content) // SECTOR
        start = self.rand.randrange(n_sectors)
        n = self.rand.randint(1, min(n_sectors - start, 400))
        return start * SECTOR, n * SECTOR

    def command(self, kind):
        """One qemu-io command, its effect entered into the content."""
        offset, length = self.sectors()
        byte = self.rand.randint(1, 255)
        if kind == 'compressed':
            offset -= offset % self.cluster_size
            length = min(self.cluster_size, len(self.content) - offset)
            if self.preallocated or not self.touched.isdisjoint(self.clusters(offset, length)):
                return 'flush'
        if kind == 'discard':
            offset = -(-offset // self.cluster_size) * self.cluster_size
            length -= length % self.cluster_size
            if not length or offset + length > len(self.content):
                return 'flush'
        self.touched.update(self.clusters(offset, length))
        self.put(offset, bytes([byte if kind in ('write', 'compressed') else 0]) * length)
        return {
            'write': f'write -q -P {byte} {offset} {length}',
            'compressed': f'write -q -c -P {byte} {offset} {length}',
            'discard': f'discard -q {offset} {length}',
            'zero': f'write -q -z {offset} {length}',
            'unmap': f'write -q -z -u {offset} {length}',
        }[kind]

    def clusters(self, offset, length):
        return range(offset // self.cluster_size, (offset + length - 1) // self.cluster_size + 1)

    def io(self):
        """One run. Compressed writes keep to themselves: QEMU 7.2 packs them into a cluster that
        another write of the same run has freed and taken meanwhile."""
        kinds = ('compressed',) if self.rand.random() < 0.3 else \
            ('write', 'write', 'write', 'zero', 'unmap', 'discard')
        commands = [self.command(self.rand.choice(kinds)) for _ in range(self.rand.randint(3, 15))]
        run(os.path.dirname(self.path), 'qemu-io', '-d', 'unmap', '-f', 'qcow2',
            *(word for c in commands for word in ('-c', c)), self.path)

    def finish(self):
        self.io()
        self.io()
        if self.with_snapshots and self.bits >= 8 and not self.preallocated and self.rand.random() < 0.5:
            run(os.path.dirname(self.path), 'qemu-img', 'snapshot', '-c', 'first', self.path)
            self.snapshots['1'] = bytes(self.content)
            self.io()
        if self.rand.random() < 0.3:
            run(os.path.dirname(self.path), 'qemu-img', 'bitmap', '--add', '-f', 'qcow2',
                self.path, 'marks')
            self.io()
        story = f'qemu(2^{self.cluster_size.bit_length() - 1} rc{self.bits} ' \
            f'{"ext " if self.extended else ""}{len(self.content)} bytes)'
        return Layer(self.path, 'qcow2', bytes(self.content), self.snapshots, story)


def raw_layer(rand, path, size):
    """A file with data here and there and holes between."""
    content = bytearray(size)
    with open(path, 'wb') as file:
        file.truncate(size)
        for _ in range(rand.randint(1, 6)):
            offset = rand.randrange(size)
            data = noise(rand, min(rand.randint(1, 100000), size - offset))
            content[offset:offset + len(data)] = data
            os.pwrite(file.fileno(), data, offset)
    return Layer(path, 'raw', bytes(content), {}, f'raw({size} bytes)')


def random_size(rand, cluster_bits):
    clusters = rand.randint(1, 64)
    size = min(clusters << cluster_bits, MAX_BYTES)
    if rand.random() < 0.5:
        size += SECTOR * rand.randrange(1, 64)
    return size


def room_for_names(cluster_bits, backing):
    """The smallest clusters hold no header with a backing file and a data file's name."""
    return max(cluster_bits, 10) if backing else cluster_bits


def random_layer(rand, folder, number, backing, snapshots=True, size=None):
    cluster_bits = room_for_names(rand.choice((9, 10, 12, 12, 14, 14, 16, 16, 16, 18, 21)), backing)
    size = size or random_size(rand, cluster_bits)
    path = os.path.join(folder, f'layer{number}')
    if not backing and rand.random() < 0.3:
        return raw_layer(rand, path + '.raw', size)
    kind = BuiltLayer if rand.random() < 0.65 else QemuLayer
    layer = kind(rand, path + '.qcow2', backing, size, cluster_bits)
    layer.with_snapshots = snapshots
    return layer.finish()


def random_chain(seed, folder, max_layers=5, snapshots=True, one_size=False):
    """Without snapshots, or with layers of one size (but for those that grow), where asked."""
    rand = random.Random(seed)
    size = random_size(rand, rand.choice((9, 10, 12, 14, 16, 18))) if one_size else None
    layers = []
    for number in range(rand.randint(1, max_layers)):
        layers.insert(0, random_layer(rand, folder, number, layers[0] if layers else None,
                                      snapshots, size))
    return Chain(seed, layers)


def main():
    if len(sys.argv) != 3:
        sys.exit('usage: random_image.py SEED FOLDER')
    os.makedirs(sys.argv[2], exist_ok=True)
    chain = random_chain(int(sys.argv[1]), sys.argv[2])
    print(chain)
    for layer in chain.layers:
        print(f'{layer.path}  {layer.format}  {layer.story}')


if __name__ == '__main__':
    main()
