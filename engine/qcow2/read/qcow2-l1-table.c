/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks whether a state of the disk can be read: the bounds of its L1 table, and that no two
 * entries refer to one L2 table. Invariant: the cost is linear in the L1 table, and the memory is
 * bounded by it or by the file.
 */

#include "qcow2-l1-table.h"
#include "sinter-error.h"

#include <stdlib.h>

#define L1_CHUNK_ENTRIES 8192
/* 32 MiB of bits: files up to 16 TiB with clusters of 64 KiB */
#define CENSUS_MAX_BITS (G_GUINT64_CONSTANT(1) << 28)

/*
 * Records the L2 tables seen: a bit for each cluster of the file if the file is small enough,
 * otherwise all offsets, which are sorted at the end.
 */
typedef struct {
    guint cluster_bits;
    guint64 n_clusters; /* of the file: a table beyond the end fails when it is read */
    guint8 *seen;       /* NULL: the offsets are kept */
    guint64 *offsets;
    gsize n_offsets;
    guint64 twice; /* the first table seen twice, 0 for none */
} Census;

static gboolean
census_begin(Census *self, const SinterQcow2L1Table *view, const SinterQcow2Header *header,
             GError **error)
{
    *self = (Census){ .cluster_bits = header->cluster_bits };
    self->n_clusters = sinter_qcow2_geometry_clusters(&header->geo, header->file_bytes);
    if (self->n_clusters <= CENSUS_MAX_BITS)
        self->seen = g_try_malloc0(self->n_clusters / 8 + 1);
    else
        self->offsets = g_try_malloc(((gsize)view->l1_entries + 1) * 8);
    if (self->seen || self->offsets)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                "not enough memory for an L1 table of %u entries", view->l1_entries);
    return FALSE;
}

static void
census_add(Census *self, guint64 offset)
{
    guint64 cluster = offset >> self->cluster_bits;
    guint8 bit = (guint8)(1U << (cluster & 7));

    if (offset == 0 || cluster >= self->n_clusters)
        return;
    if (!self->seen) {
        self->offsets[self->n_offsets++] = offset;
        return;
    }
    if (self->seen[cluster >> 3] & bit)
        self->twice = offset;
    self->seen[cluster >> 3] |= bit;
}

static int
compare_offsets(const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a;
    guint64 y = *(const guint64 *)b;

    return (x > y) - (x < y);
}

static void
census_end(Census *self)
{
    if (self->offsets)
        qsort(self->offsets, self->n_offsets, sizeof *self->offsets, compare_offsets);
    for (gsize i = 1; i < self->n_offsets; i++) {
        if (self->offsets[i] == self->offsets[i - 1])
            self->twice = self->offsets[i];
    }
    g_free(self->seen);
    g_free(self->offsets);
}

static gboolean
census_take(Census *self, const SinterQcow2L1Table *view, SinterIo *io, GError **error)
{
    g_autofree guint8 *chunk = g_malloc(L1_CHUNK_ENTRIES * 8);

    for (guint32 at = 0; at < view->l1_entries && self->twice == 0; at += L1_CHUNK_ENTRIES) {
        guint32 count = MIN(view->l1_entries - at, L1_CHUNK_ENTRIES);

        if (!sinter_io_read(io, view->l1_offset + (guint64)at * 8, chunk, (gsize)count * 8, error))
            return FALSE;
        for (guint32 i = 0; i < count; i++)
            census_add(self, sinter_be64_load(chunk + (gsize)i * 8) & SINTER_QCOW2_OFFSET_MASK);
    }
    return TRUE;
}

/*
 * Two entries for one table would show its content twice. No writer creates such entries, and a
 * small file could use them to simulate a map of any length.
 */
static gboolean
view_check_duplicates(const SinterQcow2L1Table *view, const SinterQcow2Header *header, SinterIo *io,
                      GError **error)
{
    Census census;
    gboolean ok;

    if (!census_begin(&census, view, header, error))
        return FALSE;
    ok = census_take(&census, view, io, error);
    census_end(&census);
    if (ok && census.twice != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "two L1 entries refer to the same L2 table, at %" G_GUINT64_FORMAT
                    "; repair the image with 'sinter-img check -r all'",
                    census.twice);
        return FALSE;
    }
    return ok;
}

gboolean
sinter_qcow2_l1_table_check(const SinterQcow2L1Table *view, const SinterQcow2Header *header,
                            SinterIo *io, GError **error)
{
    const SinterQcow2Geometry *geo = &header->geo;
    guint64 bytes = (guint64)view->l1_entries * 8;
    const char *trouble = NULL;

    if (bytes > SINTER_QCOW2_L1_MAX_BYTES)
        trouble = "L1 table too large";
    else if ((view->l1_offset & (geo->cluster_size - 1)) != 0)
        trouble = "L1 table offset invalid";
    else if (bytes > 0 &&
             (view->l1_offset > header->file_bytes || bytes > header->file_bytes - view->l1_offset))
        trouble = "L1 table is beyond the end of the file";
    else if (view->virtual_size_bytes > G_MAXINT64 ||
             view->l1_entries < sinter_qcow2_geometry_l1_entries(geo, view->virtual_size_bytes))
        trouble = "L1 table is too small";
    if (trouble) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, trouble);
        return FALSE;
    }
    return view_check_duplicates(view, header, io, error);
}
