/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Unmaps clusters that the image no longer has to hold, because an image below holds the same.
 * Invariant: what the guest sees is the caller's concern and does not change, so no dirty bitmap
 * records it; a cluster is freed only after its entry is durably gone.
 */

#include "qcow2-uncover.h"
#include "qcow2-alloc.h"

static gboolean
has_entry(const SinterQcow2Writer *self, const SinterQcow2Table *table, guint32 first, guint32 n)
{
    for (guint32 i = first; i < first + n; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(&self->geo, table->data, i);

        if (l2.entry != 0 || l2.bitmap != 0)
            return TRUE;
    }
    return FALSE;
}

/* Clears @n entries of the table that maps @offset, and releases what they refer to. */
static gboolean
clear_entries(SinterQcow2Writer *self, guint64 offset, guint32 first, guint32 n, GError **error)
{
    SinterQcow2Table *table = sinter_qcow2_writer_l2_own(self, offset, error);

    for (guint32 i = first; table && i < first + n; i++) {
        SinterQcow2L2Entry old = sinter_qcow2_l2_load(&self->geo, table->data, i);

        if (old.entry == 0 && old.bitmap == 0)
            continue;
        sinter_qcow2_l2_store(&self->geo, table->data, i, (SinterQcow2L2Entry){ 0, 0 });
        sinter_qcow2_table_touch(table, i * self->geo.l2_entry_bytes, self->geo.l2_entry_bytes);
        sinter_qcow2_alloc_release_entry(self, old);
    }
    return table != NULL;
}

gboolean
sinter_qcow2_uncover(SinterQcow2Writer *self, guint64 offset, guint64 len, guint64 *ret_end,
                     GError **error)
{
    guint bits = self->geo.cluster_bits;
    guint64 mask = self->geo.cluster_size - 1;
    guint64 end = offset + len;
    guint64 at = (offset + mask) & ~mask;

    *ret_end = offset;
    if (end != self->header->virtual_size_bytes)
        end &= ~mask;
    if (self->geo.external_data || at >= end)
        return TRUE;
    *ret_end = end;
    while (at < end) {
        guint32 first = (guint32)((at >> bits) & (self->geo.l2_entries - 1));
        guint32 n = (guint32)MIN(self->geo.l2_entries - first, ((end - at) + mask) >> bits);
        SinterQcow2Table *table = NULL;

        if (!sinter_qcow2_writer_make_room(self, error) ||
            !sinter_qcow2_writer_l2_get(self, at, &table, error) ||
            (table && has_entry(self, table, first, n) &&
             !clear_entries(self, at, first, n, error)))
            return FALSE;
        at += (guint64)n << bits;
    }
    return TRUE;
}
