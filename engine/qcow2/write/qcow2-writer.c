/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens a qcow2 image for writing and keeps its mapping in memory. Invariant: an image that this
 * engine cannot keep consistent is refused before it is changed, and a changed L2 table belongs
 * only to the active state.
 */

#include "qcow2-bitmap-record.h"
#include "qcow2-proof.h"
#include "qcow2-rebuild.h"
#include "qcow2/layout/qcow2-entries.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/read/qcow2-l1-table.h"
#include "qcow2-writer.h"
#include "sinter-error.h"

#define L2_BUDGET_BYTES (24 * 1024 * 1024)
#define BLOCKS_BUDGET_BYTES (16 * 1024 * 1024)

static gboolean
check_header(const SinterQcow2Header *header, GError **error)
{
    if (!sinter_qcow2_header_require_usable(header, error))
        return FALSE;
    if (header->incompatible & SINTER_QCOW2_INCOMPAT_CORRUPT)
        return sinter_error_refuse(
            error, SINTER_ERROR_CORRUPT,
            "the image is marked as corrupt; repair it with 'sinter-img check "
            "-r all' before it is written to");
    if (header->crypt_method != SINTER_QCOW2_CRYPT_NONE)
        return sinter_error_refuse(
            error, SINTER_ERROR_UNSUPPORTED,
            "the image is encrypted; without the key, it cannot be written to");
    return TRUE;
}

/* Clears autoclear bits of data that this engine does not maintain, before any other change. */
static gboolean
clear_autoclear(SinterQcow2Writer *self, GError **error)
{
    guint64 keep = self->header->autoclear & SINTER_QCOW2_AUTOCLEAR_KNOWN;
    guint8 raw[8];

    if (self->header->version < 3 || keep == self->header->autoclear)
        return TRUE;
    sinter_be64_store(raw, keep);
    if (!sinter_io_write(self->io, SINTER_QCOW2_AT_AUTOCLEAR, raw, sizeof raw, error) ||
        !sinter_io_flush(self->io, error))
        return FALSE;
    self->header->autoclear = keep;
    return TRUE;
}

static SinterIo *
open_named_data_file(SinterQcow2Writer *self, SinterIoFlags flags, GError **error)
{
    g_autofree char *path = sinter_image_resolve_name(sinter_io_get_path(self->io),
                                                      self->header->data_file_name, error);
    g_autoptr(SinterIo) io = path ? sinter_fs_open(self->fs, path, flags, error) : NULL;

    return io && sinter_io_lock(io, SINTER_IO_LOCK_ALONE, error) ? g_steal_pointer(&io) : NULL;
}

static gboolean
open_data_file(SinterQcow2Writer *self, const SinterQcow2WriterOptions *options, GError **error)
{
    g_autoptr(SinterIo) io = NULL;

    if (!self->geo.external_data)
        return TRUE;
    io = options->data_io ? sinter_io_ref(options->data_io)
                          : open_named_data_file(self, options->io_flags, error);
    if (!io) {
        sinter_error_wrap(error, SINTER_STAGE_OPEN_DATA_FILE, NULL,
                          "Could not open the data file: ");
        return FALSE;
    }
    sinter_io_unref(self->data_io);
    self->data_io = g_steal_pointer(&io);
    return TRUE;
}

static gboolean
open_backing(SinterQcow2Writer *self, const SinterQcow2WriterOptions *wanted, GError **error)
{
    SinterChainOptions options = { .fs = self->fs };
    g_autofree char *format = NULL;
    g_autofree char *path = NULL;

    if (!self->header->backing_name || self->backing || wanted->no_backing)
        return TRUE;
    if (!sinter_image_name_get_format(self->header->backing_name, self->header->backing_format,
                                      &format, error))
        return FALSE;
    options.format = format;
    if (wanted->probe_backing)
        options.flags |= SINTER_CHAIN_PROBE;
    if (wanted->io_flags & SINTER_IO_NO_LOCK)
        options.flags |= SINTER_CHAIN_NO_LOCK;
    path =
        sinter_image_resolve_name(sinter_io_get_path(self->io), self->header->backing_name, error);
    if (path)
        self->backing = sinter_chain_open(path, &options, error);
    if (!self->backing)
        sinter_error_wrap(error, SINTER_STAGE_OPEN_BACKING, NULL, "Could not open backing file: ");
    return self->backing != NULL;
}

static gboolean
load_tables(SinterQcow2Writer *self, GError **error)
{
    const SinterQcow2Header *header = self->header;
    SinterQcow2L1Table view = { header->l1_offset, header->l1_entries, header->virtual_size_bytes };

    if (!sinter_qcow2_l1_table_check(&view, header, self->io, error))
        return FALSE;
    self->l1 = sinter_qcow2_entries_load(self->io, header->l1_offset, header->l1_entries, error);
    self->reftable_offset = header->reftable_offset;
    self->reftable_entries =
        (guint32)(((guint64)header->reftable_clusters << header->cluster_bits) / 8);
    self->reftable = self->l1 ? sinter_qcow2_entries_load(self->io, self->reftable_offset,
                                                          self->reftable_entries, error)
                              : NULL;
    return self->reftable != NULL;
}

static void
mark_range(SinterQcow2Writer *self, guint64 offset, guint64 bytes)
{
    guint64 first = offset >> self->geo.cluster_bits;
    guint64 n = sinter_qcow2_geometry_clusters(&self->geo, bytes);

    for (guint64 i = 0; i < n; i++)
        g_hash_table_add(self->metadata, GSIZE_TO_POINTER(first + i));
}

/* Refcounts that may be stale must not be used. */
static gboolean
repair_if_dirty(SinterQcow2Writer *self, GError **error)
{
    if (!(self->header->incompatible & SINTER_QCOW2_INCOMPAT_DIRTY))
        return TRUE;
    if (sinter_qcow2_writer_rebuild(self, NULL, error)) {
        self->counts_are_proven = TRUE;
        return TRUE;
    }
    sinter_error_prefix(error, "Could not repair dirty image: ");
    return FALSE;
}

static gboolean
note_end(SinterQcow2Writer *self, GError **error)
{
    SinterIoStat st;

    if (!sinter_io_stat(self->io, &st, error))
        return FALSE;
    self->first_end = sinter_qcow2_geometry_clusters(&self->geo, st.size_bytes);
    return TRUE;
}

/* If snapshots share clusters, a refcount that is too low lets the disk overwrite theirs. */
static gboolean
prove_if_shared(SinterQcow2Writer *self, GError **error)
{
    return self->header->n_snapshots == 0 || sinter_qcow2_proof_counts(self, error);
}

/* Collects the places of all tables, which must never be allocated. */
static gboolean
mark_metadata(SinterQcow2Writer *self, GError **error)
{
    const SinterQcow2Header *header = self->header;
    g_autoptr(GPtrArray) snapshots = sinter_qcow2_snapshots_load(self->io, header, NULL, error);

    if (!snapshots)
        return FALSE;
    mark_range(self, 0, 1);
    mark_range(self, header->l1_offset, (guint64)header->l1_entries * 8);
    mark_range(self, self->reftable_offset, (guint64)self->reftable_entries * 8);
    for (guint32 i = 0; i < header->l1_entries; i++) {
        if (self->l1[i] & SINTER_QCOW2_OFFSET_MASK)
            mark_range(self, self->l1[i] & SINTER_QCOW2_OFFSET_MASK, 1);
    }
    for (guint32 i = 0; i < self->reftable_entries; i++) {
        if (self->reftable[i] & ~SINTER_QCOW2_REFTABLE_RESERVED)
            mark_range(self, self->reftable[i] & ~SINTER_QCOW2_REFTABLE_RESERVED, 1);
    }
    for (guint i = 0; i < snapshots->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(snapshots, i);

        mark_range(self, snapshot->entry_offset, snapshot->entry_bytes);
        if (snapshot->l1_entries <= SINTER_QCOW2_L1_MAX_BYTES / 8)
            mark_range(self, snapshot->l1_offset, (guint64)snapshot->l1_entries * 8);
    }
    return TRUE;
}

SinterQcow2Writer *
sinter_qcow2_writer_open(SinterFs *fs, SinterIo *io, const SinterQcow2WriterOptions *options,
                         GError **error)
{
    g_autoptr(SinterQcow2Writer) self = g_new0(SinterQcow2Writer, 1);

    self->fs = sinter_fs_ref(fs);
    self->io = sinter_io_ref(io);
    self->data_io = sinter_io_ref(io);
    self->backing = options->backing;
    self->frees = g_array_new(FALSE, FALSE, sizeof(guint64));
    self->metadata = g_hash_table_new(NULL, NULL);
    self->header = sinter_qcow2_header_read(io, error);
    if (!self->header || !check_header(self->header, error))
        return NULL;
    self->geo = self->header->geo;
    sinter_qcow2_table_set_init(&self->l2, io, self->geo.cluster_size, L2_BUDGET_BYTES);
    sinter_qcow2_table_set_init(&self->blocks, io, self->geo.cluster_size, BLOCKS_BUDGET_BYTES);
    if (!load_tables(self, error) || !note_end(self, error) || !repair_if_dirty(self, error) ||
        !mark_metadata(self, error) || !prove_if_shared(self, error) ||
        !open_data_file(self, options, error) || !open_backing(self, options, error) ||
        !sinter_qcow2_bitmap_record_open(self, options->no_recording, error) ||
        !clear_autoclear(self, error))
        return NULL;
    return g_steal_pointer(&self);
}

gboolean
sinter_qcow2_writer_close(SinterQcow2Writer *self, GError **error)
{
    return sinter_qcow2_writer_finish(self, error) && sinter_qcow2_bitmap_record_store(self, error);
}

/* Unflushed changes are dropped, but bitmaps that recorded them can be kept. */
static void
keep_bitmaps(SinterQcow2Writer *self)
{
    const SinterQcow2WriterOptions options = {
        .no_backing = TRUE,
        .no_recording = TRUE,
        .data_io = self->geo.external_data ? self->data_io : NULL,
    };
    g_autoptr(SinterQcow2Writer) fresh = NULL;

    if (!self->has_marks)
        return;
    fresh = sinter_qcow2_writer_open(self->fs, self->io, &options, NULL);
    if (fresh)
        sinter_qcow2_bitmap_record_rescue(self, fresh);
}

void
sinter_qcow2_writer_free(SinterQcow2Writer *self)
{
    if (!self)
        return;
    keep_bitmaps(self);
    sinter_qcow2_table_set_clear(&self->l2);
    sinter_qcow2_table_set_clear(&self->blocks);
    sinter_chain_free(self->backing);
    sinter_qcow2_header_free(self->header);
    g_array_unref(self->frees);
    g_hash_table_unref(self->metadata);
    g_clear_pointer(&self->recorders, g_ptr_array_unref);
    g_clear_pointer(&self->bitmaps, g_ptr_array_unref);
    g_free(self->l1);
    g_free(self->reftable);
    sinter_io_unref(self->data_io);
    sinter_io_unref(self->io);
    sinter_fs_unref(self->fs);
    g_free(self);
}

static guint32
l1_index_of(const SinterQcow2Writer *self, guint64 offset)
{
    return (guint32)(offset >> (self->geo.cluster_bits + self->geo.l2_bits));
}

gboolean
sinter_qcow2_writer_l2_get(SinterQcow2Writer *self, guint64 offset, SinterQcow2Table **ret,
                           GError **error)
{
    guint64 table = self->l1[l1_index_of(self, offset)] & SINTER_QCOW2_OFFSET_MASK;

    *ret = NULL;
    if (table == 0)
        return TRUE;
    *ret = sinter_qcow2_table_get(&self->l2, table, error);
    if (!*ret)
        sinter_error_prefix(error, "L2 table of guest offset %" G_GUINT64_FORMAT ": ", offset);
    return *ret != NULL;
}

void
sinter_qcow2_writer_l1_set(SinterQcow2Writer *self, guint32 index, guint64 entry)
{
    self->l1[index] = entry;
    if (self->l1_dirty_from >= self->l1_dirty_to) {
        self->l1_dirty_from = index;
        self->l1_dirty_to = index + 1;
    }
    self->l1_dirty_from = MIN(self->l1_dirty_from, index);
    self->l1_dirty_to = MAX(self->l1_dirty_to, index + 1);
}

/* A table with more than one owner must not be changed, whatever L1 says. */
static gboolean
check_owned(SinterQcow2Writer *self, guint64 table, GError **error)
{
    guint64 count = 0;

    if (!sinter_qcow2_alloc_get_refcount(self, table >> self->geo.cluster_bits, &count, error))
        return FALSE;
    if (count == 1)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                "'%s': the L2 table at %" G_GUINT64_FORMAT
                " is marked as not shared, but its refcount is %" G_GUINT64_FORMAT
                "; repair the image with 'sinter-img check -r all' before it is written to",
                sinter_io_get_path(self->io), table, count);
    return FALSE;
}

SinterQcow2Table *
sinter_qcow2_writer_l2_own(SinterQcow2Writer *self, guint64 offset, GError **error)
{
    guint32 index = l1_index_of(self, offset);
    guint64 entry = self->l1[index];
    guint64 old_offset = entry & SINTER_QCOW2_OFFSET_MASK;
    SinterQcow2Table *old = NULL;
    SinterQcow2Table *table;
    guint64 cluster;
    guint64 n;

    if (!sinter_qcow2_writer_l2_get(self, offset, &old, error))
        return NULL;
    if (old && (entry & SINTER_QCOW2_COPIED))
        return check_owned(self, old_offset, error) ? old : NULL;
    if (!sinter_qcow2_alloc_take(self, 1, &cluster, &n, error))
        return NULL;
    table = sinter_qcow2_table_add(&self->l2, cluster << self->geo.cluster_bits);
    g_hash_table_add(self->metadata, GSIZE_TO_POINTER(cluster));
    if (old) {
        memcpy(table->data, old->data, self->geo.cluster_size);
        sinter_qcow2_alloc_release(self, old_offset >> self->geo.cluster_bits);
    }
    sinter_qcow2_writer_l1_set(self, index, table->offset | SINTER_QCOW2_COPIED);
    return table;
}
