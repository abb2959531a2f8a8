# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to the bitmap directory, to its entries and to the bitmaps' tables."""

import qcow2image as q

from . import corruption, damage, leak, lost, note
from .extensions import bitmap_leaks
from .header import TOO_FAR


def table_leaks(image, index):
    return lost.leaks(image, lost.bitmap(image, image.bitmaps[index]))


@damage(of='bitmaps')
def bitmap_directory_cut_short(image):
    """The directory ends within its third entry."""
    leaks = bitmap_leaks(image)
    image.extension(q.EXT_BITMAPS)['directory_bytes'] = image.bitmaps[2].offset - \
        image.bitmaps[0].offset + 16
    return [corruption('bitmap-directory-damaged')] + leaks


@damage(of='bitmaps')
def bitmap_count_too_low(image):
    """The extension says two, the directory holds three."""
    leaks = table_leaks(image, 2)
    image.extension(q.EXT_BITMAPS)['n_bitmaps'] = 2
    return [corruption('bitmap-directory-damaged')] + leaks


@damage(of='bitmaps')
def bitmap_name_too_long(image):
    leaks = bitmap_leaks(image)
    image.bitmaps[2]['name_bytes'] = 1024
    return [corruption('bitmap-directory-damaged')] + leaks


@damage(of='bitmaps')
def bitmap_name_twice(image):
    """'full' and 'empty' both become 'twin'; lengths as they are."""
    for bitmap, name in ((image.bitmaps[1], b'twin'), (image.bitmaps[0], b'twin\0')):
        bitmap['name_bytes'] = 4
        image.raw.write(bitmap.name_offset, name[:bitmap['name_bytes']])
    return [corruption('bitmap-name-twice')]


@damage(of='bitmaps')
def bitmap_type_unknown(image):
    image.bitmaps[0]['type'] = 2
    return [corruption('bitmap-type')]


@damage(of='bitmaps')
def bitmap_granularity_small(image):
    image.bitmaps[0]['granularity_bits'] = 8
    return [corruption('bitmap-granularity')]


@damage(of='bitmaps')
def bitmap_granularity_large(image):
    image.bitmaps[0]['granularity_bits'] = 32
    return [corruption('bitmap-granularity')]


@damage(of='bitmaps')
def bitmap_granularity_absurd(image):
    image.bitmaps[0]['granularity_bits'] = 255
    return [corruption('bitmap-granularity')]


@damage(of='bitmaps')
def bitmap_flags_unknown(image):
    image.bitmaps[0]['flags'] |= 1 << 3
    return [corruption('bitmap-flags')]


@damage(of='bitmaps')
def bitmap_extra_data(image):
    """Extra data that a program may pass over only if a flag says so, and it does not."""
    last = image.bitmaps[2]
    name = image.raw.read(last.name_offset, last['name_bytes'])
    image.raw.write(last.offset + 24, b'whatever' + name)
    last['extra_bytes'] = 8
    image.extension(q.EXT_BITMAPS)['directory_bytes'] += 8
    return [corruption('bitmap-extra')]


@damage(of='bitmaps', lacks='QEMU 7.2 keeps no extra data')
def bitmap_extra_data_compatible(image):
    """The same with the flag: it is to be kept, and nothing is wrong."""
    bitmap_extra_data(image)
    image.bitmaps[2]['flags'] |= 4
    return []


@damage(of='bitmaps')
def bitmap_in_use(image):
    """Somebody had it in hand and never put it back."""
    image.bitmaps[0]['flags'] |= 1
    return [note('bitmap-in-use')]


@damage(of='bitmaps')
def bitmap_table_too_large(image):
    image.bitmaps[0]['table_entries'] = 2
    return [corruption('bitmap-table-size')]


@damage(of='bitmaps')
def bitmap_table_giant(image):
    leaks = table_leaks(image, 0)
    image.bitmaps[0]['table_entries'] = 0xffffffff
    return [corruption('bitmap-table-size')] + leaks


@damage(of='bitmaps')
def bitmap_table_unaligned(image):
    expected = table_leaks(image, 0)
    image.bitmaps[0]['table_offset'] += 512
    return [corruption('bitmap-table-unaligned')] + expected


@damage(of='bitmaps')
def bitmap_table_beyond_file(image):
    expected = table_leaks(image, 0)
    image.bitmaps[0]['table_offset'] = TOO_FAR
    return [corruption('bitmap-table-beyond-file', host=TOO_FAR)] + expected


@damage(of='bitmaps')
def bitmap_table_entry_reserved_bits(image):
    image.bitmaps[0].table[0] |= 1 << 60
    return [corruption('bitmap-entry-reserved-bits')]


@damage(of='bitmaps')
def bitmap_table_entry_ones_and_offset(image):
    """The flag "all ones" is allowed only where there is no offset."""
    image.bitmaps[0].table[0] |= q.BITMAP_ALL_ONES
    return [corruption('bitmap-entry-reserved-bits')]


@damage(of='bitmaps')
def bitmap_table_entry_unaligned(image):
    host = image.bitmaps[0].table[0]
    image.bitmaps[0].table[0] += 512
    return [corruption('bitmap-entry-unaligned'), leak('cluster-leaked', host=host)]


@damage(of='bitmaps')
def bitmap_table_entry_beyond_file(image):
    host = image.bitmaps[0].table[0]
    image.bitmaps[0].table[0] = TOO_FAR
    return [corruption('bitmap-entry-beyond-file', host=TOO_FAR), leak('cluster-leaked', host=host)]


@damage(of='bitmaps', why='QEMU reads over bits that stand for nothing')
def bitmap_tail_bits(image):
    """8 MiB at 512 bytes are 2,048 bytes of bits; the next one stands for nothing."""
    image.raw.put(image.bitmaps[0].table[0] + 2048, 1, 1)
    return [corruption('bitmap-tail-bits')]


@damage(of='bitmaps')
def bitmap_data_is_free(image):
    host = image.bitmaps[0].table[0]
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='bitmaps')
def bitmap_directory_is_free(image):
    host = image.extension(q.EXT_BITMAPS)['directory_offset']
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='bitmaps')
def bitmap_table_shared(image):
    """Two bitmaps with one table: to change one is to change the other. At the granularity of
    'full' what is right for 'marks' has bits behind the disk's end."""
    expected = table_leaks(image, 1)
    host, data = image.bitmaps[0]['table_offset'], image.bitmaps[0].table[0]
    image.bitmaps[1]['table_offset'] = host
    return [corruption('metadata-overlap', host=host, owners=('bitmap-table', 'bitmap-table')),
            corruption('refcount-too-low', host=host),
            corruption('refcount-too-low', host=data), corruption('bitmap-tail-bits')] + expected


@damage(of='bitmaps')
def bitmap_table_not_counted(image):
    host = image.bitmaps[0]['table_offset']
    image.refcount[image.cluster(host)] = 0
    return [corruption('refcount-too-low', host=host)]


@damage(of='bitmaps')
def bitmaps_all_in_use(image):
    for bitmap in image.bitmaps:
        bitmap['flags'] |= 1
    return [note('bitmap-in-use')] * 3


@damage(of='bitmaps')
def bitmap_in_use_and_data_lost(image):
    """Nobody put it back, and its data is beyond the file."""
    host = image.bitmaps[0].table[0]
    image.bitmaps[0]['flags'] |= 1
    image.bitmaps[0].table[0] = TOO_FAR
    return [note('bitmap-in-use'), corruption('bitmap-entry-beyond-file', host=TOO_FAR),
            leak('cluster-leaked', host=host)]


@damage(of='bitmaps')
def two_bitmaps_damaged(image):
    """The third is whole, and is to be kept."""
    image.bitmaps[0]['type'] = 2
    image.bitmaps[1]['granularity_bits'] = 8
    return [corruption('bitmap-type'), corruption('bitmap-granularity')]
