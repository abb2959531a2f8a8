# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each writing verb does to a chain, told beforehand.

    plan = operation.plan(chain, rand)     None where the verb makes no sense on this chain

A Plan is one command line and what every image shows when it is done. The content of
each image is known from how it was made (tests/images/random_image.py), so nothing
that reads images judges itself. A verb is a row in OPERATIONS.
"""

import os
from dataclasses import dataclass, field

from random_image import random_layer

KIB = 1024
SECTOR = 512


@dataclass
class Plan:
    args: list
    shows: dict                                       # file name: content afterwards
    snapshots: dict = field(default_factory=dict)     # (file name, id): content afterwards
    gone: list = field(default_factory=list)          # file names
    untouched: list = field(default_factory=list)     # file names: byte for byte as before
    one_of: dict = field(default_factory=dict)        # file name: content, of those that are left
    backing: dict = field(default_factory=dict)       # file name: name of its backing file, or None
    formats: dict = field(default_factory=dict)       # of files that are new
    covers: bool = False                              # bitmaps record no less than what changed
    twin: bool = False                                # qemu-img does the same to a copy
    refusal: str = None                               # it may say that, and then nothing changes
    may_exceed: bool = False                          # qemu-img may fail where ours does it


def name_of(layer):
    return os.path.basename(layer.path)


def over(upper, lower):
    """What the lower image shows when all of the upper one went into it."""
    return upper + lower[len(upper):]


def kept_snapshots(layer):
    return {(name_of(layer), ident): content for ident, content in layer.snapshots.items()}


def read(path):
    with open(path, 'rb') as file:
        return file.read()


def format_words(layer):
    return ['-f', layer.format]


def is_raw(layer):
    return layer.format == 'raw'


def sectors(n_bytes):
    return -(-n_bytes // SECTOR) * SECTOR


def image_options(rand, compressed=False):
    """Creation options that go together, for qemu-img's -o."""
    bits = rand.choice((9, 10, 12, 14, 16, 16, 16, 18, 21))
    options = [f'cluster_size={1 << bits}']
    if rand.random() < 0.15:
        return ','.join(options + ['compat=0.10'])
    widths = (8, 16, 16, 32, 64) if compressed else (1, 2, 4, 8, 16, 16, 32, 64)
    options.append(f'refcount_bits={rand.choice(widths)}')
    if bits >= 14 and rand.random() < 0.4:
        options.append('extended_l2=on')
    if rand.random() < 0.4:
        options.append('compression_type=zstd')
    if rand.random() < 0.2:
        options.append('lazy_refcounts=on')
    return ','.join(options)


# -- chains -----------------------------------------------------------------------


def plan_commit(chain, rand):
    if len(chain.layers) < 2 or is_raw(chain.layers[0]):
        return None
    top, depth = chain.layers[0], 1
    words = rand.choice(([], [], ['-d']))
    if len(chain.layers) > 2 and rand.random() < 0.4:
        depth = rand.randrange(1, len(chain.layers))
        words = ['-b', name_of(chain.layers[depth])]
    base = chain.layers[depth]
    between = chain.layers[1:depth]
    return Plan(['commit', *words, *format_words(top), name_of(top)],
                shows={name_of(top): top.content, name_of(base): over(top.content, base.content),
                       **{name_of(layer): layer.content for layer in chain.layers[depth + 1:]}},
                snapshots=kept_snapshots(base),
                untouched=[name_of(layer) for layer in between + chain.layers[depth + 1:]],
                covers=True, twin=True, may_exceed=True)


def plan_rebase(chain, rand):
    top = chain.layers[0]
    if is_raw(top):
        return None
    if len(chain.layers) < 2 or rand.random() < 0.4:
        return plan_rebase_aside(chain, rand)
    choice = rand.randrange(len(chain.layers))
    below = chain.layers[1:]
    words, backing = ['-b', ''], None
    if choice:
        target = below[choice - 1]
        words, backing = ['-b', name_of(target), '-F', target.format], name_of(target)
    return Plan(['rebase', *words, *format_words(top), name_of(top)],
                shows={name_of(layer): layer.content for layer in chain.layers},
                snapshots=kept_snapshots(top) if choice == 1 else {},
                untouched=[name_of(layer) for layer in below],
                backing={name_of(top): backing}, refusal='internal snapshot', covers=True,
                twin=True)


def plan_rebase_aside(chain, rand):
    """Onto an image that is no part of the chain, also of one that has no backing file yet."""
    top = chain.layers[0]
    aside = random_layer(rand, os.path.dirname(top.path), '-aside', None)
    return Plan(['rebase', '-b', name_of(aside), '-F', aside.format, *format_words(top),
                 name_of(top)],
                shows={name_of(layer): layer.content for layer in [*chain.layers, aside]},
                formats={name_of(aside): aside.format},
                untouched=[name_of(layer) for layer in [*chain.layers[1:], aside]],
                backing={name_of(top): name_of(aside)},
                refusal='internal snapshot|stands on no backing file|raw external data file',
                covers=True,
                # qemu-img 7.2 loses the zeros of an image of version 2 without a backing file
                twin=len(chain.layers) > 1, may_exceed=True)


def plan_rebase_unsafe(chain, rand):
    """The backing file has moved."""
    if is_raw(chain.layers[0]) or len(chain.layers) < 2:
        return None
    top, below = chain.layers[:2]
    moved = 'moved.' + below.format
    os.rename(below.path, os.path.join(os.path.dirname(below.path), moved))
    return Plan(['rebase', '-u', '-b', moved, '-F', below.format, *format_words(top), name_of(top)],
                shows={name_of(top): top.content, moved: below.content},
                formats={moved: below.format},
                snapshots=kept_snapshots(top), backing={name_of(top): moved})


def merge_words(rand):
    """--down, --up or neither; --delete or not."""
    return rand.choice(([], ['--down'], ['--up'])) + rand.choice(([], ['--delete']))


def plan_merge(chain, rand):
    if len(chain.layers) < 2:
        return None
    top = rand.randrange(len(chain.layers) - 1)
    base = rand.randrange(top + 1, len(chain.layers))
    return merged(chain, ['merge', '-q', *merge_words(rand), *format_words(chain.layers[0]),
                          '--top', name_of(chain.layers[top]), '--base', name_of(chain.layers[base]),
                          name_of(chain.layers[0])], top, base)


def plan_merge_without_shadowed(chain, rand):
    """What upper layers hide need not move; only what is seen through them is the same."""
    plan = plan_merge(chain, rand)
    if plan:
        plan.args.insert(1, '--drop-shadowed')
        top, base = (plan.args[plan.args.index(word) + 1] for word in ('--top', '--base'))
        names = [name_of(layer) for layer in chain.layers]
        if top != names[0]:
            sure = names[:1] + names[names.index(base) + 1:]
            plan.shows = {name: plan.shows[name] for name in sure}
            plan.one_of, plan.snapshots = {}, {}
    return plan


def plan_remove(chain, rand):
    """One image is taken out: what it has goes into the one above it, or the one below it."""
    if len(chain.layers) < 2:
        return None
    which = rand.randrange(1, len(chain.layers))
    words = rand.choice(([], ['--delete']))
    taken, above, below = chain.layers[which], chain.layers[:which], chain.layers[which + 1:]
    shows = {name_of(layer): layer.content for layer in above + below[1:]}
    return Plan(['remove', '-q', *words, *format_words(chain.layers[0]), name_of(chain.layers[0]),
                 name_of(taken)],
                shows=shows, gone=[name_of(taken)] if words else [],
                snapshots={key: content for layer in above for key, content in
                           kept_snapshots(layer).items()} if which > 1 else {},
                untouched=[name_of(layer) for layer in below[1:]],
                refusal=MERGE_REFUSALS)


def merged(chain, args, top, base):
    """The stretch from the layer `top` down to `base` is one image, whichever of its files it is.
    Without --delete the others stay, and only the uppermost is sure to show what it did."""
    members = chain.layers[top:base + 1]
    outside = chain.layers[:top] + chain.layers[base + 1:]
    upper, lower = members[0], members[-1]
    # beyond the end of the upper one its overlays see zeros
    tail = bytes(max(0, len(lower.content) - len(upper.content)))
    shows = {name_of(layer): layer.content for layer in outside}
    one_of, gone, backing = {}, [], {}
    if '--up' in args:
        shows[name_of(upper)] = upper.content
        gone = members[1:]
    elif '--down' in args:
        shows[name_of(lower)] = upper.content + tail
        gone = members[:-1]
    else:
        one_of = {name_of(upper): upper.content,
                  name_of(lower): upper.content + tail}
    if top and gone:
        backing = {name_of(chain.layers[top - 1]): name_of(lower if '--down' in args else upper)}
    return Plan(args, shows=shows, one_of=one_of, backing=backing,
                snapshots={key: content for layer in outside
                           for key, content in kept_snapshots(layer).items()},
                gone=[name_of(layer) for layer in gone] if '--delete' in args else [],
                untouched=[name_of(layer) for layer in chain.layers[base + 1:]],
                refusal=MERGE_REFUSALS)


MERGE_REFUSALS = 'internal snapshots|larger than the disk|would have to grow|' \
    'v2 image which has snapshots'


# -- one image ----------------------------------------------------------------------


def plan_convert(chain, rand):
    top = chain.layers[0]
    target = rand.choice(('qcow2', 'qcow2', 'qcow2', 'raw'))
    words = rand.choice(([], [], ['-W'], ['-m', str(rand.randint(1, 16))], ['-S', '0'],
                         ['-S', str(rand.choice((1, 8, 64)) * 4 * KIB)]))
    if target == 'qcow2':
        compressed = rand.random() < 0.4
        words = [*words, '-o', image_options(rand, compressed), *(['-c'] if compressed else [])]
    new = 'new.' + target
    return Plan(['convert', *format_words(top), '-O', target, *words, name_of(top), new],
                shows={new: top.content + bytes(sectors(len(top.content)) - len(top.content))},
                formats={new: target}, untouched=[name_of(layer) for layer in chain.layers])


def plan_convert_backed(chain, rand):
    """A copy of the top image alone, over the same backing file."""
    if len(chain.layers) < 2 or is_raw(chain.layers[0]):
        return None
    top, below = chain.layers[:2]
    return Plan(['convert', *format_words(top), '-O', 'qcow2', '-B', name_of(below), '-F',
                 below.format, *(['-c'] if rand.random() < 0.3 else []), name_of(top), 'new.qcow2'],
                shows={'new.qcow2': top.content}, formats={'new.qcow2': 'qcow2'},
                untouched=[name_of(layer) for layer in chain.layers],
                backing={'new.qcow2': name_of(below)})


def plan_create(chain, rand):
    top = chain.layers[0]
    if len(top.content) % SECTOR:
        return None
    options = image_options(rand)
    return Plan(['create', '-q', '-f', 'qcow2', '-b', name_of(top), '-F', top.format, '-o',
                 options, 'new.qcow2'],
                shows={'new.qcow2': top.content}, formats={'new.qcow2': 'qcow2'},
                untouched=[name_of(layer) for layer in chain.layers],
                backing={'new.qcow2': name_of(top)}, twin=True)


def plan_dd(chain, rand):
    top = chain.layers[0]
    block = rand.choice((512, 4096, 5 * KIB, 64 * KIB))
    skip = rand.randrange(3)
    count = rand.randint(1, 1 + len(top.content) // block)
    target = rand.choice(('raw', 'qcow2'))
    data = top.content[skip * block:(skip + count) * block]
    if not data:
        return None
    new = 'new.' + target
    return Plan(['dd', *format_words(top), '-O', target, f'bs={block}', f'skip={skip}',
                 f'count={count}', f'if={name_of(top)}', f'of={new}'],
                shows={new: data + bytes(sectors(len(data)) - len(data))}, formats={new: target},
                untouched=[name_of(layer) for layer in chain.layers],
                twin=not skip)          # qemu-img takes what is skipped from what is counted


def plan_resize(chain, rand):
    top = chain.layers[0]
    old = len(top.content)
    if rand.random() < 0.5:
        new = old + SECTOR * rand.randrange(1, 4000)
        words = [f'+{new - old}']
        new = sectors(new)
    else:
        new = max(SECTOR, old // SECTOR * SECTOR - SECTOR * rand.randrange(1, 1 + old // SECTOR))
        words = [str(new)]
    shrinks = ['--shrink'] if new < old else []
    return Plan(['resize', *format_words(top), *shrinks, name_of(top), *words],
                shows={name_of(top): (top.content + bytes(max(0, new - old)))[:new]},
                snapshots=kept_snapshots(top),
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True,
                # over a longer backing file qemu-img cannot grow an image of version 2: it has no
                # entry that says zeros
                may_exceed=new > old and len(chain.layers) > 1, refusal='has dirty bitmaps')


def plan_amend(chain, rand):
    top = chain.layers[0]
    if is_raw(top):
        return None
    option = rand.choice(('compat=1.1', 'compat=0.10', 'lazy_refcounts=on', 'lazy_refcounts=off',
                          'refcount_bits=64', 'refcount_bits=16', 'refcount_bits=8'))
    return Plan(['amend', *format_words(top), '-o', option, name_of(top)],
                shows={name_of(top): top.content}, snapshots=kept_snapshots(top),
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True, may_exceed=True)


def plan_snapshot_create(chain, rand):
    top = chain.layers[0]
    if is_raw(top):
        return None
    return Plan(['snapshot', '-c', 'latest', name_of(top)],
                shows={name_of(top): top.content},
                snapshots={**kept_snapshots(top), (name_of(top), 'latest'): top.content},
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True,
                may_exceed=True)         # qemu-img does not widen reference counts


def plan_snapshot_apply(chain, rand):
    top = chain.layers[0]
    if not top.snapshots:
        return None
    ident = rand.choice(sorted(top.snapshots))
    return Plan(['snapshot', '-a', ident, name_of(top)],
                shows={name_of(top): top.snapshots[ident]}, snapshots=kept_snapshots(top),
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True,
                may_exceed=True)


def plan_snapshot_delete(chain, rand):
    top = chain.layers[0]
    if not top.snapshots:
        return None
    ident = rand.choice(sorted(top.snapshots))
    left = kept_snapshots(top)
    del left[name_of(top), ident]
    name = f'snap{ident}' if b'snap' + ident.encode() in read(top.path) else 'first'
    return Plan(['snapshot', '-d', name, name_of(top)],
                shows={name_of(top): top.content}, snapshots=left,
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True)


def plan_bitmap(chain, rand):
    top = chain.layers[0]
    if is_raw(top):
        return None
    makes = ((['--add', '-g', str(512 << rand.randrange(8))], 'fresh'),
             (['--add', '--disable'], 'fresh'))
    changes = ((['--remove'], 'bitmap0'), (['--clear'], 'bitmap0'), (['--disable'], 'bitmap0'),
               (['--enable'], 'bitmap0'), (['--add', '--merge', 'bitmap0'], 'fresh'))
    words, name = rand.choice(changes if b'bitmap0' in read(top.path) else makes)
    return Plan(['bitmap', *words, *format_words(top), name_of(top), name],
                shows={name_of(top): top.content}, snapshots=kept_snapshots(top),
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True)


def plan_bench(chain, rand):
    top = chain.layers[0]
    size = rand.choice((512, 4096, 6 * KIB))
    offset = rand.randrange(8) * SECTOR
    most = (len(top.content) - offset) // size
    if most < 1 or len(top.content) % SECTOR:
        return None
    count = rand.randint(1, min(40, most))
    content = bytearray(top.content)
    content[offset:offset + count * size] = b'\x5a' * count * size
    return Plan(['bench', '-q', '-w', '-t', 'writeback', '-c', str(count), '-d', '1', '-s',
                 str(size), '-o', str(offset), '--pattern=90', *format_words(top), name_of(top)],
                shows={name_of(top): bytes(content)}, snapshots=kept_snapshots(top),
                untouched=[name_of(layer) for layer in chain.layers[1:]], twin=True,
                may_exceed=True)


OPERATIONS = {
    'convert': plan_convert,
    'convert -B': plan_convert_backed,
    'create': plan_create,
    'commit': plan_commit,
    'rebase': plan_rebase,
    'rebase -u': plan_rebase_unsafe,
    'merge': plan_merge,
    'merge --drop-shadowed': plan_merge_without_shadowed,
    'remove': plan_remove,
    'dd': plan_dd,
    'bench': plan_bench,
    'resize': plan_resize,
    'amend': plan_amend,
    'snapshot -c': plan_snapshot_create,
    'snapshot -a': plan_snapshot_apply,
    'snapshot -d': plan_snapshot_delete,
    'bitmap': plan_bitmap,
}
