/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads and writes tables of big-endian 64-bit entries (L1, refcount table, bitmap table); in
 * memory the entries are in host byte order.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

/* Reads @n entries at @offset. Free with g_free(). */
guint64 *sinter_qcow2_entries_load(SinterIo *io, guint64 offset, guint32 n, GError **error);

/* Writes the entries @from to @to (exclusive) of the table at @table_offset. */
gboolean sinter_qcow2_entries_store(SinterIo *io, guint64 table_offset, const guint64 *entries,
                                    guint32 from, guint32 to, GError **error);

G_END_DECLS
