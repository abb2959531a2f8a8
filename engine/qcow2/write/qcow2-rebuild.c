/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Repairs an image that was not closed cleanly, as QEMU does when it opens one: counts the
 * references in its tables and stores them as refcounts and COPIED flags. Invariant: the image
 * stays marked until all of that is durable, so after a crash it is repaired again; clusters with
 * references are never written; an image whose mapping is damaged is refused unchanged; what a
 * repair recorded to be kept stays allocated.
 */

#include "format/sinter-tally.h"
#include "qcow2/check/qcow2-check.h"
#include "qcow2/check/qcow2-refcount-compare.h"
#include "qcow2-rebuild.h"
#include "qcow2-alloc.h"
#include "qcow2-flush.h"
#include "sinter-error.h"

typedef struct {
    SinterQcow2Writer *writer;
    SinterQcow2RefcountMap *map;
    guint64 n_clusters; /* of the file */
    guint64 end;        /* end of what the refcount table counts, in clusters */
    GArray *missing;    /* of guint64: a cluster of each range that has no block */
    GArray *freed;      /* of guint64: clusters that lost their last reference; NULL: not wanted */
    guint64 seek;       /* all clusters below have references */
    GError *error;      /* of the last store */
} Rebuild;

/* Returns whether a rebuild repairs the finding, or it is harmless. */
static gboolean
is_stale_count(guint code)
{
    static const SinterFindingCode codes[] = {
        SINTER_FINDING_L1_COPIED_FALSE,  SINTER_FINDING_L1_COPIED_MISSING,
        SINTER_FINDING_L2_COPIED_FALSE,  SINTER_FINDING_L2_COPIED_MISSING,
        SINTER_FINDING_REFCOUNT_TOO_LOW, SINTER_FINDING_REFCOUNT_TOO_HIGH,
        SINTER_FINDING_CLUSTER_LEAKED,
    };

    for (gsize i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (code == codes[i])
            return TRUE;
    }
    return FALSE;
}

static gboolean
check_repairable(const SinterCheckResult *result, gboolean counted, GError **error)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        if (result->per_code[code] == 0 || is_stale_count(code) ||
            sinter_finding_code_class(code) == SINTER_FINDING_NOTE ||
            sinter_finding_code_stake(code) == SINTER_STAKE_NONE)
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the image has other damage than wrong refcounts (%s, %" G_GUINT64_FORMAT
                    " times); repair it with 'sinter-img check -r all'",
                    sinter_finding_code_name(code), result->per_code[code]);
        return FALSE;
    }
    if (result->complete && counted)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "not all of it can be read");
    return FALSE;
}

static gboolean
rebuild_count(Rebuild *self, GError **error)
{
    SinterIo *io = self->writer->io;
    const SinterCheckOptions options = { .flags = SINTER_CHECK_NO_OWNERS };
    g_autoptr(SinterCheckResult) result = sinter_check_result_new(sinter_io_get_path(io), "qcow2");

    return sinter_qcow2_check_count_all(io, &options, result, &self->map, &self->n_clusters,
                                        error) &&
           check_repairable(result, self->map != NULL, error);
}

/* The clusters of a range without a block have no refcounts. */
static void
rebuild_need_block(Rebuild *self, guint64 cluster)
{
    guint bits = self->writer->geo.refblock_bits;

    if (sinter_qcow2_alloc_has_block(self->writer, cluster))
        return;
    /* usually they come in order */
    for (guint i = self->missing->len; i-- > 0;) {
        if (g_array_index(self->missing, guint64, i) >> bits == cluster >> bits)
            return;
    }
    g_array_append_val(self->missing, cluster);
}

static void
note_missing(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    if (refs > 0)
        rebuild_need_block(user_data, cluster);
}

/* Returns whether a cluster without references is kept. */
static gboolean
rebuild_keeps(const Rebuild *self, guint64 stored)
{
    return stored > 0 && sinter_qcow2_header_keeps_leaks(self->writer->header);
}

/* Returns the first cluster from @from on without references that is not kept. */
static gboolean
rebuild_find_free(Rebuild *self, guint64 from, guint64 end, guint64 *ret)
{
    for (*ret = from; *ret < end; (*ret)++) {
        if (sinter_qcow2_refcount_map_get_refs(self->map, *ret) == 0 &&
            !rebuild_keeps(self, sinter_qcow2_refcount_map_get_stored(self->map, *ret)))
            return TRUE;
    }
    return FALSE;
}

/* Returns the place of the block that counts @counted: within its own range, if there is room. */
static gboolean
rebuild_find_place(Rebuild *self, guint64 counted, guint64 *ret, GError **error)
{
    guint bits = self->writer->geo.refblock_bits;
    guint64 first = counted >> bits << bits;

    if (counted < self->end && rebuild_find_free(self, first, first + (1U << bits), ret))
        return TRUE;
    if (counted < self->end && rebuild_find_free(self, self->seek, self->end, ret)) {
        self->seek = *ret;
        return TRUE;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "its refcount table does not cover the whole image");
    return FALSE;
}

/* A block may be placed in another range without a block: the list grows. */
static gboolean
rebuild_place_blocks(Rebuild *self, GError **error)
{
    for (guint i = 0; i < self->missing->len; i++) {
        guint64 counted = g_array_index(self->missing, guint64, i);
        guint64 cluster;

        if (!rebuild_find_place(self, counted, &cluster, error))
            return FALSE;
        sinter_qcow2_refcount_map_add(self->map, cluster, 1, SINTER_QCOW2_USE_METADATA, 0);
        sinter_qcow2_alloc_place_block(self->writer, counted, cluster);
        g_array_index(self->missing, guint64, i) = cluster;
        rebuild_need_block(self, cluster);
    }
    return TRUE;
}

static void
store_count(guint64 cluster, guint64 stored, guint64 refs, gpointer user_data)
{
    Rebuild *self = user_data;

    /* a range without a block already counts as free */
    if (self->error || !sinter_qcow2_alloc_has_block(self->writer, cluster) ||
        (refs == 0 && rebuild_keeps(self, stored)))
        return;
    if (self->freed && stored > 0 && refs == 0)
        g_array_append_val(self->freed, cluster);
    if (sinter_qcow2_alloc_set_refcount(self->writer, cluster, refs, &self->error))
        sinter_qcow2_writer_make_room(self->writer, &self->error);
}

/*
 * Beyond the end of the file only new blocks may be counted: other clusters would leak as the file
 * grows.
 */
static void
rebuild_clear_beyond(Rebuild *self)
{
    guint64 per_block = G_GUINT64_CONSTANT(1) << self->writer->geo.refblock_bits;

    for (guint64 at = self->n_clusters; at < self->end && !self->error;) {
        guint64 next = (at / per_block + 1) * per_block;
        guint64 count = 0;

        if (!sinter_qcow2_alloc_has_block(self->writer, at)) {
            at = next;
            continue;
        }
        for (; at < next && !self->error; at++) {
            if (sinter_qcow2_alloc_get_refcount(self->writer, at, &count, &self->error) && count)
                store_count(at, count, sinter_qcow2_refcount_map_get_refs(self->map, at), self);
        }
    }
}

static gboolean
rebuild_store_counts(Rebuild *self, GError **error)
{
    guint64 end;

    sinter_qcow2_refcount_map_compare(self->map, self->n_clusters, store_count, self, &end);
    rebuild_clear_beyond(self);
    /* the new blocks, which may be there */
    for (guint i = 0; i < self->missing->len; i++)
        store_count(g_array_index(self->missing, guint64, i), 0, 1, self);
    if (!self->error)
        return sinter_qcow2_writer_finish(self->writer, error);
    g_propagate_error(error, self->error);
    return FALSE;
}

/* Returns COPIED if the cluster at @offset has exactly one reference. */
static guint64
rebuild_copied(const Rebuild *self, guint64 offset)
{
    guint64 cluster = offset >> self->writer->geo.cluster_bits;

    return sinter_qcow2_refcount_map_get_refs(self->map, cluster) == 1 ? SINTER_QCOW2_COPIED : 0;
}

static void
rebuild_flag_table(const Rebuild *self, SinterQcow2Table *table)
{
    const SinterQcow2Geometry *geo = &self->writer->geo;

    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, table->data, i);
        guint64 offset = l2.entry & SINTER_QCOW2_OFFSET_MASK;
        guint64 entry = (l2.entry & ~SINTER_QCOW2_COPIED) | rebuild_copied(self, offset);

        if ((l2.entry & SINTER_QCOW2_COMPRESSED) || offset == 0 || entry == l2.entry)
            continue;
        l2.entry = entry;
        sinter_qcow2_l2_store(geo, table->data, i, l2);
        sinter_qcow2_table_touch(table, i * geo->l2_entry_bytes, geo->l2_entry_bytes);
    }
}

/* Corrects the flags of the active state, the one that is written to. */
static gboolean
rebuild_flags(const Rebuild *self, GError **error)
{
    SinterQcow2Writer *writer = self->writer;

    for (guint32 i = 0; i < writer->header->l1_entries; i++) {
        guint64 offset = writer->l1[i] & SINTER_QCOW2_OFFSET_MASK;
        SinterQcow2Table *table;

        if (offset == 0)
            continue;
        writer->l1[i] = offset | rebuild_copied(self, offset);
        table = sinter_qcow2_table_get(&writer->l2, offset, error);
        if (!table)
            return FALSE;
        /* in a data file each cluster has one user */
        if (!writer->geo.external_data)
            rebuild_flag_table(self, table);
        if (!sinter_qcow2_writer_make_room(writer, error))
            return FALSE;
    }
    writer->l1_dirty_from = 0;
    writer->l1_dirty_to = writer->header->l1_entries;
    return sinter_qcow2_writer_finish(writer, error);
}

static gboolean
rebuild_mark_closed(SinterQcow2Writer *writer, GError **error)
{
    guint64 bits = writer->header->incompatible & ~SINTER_QCOW2_INCOMPAT_DIRTY;
    guint8 raw[8];

    /* version 2 has no such mark */
    if (bits == writer->header->incompatible)
        return TRUE;
    sinter_be64_store(raw, bits);
    if (!sinter_io_write(writer->io, SINTER_QCOW2_AT_INCOMPATIBLE, raw, sizeof raw, error) ||
        !sinter_io_flush(writer->io, error))
        return FALSE;
    writer->header->incompatible = bits;
    return TRUE;
}

gboolean
sinter_qcow2_writer_rebuild(SinterQcow2Writer *self, GArray *freed, GError **error)
{
    g_autoptr(GArray) missing = g_array_new(FALSE, FALSE, sizeof(guint64));
    g_autoptr(SinterQcow2RefcountMap) map = NULL;
    Rebuild rebuild = { .writer = self, .missing = missing, .freed = freed };
    guint64 end;
    gboolean ok;

    rebuild.end = (guint64)self->reftable_entries << self->geo.refblock_bits;
    ok = rebuild_count(&rebuild, error);
    map = rebuild.map;
    if (!ok)
        return FALSE;
    sinter_qcow2_refcount_map_compare(map, rebuild.n_clusters, note_missing, &rebuild, &end);
    return rebuild_place_blocks(&rebuild, error) && rebuild_store_counts(&rebuild, error) &&
           rebuild_flags(&rebuild, error) && rebuild_mark_closed(self, error);
}
