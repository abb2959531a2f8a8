/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Prepares each change of the mapping. Invariant: a cluster is owned, and so may be written in
 * place, only if its entry is COPIED, its refcount is 1 and it holds no table.
 */

#include "qcow2-l2-range.h"
#include "qcow2-proof.h"
#include "qcow2-bitmap-record.h"
#include "sinter-error.h"

static guint32
entry_index(const SinterQcow2Geometry *geo, guint64 offset)
{
    return (guint32)((offset >> geo->cluster_bits) & (geo->l2_entries - 1));
}

SinterQcow2L2Entry
sinter_qcow2_l2_range_load(const SinterQcow2L2Range *self, guint64 offset)
{
    return sinter_qcow2_l2_load(&self->writer->geo, self->table->data,
                                entry_index(&self->writer->geo, offset));
}

void
sinter_qcow2_l2_range_store(SinterQcow2L2Range *self, guint64 offset, SinterQcow2L2Entry l2)
{
    const SinterQcow2Geometry *geo = &self->writer->geo;
    guint32 index = entry_index(geo, offset);

    sinter_qcow2_l2_store(geo, self->table->data, index, l2);
    sinter_qcow2_table_touch(self->table, index * geo->l2_entry_bytes, geo->l2_entry_bytes);
}

gboolean
sinter_qcow2_entry_is_own(SinterQcow2Writer *self, SinterQcow2L2Entry l2, guint64 offset,
                          gboolean *ret, GError **error)
{
    const SinterQcow2Geometry *geo = &self->geo;
    guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;
    guint64 count = 0;

    *ret = FALSE;
    if (sinter_qcow2_l2_kind(geo, l2, 0) == SINTER_QCOW2_INVALID ||
        (!(l2.entry & SINTER_QCOW2_COMPRESSED) && (host & (geo->cluster_size - 1)) != 0)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s', guest offset %" G_GUINT64_FORMAT
                    ": Invalid cluster entry found (L2 entry 0x%" G_GINT64_MODIFIER
                    "x); repair the image with 'sinter-img check -r all'",
                    sinter_io_get_path(self->io), offset, l2.entry);
        return FALSE;
    }
    if ((l2.entry & SINTER_QCOW2_COMPRESSED) || !sinter_qcow2_l2_has_host(geo, l2))
        return TRUE;
    *ret = geo->external_data || (l2.entry & SINTER_QCOW2_COPIED) != 0;
    if (!*ret || geo->external_data)
        return TRUE;
    if (!sinter_qcow2_alloc_get_refcount(self, host >> geo->cluster_bits, &count, error))
        return FALSE;
    if (count == 1 &&
        !g_hash_table_contains(self->metadata, GSIZE_TO_POINTER(host >> geo->cluster_bits)))
        return sinter_qcow2_proof_reuse(self, host >> geo->cluster_bits, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s', guest offset %" G_GUINT64_FORMAT ": its cluster at %" G_GUINT64_FORMAT
                " is marked as not shared, but %s; repair the image with 'sinter-img check -r all' "
                "before it is written to",
                sinter_io_get_path(self->io), offset, host,
                count == 1 ? "a table is stored there" : "its refcount is not 1");
    return FALSE;
}

gboolean
sinter_qcow2_l2_range_begin(SinterQcow2Writer *self, guint64 offset, guint64 len,
                            SinterQcow2L2Range *ret, GError **error)
{
    guint64 reach = G_GUINT64_CONSTANT(1) << (self->geo.cluster_bits + self->geo.l2_bits);

    *ret = (SinterQcow2L2Range){ .writer = self, .offset = offset };
    ret->len = (gsize)MIN(len, reach - (offset & (reach - 1)));
    if (!sinter_qcow2_writer_make_room(self, error) ||
        !sinter_qcow2_bitmap_record_mark(self, offset, ret->len, error))
        return FALSE;
    ret->table = sinter_qcow2_writer_l2_own(self, offset, error);
    return ret->table != NULL;
}
