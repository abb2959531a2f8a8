/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An undo file that is read: its header and the index of its entries. */

#include "sinter-io.h"
#include "sinter-undo-codec.h"
#include "sinter/undo.h"

G_BEGIN_DECLS

struct _SinterUndo {
    SinterIo *io;
    SinterUndoHeader header;
    SinterUndoInfo info;
    GArray *entries;     /* of SinterUndoEntry, sorted by offset, then by batch */
    guint64 n_batches;   /* of changes */
    guint64 final_bytes; /* size of the image after the operation, if that is complete */
};

/*
 * Sets @ret to the entries of @self that cover the page at @offset, of SinterUndoEntry *, in the
 * order in which they were written.
 */
void sinter_undo_find(SinterUndo *self, guint64 offset, GPtrArray *ret);

/* Reads the former content of the page at @offset; zeros beyond the image's former end. */
gboolean sinter_undo_read_old(SinterUndo *self, const GPtrArray *cover, guint64 offset, guint8 *buf,
                              GError **error);

/* Reads the digests that an entry has for the page at @offset. */
gboolean sinter_undo_read_digests(SinterUndo *self, const SinterUndoEntry *entry, guint64 offset,
                                  guint8 *buf, GError **error);

G_END_DECLS
