/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Copies a run of another file at once, for a file system that shares blocks: one copy for all
 * guest clusters, wherever they are. Invariant: the run is copied into clusters that nothing refers
 * to, and the mapping changes only after the copy, as with any place (qcow2-place.c).
 */

#include "qcow2-place.h"

/* Maps the clusters from @host on to @guests. Frees the clusters that could not be mapped. */
static gboolean
map_adopted(SinterQcow2Writer *self, guint64 host, const guint64 *guests, guint64 n, GError **error)
{
    guint32 size = self->geo.cluster_size;

    for (guint64 i = 0; i < n; i++) {
        SinterFormatPlace place = {
            .offset = guests[i], .host = host + i * size, .length = size, .is_new = TRUE
        };

        if (sinter_qcow2_writer_map(self, &place, error))
            continue;
        if (i + 1 < n)
            sinter_qcow2_untake_hosts(self, place.host + size, n - i - 1);
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_writer_adopt(SinterQcow2Writer *self, const guint64 *guests, guint64 n, SinterIo *from,
                          guint64 from_offset, GError **error)
{
    g_return_val_if_fail(!self->geo.external_data, FALSE);
    while (n > 0) {
        guint64 host;
        guint64 got;
        guint64 bytes;

        if (!sinter_qcow2_writer_make_room(self, error) ||
            !sinter_qcow2_take_hosts(self, guests[0], n, &host, &got, error))
            return FALSE;
        bytes = got << self->geo.cluster_bits;
        if (!sinter_io_copy(self->data_io, host, from, from_offset, bytes, error)) {
            sinter_qcow2_untake_hosts(self, host, got);
            return FALSE;
        }
        if (!map_adopted(self, host, guests, got, error))
            return FALSE;
        guests += got;
        from_offset += bytes;
        n -= got;
    }
    return TRUE;
}
