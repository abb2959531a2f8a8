/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Frees blocks of the file system that contain only zeros in tables. Tables are usually written as
 * whole clusters, of which only a part is used. Invariant: only ranges that were read as zeros
 * become holes, so the content of the file stays the same at every moment.
 */

#include "qcow2-sparse.h"

#include <string.h>

#define BLOCK_BYTES 4096
#define ENOUGH_BYTES (64 * 1024)

static gboolean
is_zero(const guint8 *at, gsize n)
{
    return *at == 0 && memcmp(at, at + 1, n - 1) == 0;
}

static gboolean
takes_space(SinterIo *io, guint64 offset)
{
    SinterIoExtent extent;

    return sinter_io_extent(io, offset, BLOCK_BYTES, &extent, NULL) && !extent.is_hole;
}

/* Adds the number of bytes that were freed to @freed. */
static void
sparse_table(SinterQcow2Writer *self, guint64 offset, guint8 *buffer, guint64 *freed)
{
    guint32 size = self->geo.cluster_size;

    if ((offset & (size - 1)) != 0 || !sinter_io_read(self->io, offset, buffer, size, NULL))
        return;
    for (guint32 at = 0; at + BLOCK_BYTES <= size && *freed < ENOUGH_BYTES; at += BLOCK_BYTES) {
        if (is_zero(buffer + at, BLOCK_BYTES) && takes_space(self->io, offset + at) &&
            sinter_io_discard(self->io, offset + at, BLOCK_BYTES, NULL))
            *freed += BLOCK_BYTES;
    }
}

void
sinter_qcow2_sparse_tables(SinterQcow2Writer *self)
{
    g_autofree guint8 *buffer = g_malloc(self->geo.cluster_size);
    guint64 freed = 0;
    SinterIoStat st;

    if (!sinter_io_stat(self->io, &st, NULL) || st.is_block_device)
        return;
    sparse_table(self, 0, buffer, &freed);
    for (guint32 i = 0; i < self->reftable_entries && freed < ENOUGH_BYTES; i++) {
        guint64 offset = self->reftable[i] & ~SINTER_QCOW2_REFTABLE_RESERVED;

        if (offset != 0)
            sparse_table(self, offset, buffer, &freed);
    }
    for (guint32 i = 0; i < self->header->l1_entries && freed < ENOUGH_BYTES; i++) {
        guint64 offset = self->l1[i] & SINTER_QCOW2_OFFSET_MASK;

        if (offset != 0)
            sparse_table(self, offset, buffer, &freed);
    }
}
