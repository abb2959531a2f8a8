/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads and checks the header. Invariant: nothing is computed from a field before
 * sinter_qcow1_header_check() has passed, so that no shift, sum or size can overflow
 * (CVE-2014-0222, CVE-2014-0223). Messages match QEMU's if QEMU has one for the case.
 */

#include <string.h>

#include "qcow1-header.h"
#include "sinter-error.h"

#define SECTOR_BYTES 512
#define MIN_CLUSTER_BITS 9
#define MAX_CLUSTER_BITS 16
/* in entries: tables of 512 bytes to 64 KiB */
#define MIN_L2_BITS 6
#define MAX_L2_BITS 13
#define MAX_L1_ENTRIES (G_MAXINT32 / 8)
#define MAX_NAME_BYTES 1023

#define CLUSTER_BITS_AT 32
#define L2_BITS_AT 33

static gboolean
corrupt(GError **error, const char *text)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, text);
    return FALSE;
}

static gboolean
cluster_bits_valid(guint8 bits)
{
    return bits >= MIN_CLUSTER_BITS && bits <= MAX_CLUSTER_BITS;
}

static gboolean
l2_bits_valid(guint8 bits)
{
    return bits >= MIN_L2_BITS && bits <= MAX_L2_BITS;
}

/*
 * Does not accept a qcow2 header whose version was damaged to 1: in qcow2, the bytes at the offsets
 * of the cluster bits and the L2 bits are the upper half of the encryption method, which is always
 * 0. A qcow1 header in which only one of the two fields is damaged is still accepted.
 */
gboolean
sinter_qcow1_header_probe(const guint8 *start, gsize len)
{
    if (len < 8 || sinter_qcow1_be32(start) != SINTER_QCOW1_MAGIC ||
        sinter_qcow1_be32(start + 4) != SINTER_QCOW1_VERSION)
        return FALSE;
    return len < SINTER_QCOW1_HEADER_BYTES || cluster_bits_valid(start[CLUSTER_BITS_AT]) ||
           l2_bits_valid(start[L2_BITS_AT]);
}

static gboolean
check_kind(const guint8 *raw, GError **error)
{
    guint32 version = sinter_qcow1_be32(raw + 4);

    if (sinter_qcow1_be32(raw) != SINTER_QCOW1_MAGIC)
        return corrupt(error, "Image not in qcow format");
    if (version == SINTER_QCOW1_VERSION)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "qcow (v%d) does not support qcow version %u", SINTER_QCOW1_VERSION, version);
    return FALSE;
}

gboolean
sinter_qcow1_header_read(SinterIo *io, SinterQcow1Header *ret, GError **error)
{
    guint8 raw[SINTER_QCOW1_HEADER_BYTES];

    if (!sinter_io_read(io, 0, raw, sizeof raw, error) || !check_kind(raw, error))
        return FALSE;
    /* offset 20 is the modification time, which is not used; offset 34 is two bytes of padding */
    *ret = (SinterQcow1Header){
        .backing_offset = sinter_qcow1_be64(raw + 8),
        .backing_bytes = sinter_qcow1_be32(raw + 16),
        .size = sinter_qcow1_be64(raw + 24),
        .cluster_bits = raw[CLUSTER_BITS_AT],
        .l2_bits = raw[L2_BITS_AT],
        .crypt_method = sinter_qcow1_be32(raw + 36),
        .l1_offset = sinter_qcow1_be64(raw + 40),
    };
    return TRUE;
}

static guint64
l2_span(const SinterQcow1Header *header)
{
    return G_GUINT64_CONSTANT(1) << (header->cluster_bits + header->l2_bits);
}

guint64
sinter_qcow1_header_n_l1(const SinterQcow1Header *header)
{
    return (header->size + l2_span(header) - 1) / l2_span(header);
}

guint64
sinter_qcow1_header_virtual_size(const SinterQcow1Header *header)
{
    return header->size / SECTOR_BYTES * SECTOR_BYTES;
}

static gboolean
check_l1(const SinterQcow1Header *header, guint64 file_bytes, GError **error)
{
    guint64 l1_bytes;

    /* the second limit keeps disk offsets within the range of file offsets */
    if (header->size > G_MAXUINT64 - l2_span(header) || header->size > G_MAXINT64 ||
        sinter_qcow1_header_n_l1(header) > MAX_L1_ENTRIES)
        return corrupt(error, "Image too large");
    l1_bytes = sinter_qcow1_header_n_l1(header) * 8;
    if (header->l1_offset > file_bytes || l1_bytes > file_bytes - header->l1_offset) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "The L1 table (%" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                    ") is beyond the end of the file at %" G_GUINT64_FORMAT,
                    l1_bytes, header->l1_offset, file_bytes);
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow1_header_check(const SinterQcow1Header *header, guint64 file_bytes, GError **error)
{
    if (header->size <= 1)
        return corrupt(error, "Image size is too small (must be at least 2 bytes)");
    if (!cluster_bits_valid(header->cluster_bits))
        return corrupt(error, "Cluster size must be between 512 and 64k");
    if (!l2_bits_valid(header->l2_bits))
        return corrupt(error, "L2 table size must be between 512 and 64k");
    if (header->crypt_method > SINTER_QCOW1_CRYPT_AES)
        return corrupt(error, "invalid encryption method in qcow header");
    return check_l1(header, file_bytes, error);
}

gboolean
sinter_qcow1_header_read_backing(const SinterQcow1Header *header, SinterIo *io, char **ret_name,
                                 GError **error)
{
    char name[MAX_NAME_BYTES + 1] = { 0 };

    *ret_name = NULL;
    if (header->backing_offset == 0)
        return TRUE;
    if (header->backing_bytes > MAX_NAME_BYTES)
        return corrupt(error, "Backing file name too long");
    if (header->backing_offset > G_MAXINT64)
        return corrupt(error, "The name of the backing file is beyond the end of the file");
    if (!sinter_io_read(io, header->backing_offset, name, header->backing_bytes, error))
        return FALSE;
    if (*name != '\0')
        *ret_name = g_strdup(name);
    return TRUE;
}
