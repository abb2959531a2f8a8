/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Applies changes of entries. Invariant: an entry is within one sector and is written as a whole,
 * so a crash leaves the old or the new one.
 */

#include "qcow2-repair-edit.h"

static gboolean
edit_apply(const SinterQcow2EntryEdit *self, SinterIo *io, GError **error)
{
    guint8 raw[16];

    if (!sinter_io_read(io, self->at, raw, self->bytes, error))
        return FALSE;
    /* an entry of two tables that overlap may have changed */
    if (sinter_be64_load(raw) != self->old.entry ||
        (self->bytes == 16 && sinter_be64_load(raw + 8) != self->old.bitmap))
        return TRUE;
    sinter_be64_store(raw, self->changed.entry);
    sinter_be64_store(raw + 8, self->changed.bitmap);
    return sinter_io_write(io, self->at, raw, self->bytes, error);
}

gboolean
sinter_qcow2_edits_apply(GArray *edits, SinterIo *io, GError **error)
{
    for (guint i = 0; i < edits->len; i++) {
        if (!edit_apply(&g_array_index(edits, SinterQcow2EntryEdit, i), io, error))
            return FALSE;
    }
    return sinter_io_flush(io, error);
}
