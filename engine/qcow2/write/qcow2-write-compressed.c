/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compressed clusters: streams are packed byte by byte, and a host cluster has one reference for
 * each stream that touches it. Invariant: the bytes of a stream that something refers to are never
 * overwritten; an entry of a compressed cluster is never COPIED.
 */

#include "qcow2-l2-range.h"
#include "sinter-error.h"

static gboolean
check_room(SinterQcow2Writer *self, guint64 offset, gsize n_bytes, GError **error)
{
    if ((offset & (self->geo.cluster_size - 1)) == 0 && n_bytes > 0 &&
        n_bytes <= self->geo.cluster_size && !self->geo.external_data)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "'%s', guest offset %" G_GUINT64_FORMAT ": %s", sinter_io_get_path(self->io),
                offset,
                self->geo.external_data ? "an image with a data file cannot hold compressed data"
                                        : "invalid compressed cluster");
    return FALSE;
}

gboolean
sinter_qcow2_writer_put_compressed(SinterQcow2Writer *self, guint64 offset, const void *data,
                                   gsize n_bytes, GError **error)
{
    SinterQcow2L2Range stretch;
    SinterQcow2L2Entry old;
    SinterQcow2L2Entry new = { 0, 0 };
    gboolean own;
    guint64 host;

    if (!check_room(self, offset, n_bytes, error) ||
        !sinter_qcow2_l2_range_begin(
            self, offset, MIN(self->geo.cluster_size, self->header->virtual_size_bytes - offset),
            &stretch, error))
        return FALSE;
    old = sinter_qcow2_l2_range_load(&stretch, offset);
    if (!sinter_qcow2_entry_is_own(self, old, offset, &own, error) ||
        !sinter_qcow2_alloc_take_bytes(self, n_bytes, &host, error))
        return FALSE;
    if (!sinter_io_write(self->io, host, data, n_bytes, error)) {
        sinter_qcow2_alloc_untake_bytes(self, host, n_bytes);
        return FALSE;
    }
    new.entry = sinter_qcow2_l2_compressed_entry(&self->geo, host, n_bytes);
    sinter_qcow2_l2_range_store(&stretch, offset, new);
    sinter_qcow2_alloc_release_entry(self, old);
    return TRUE;
}
