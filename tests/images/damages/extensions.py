# SPDX-License-Identifier: LGPL-2.1-or-later
"""Damages to the header extensions, and to the feature bits that go with them."""

import qcow2image as q

from . import corruption, damage, lost, note
from .header import AT, TOO_FAR


def data_at(ext):
    return ext.offset + 8


def bitmap_leaks(image):
    return lost.leaks(image, lost.bitmaps(image))


@damage(unknown_extensions=((0x11111111, b'x' * 20),))
def extension_too_long(image):
    ext = image.extension(0x11111111)
    ext['length'] = 8000
    return [corruption('header-extension-bounds', host=ext.offset)]


@damage(of='backing')
def extension_runs_into_backing_name(image):
    ext = image.extension(q.EXT_FEATURES)
    ext['length'] = image.header['backing_offset'] - data_at(ext) + 1
    return [corruption('header-extension-bounds', host=ext.offset)]


@damage(unknown_extensions=((0x11111111, b'x'), (0x11111111, b'y')),
        why='QEMU keeps both, without a word')
def extension_twice(image):
    return [corruption('header-extension-twice', host=image.extensions[1].offset)]


@damage(of='backing', unknown_extensions=((q.EXT_BACKING_FORMAT, b'qcow2'),))
def backing_format_twice(image):
    return [corruption('header-extension-twice', host=image.extensions[1].offset)]


@damage(of='backing', backing_format='a' * 16)
def backing_format_too_long(image):
    return [corruption('header-extension-content',
                       host=data_at(image.extension(q.EXT_BACKING_FORMAT)))]


@damage(of='backing', backing_format=None)
def backing_format_missing(image):
    return [note('backing-format-missing')]


@damage(feature_names=[(0, 0, 'dirty bit')])
def feature_table_ragged(image):
    ext = image.extension(q.EXT_FEATURES)
    ext['length'] = 47
    return [note('header-feature-table', host=data_at(ext))]


@damage(why='QEMU warns on opening and clears the bit')
def bitmaps_bit_without_extension(image):
    image.header['autoclear'] = q.AUTO_BITMAPS
    return [corruption('header-bitmaps-missing', host=AT['autoclear'])]


@damage(of='bitmaps')
def bitmaps_bit_cleared(image):
    """A program that does not know bitmaps has written; they are stale and their space is lost."""
    leaks = bitmap_leaks(image)
    image.header['autoclear'] = 0
    return [note('header-bitmaps-stale', host=AT['autoclear'])] + leaks


@damage(of='bitmaps')
def bitmaps_extension_short(image):
    leaks = bitmap_leaks(image)
    ext = image.extension(q.EXT_BITMAPS)
    ext['length'] = 16
    image.raw.write(ext.offset + 24, bytes(8))
    return [corruption('header-extension-content', host=data_at(ext)),
            corruption('header-bitmaps-missing', host=AT['autoclear'])] + leaks


@damage(of='bitmaps')
def bitmaps_none(image):
    leaks = bitmap_leaks(image)
    image.extension(q.EXT_BITMAPS)['n_bitmaps'] = 0
    return [corruption('header-bitmaps-bounds')] + leaks


@damage(of='bitmaps')
def bitmaps_too_many(image):
    leaks = bitmap_leaks(image)
    image.extension(q.EXT_BITMAPS)['n_bitmaps'] = 65536
    return [corruption('header-bitmaps-bounds')] + leaks


@damage(of='bitmaps')
def bitmap_directory_giant(image):
    leaks = bitmap_leaks(image)
    image.extension(q.EXT_BITMAPS)['directory_bytes'] = 1 << 62
    return [corruption('header-bitmaps-bounds')] + leaks


@damage(of='bitmaps')
def bitmap_directory_unaligned(image):
    leaks = bitmap_leaks(image)
    image.extension(q.EXT_BITMAPS)['directory_offset'] += 8
    return [corruption('header-bitmaps-bounds')] + leaks


@damage(of='bitmaps')
def bitmap_directory_beyond_file(image):
    leaks = bitmap_leaks(image)
    image.extension(q.EXT_BITMAPS)['directory_offset'] = TOO_FAR
    return [corruption('header-bitmaps-bounds')] + leaks


def luks_leaks(image):
    ext = image.extension(q.EXT_LUKS)
    return lost.leaks(image, lost.span(image, ext['header_offset'], ext['header_length']))


@damage(of='luks')
def luks_extension_missing(image):
    leaks = luks_leaks(image)
    image.extension(q.EXT_LUKS)['type'] = 0x22222222
    return [corruption('header-luks-missing', host=AT['crypt_method'])] + leaks


@damage(of='luks')
def luks_header_beyond_file(image):
    leaks = luks_leaks(image)
    image.extension(q.EXT_LUKS)['header_length'] = TOO_FAR
    return [corruption('header-luks-bounds')] + leaks


@damage(of='luks')
def luks_clusters_not_counted(image):
    at = image.cluster(image.extension(q.EXT_LUKS)['header_offset'])
    image.refcount[at] = image.refcount[at + 1] = 0
    return [corruption('refcount-too-low', host=image.at_cluster(at + i)) for i in range(2)]


@damage(of='luks')
def luks_header_overwritten(image):
    at = image.extension(q.EXT_LUKS)['header_offset']
    image.raw.write(at, b'no longer')
    return [corruption('luks-magic', host=at)]


@damage(of='luks')
def luks_extension_without_encryption(image):
    image.header['crypt_method'] = 0
    return [corruption('header-luks-bounds', host=AT['crypt_method'])]


@damage(of='data-file')
def data_file_without_a_name(image):
    image.extension(q.EXT_DATA_FILE)['type'] = 0x22222222
    return [corruption('header-data-file-name', host=AT['incompatible'])]


@damage(of='empty', unknown_extensions=((q.EXT_DATA_FILE, b'data.raw'),))
def data_file_named_but_not_used(image):
    return [note('header-data-file-stale', host=AT['incompatible'])]


@damage()
def data_file_raw_but_not_used(image):
    image.header['autoclear'] = q.AUTO_RAW
    return [corruption('header-data-file-raw', host=AT['autoclear'])]


@damage(of='data-file', backing='base.raw', backing_format='raw',
        why='QEMU lets the data file be raw and lack the backing file\'s data')
def data_file_raw_with_backing(image):
    image.header['autoclear'] = q.AUTO_RAW
    return [corruption('header-data-file-raw', host=AT['autoclear'])]
