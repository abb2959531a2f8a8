/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Loads and stores tables of entries. The caller has checked their bounds. */

#include "qcow2-entries.h"
#include "qcow2-layout.h"

guint64 *
sinter_qcow2_entries_load(SinterIo *io, guint64 offset, guint32 n, GError **error)
{
    gsize bytes = (gsize)n * 8;
    guint64 *entries = g_malloc(MAX(bytes, 8));

    if (!sinter_io_read(io, offset, entries, bytes, error)) {
        g_free(entries);
        return NULL;
    }
    for (guint32 i = 0; i < n; i++)
        entries[i] = GUINT64_FROM_BE(entries[i]);
    return entries;
}

gboolean
sinter_qcow2_entries_store(SinterIo *io, guint64 table_offset, const guint64 *entries, guint32 from,
                           guint32 to, GError **error)
{
    gsize bytes = (gsize)(to - from) * 8;
    g_autofree guint8 *raw = g_malloc(MAX(bytes, 8));

    for (guint32 i = from; i < to; i++)
        sinter_be64_store(raw + (gsize)(i - from) * 8, entries[i]);
    return sinter_io_write(io, table_offset + (guint64)from * 8, raw, bytes, error);
}
