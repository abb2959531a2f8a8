/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The header of a qcow image of version 1: 48 bytes, big-endian. */

#include <sinter/io.h>

G_BEGIN_DECLS

#define SINTER_QCOW1_MAGIC 0x514649fbU /* "QFI", 0xfb */
#define SINTER_QCOW1_VERSION 1
#define SINTER_QCOW1_HEADER_BYTES 48

#define SINTER_QCOW1_CRYPT_NONE 0
#define SINTER_QCOW1_CRYPT_AES 1

/* An L2 entry with this bit refers to a compressed cluster. */
#define SINTER_QCOW1_COMPRESSED (G_GUINT64_CONSTANT(1) << 63)

/**
 * SinterQcow1Header:
 * @backing_offset: offset of the name of the backing file; 0 for none
 * @backing_bytes: length of the name
 * @size: size of the disk, as stored
 * @cluster_bits: clusters have 1 << @cluster_bits bytes
 * @l2_bits: L2 tables have 1 << @l2_bits entries
 * @crypt_method: SINTER_QCOW1_CRYPT_…
 * @l1_offset: offset of the L1 table
 *
 * The fields as stored, in host byte order.
 */
typedef struct {
    guint64 backing_offset;
    guint32 backing_bytes;
    guint64 size;
    guint8 cluster_bits;
    guint8 l2_bits;
    guint32 crypt_method;
    guint64 l1_offset;
} SinterQcow1Header;

static inline guint64
sinter_qcow1_be64(const guint8 *at)
{
    guint64 value;

    memcpy(&value, at, sizeof value);
    return GUINT64_FROM_BE(value);
}

static inline guint32
sinter_qcow1_be32(const guint8 *at)
{
    guint32 value;

    memcpy(&value, at, sizeof value);
    return GUINT32_FROM_BE(value);
}

/*
 * Returns whether a file that begins with @start is a qcow image of version 1: magic number,
 * version, and cluster bits or L2 bits in range.
 */
gboolean sinter_qcow1_header_probe(const guint8 *start, gsize len);

/*
 * Reads the header of @io. Fails if reading fails, if the file is too short for a header, or if it
 * is not a qcow image of version 1. The other fields are not checked.
 */
gboolean sinter_qcow1_header_read(SinterIo *io, SinterQcow1Header *ret, GError **error);

/*
 * Returns whether the image can be used: all sizes are in range, and the L1 table is inside a file
 * of @file_bytes. CORRUPT or UNSUPPORTED otherwise.
 */
gboolean sinter_qcow1_header_check(const SinterQcow1Header *header, guint64 file_bytes,
                                   GError **error);

/* Number of entries of the L1 table. The header must have passed sinter_qcow1_header_check(). */
guint64 sinter_qcow1_header_n_l1(const SinterQcow1Header *header);

/* Size of the disk in bytes, rounded to whole sectors like in QEMU. */
guint64 sinter_qcow1_header_virtual_size(const SinterQcow1Header *header);

/*
 * Reads the name of the backing file as stored. @ret_name (transfer full) is NULL if there is none.
 * CORRUPT if the name is too long or extends beyond the end of the file.
 */
gboolean sinter_qcow1_header_read_backing(const SinterQcow1Header *header, SinterIo *io,
                                          char **ret_name, GError **error);

G_END_DECLS
