/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Records writes in the image's enabled bitmaps. A bitmap is a table of clusters of bits, one bit
 * per 2^granularity bytes of the disk, least significant bit first; table entries without a cluster
 * represent all zeros or all ones.
 *
 * Invariant: before the first bit can be lost, the bitmap is durably marked "in use" in its
 * directory entry; the mark is removed only after the bits are durable. A bitmap that was in use
 * when the image was opened, or is disabled, is not changed. After a failure the bits are stored
 * together with the durable mapping: they then mark everything that was to be written, which is
 * never too little.
 */

#include "qcow2-bitmap-record.h"
#include "qcow2-alloc.h"
#include "qcow2-flush.h"
#include "qcow2/read/qcow2-bitmap.h"
#include "sinter-error.h"

typedef struct {
    SinterQcow2Bitmap *stored; /* in the writer's list */
    guint64 *table;
    guint64 n_bits;
    guint8 *bits;  /* whole clusters */
    guint8 *dirty; /* one for each cluster of bits */
    guint8 *fresh; /* likewise: it has a place that the stored table does not refer to yet */
} Recorder;

static void
recorder_free(gpointer data)
{
    Recorder *self = data;

    g_free(self->table);
    g_free(self->bits);
    g_free(self->dirty);
    g_free(self->fresh);
    g_free(self);
}

static gboolean
recorder_refuse(const Recorder *self, const char *why, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "the bitmap '%s', which records writes, %s; disable it with 'sinter-img bitmap "
                "--disable', or remove it",
                self->stored->name, why);
    return FALSE;
}

static gboolean
recorder_check(const Recorder *self, const SinterQcow2Writer *writer, GError **error)
{
    const SinterQcow2Bitmap *stored = self->stored;
    guint64 bits_per_entry = (guint64)writer->geo.cluster_size * 8;
    guint64 needed = (self->n_bits + bits_per_entry - 1) / bits_per_entry;

    if (stored->type != SINTER_QCOW2_BITMAP_TYPE_DIRTY ||
        (stored->flags & ~SINTER_QCOW2_BITMAP_FLAGS_KNOWN) || stored->extra)
        return recorder_refuse(self, "is of an unknown type", error);
    if (needed != stored->table_entries ||
        needed * writer->geo.cluster_size > SINTER_QCOW2_BITMAP_MAX_BYTES)
        return recorder_refuse(self, "does not fit the disk", error);
    return TRUE;
}

static gboolean
recorder_load_cluster(Recorder *self, SinterQcow2Writer *writer, guint32 index, GError **error)
{
    gsize size = writer->geo.cluster_size;
    guint8 *at = self->bits + (gsize)index * size;
    guint64 host = self->table[index] & SINTER_QCOW2_OFFSET_MASK;

    if ((self->table[index] & SINTER_QCOW2_BITMAP_TABLE_RESERVED) || (host & (size - 1)) != 0)
        return recorder_refuse(self, "has a damaged table", error);
    if (host)
        return sinter_io_read(writer->io, host, at, size, error);
    memset(at, self->table[index] & SINTER_QCOW2_BITMAP_TABLE_ALL_ONES ? 0xff : 0, size);
    return TRUE;
}

static gboolean
recorder_load(Recorder *self, SinterQcow2Writer *writer, GError **error)
{
    const SinterQcow2Bitmap *stored = self->stored;
    gsize bytes = (gsize)stored->table_entries * 8;

    self->table = g_malloc0(bytes + 8);
    self->bits = g_try_malloc((gsize)stored->table_entries * writer->geo.cluster_size + 1);
    self->dirty = g_malloc0(stored->table_entries + 1);
    self->fresh = g_malloc0(stored->table_entries + 1);
    if (!self->bits)
        return recorder_refuse(self, "exceeds the available memory", error);
    if (!sinter_io_read(writer->io, stored->table_offset, self->table, bytes, error))
        return FALSE;
    for (guint32 i = 0; i < stored->table_entries; i++) {
        self->table[i] = GUINT64_FROM_BE(self->table[i]);
        if (!recorder_load_cluster(self, writer, i, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_bitmap_record_open(SinterQcow2Writer *self, gboolean is_idle, GError **error)
{
    guint64 size = self->header->virtual_size_bytes;

    self->recorders = g_ptr_array_new_with_free_func(recorder_free);
    self->bitmaps = sinter_qcow2_bitmaps_load(self->io, self->header, error);
    if (!self->bitmaps)
        return FALSE;
    for (guint i = 0; !is_idle && i < self->bitmaps->len; i++) {
        SinterQcow2Bitmap *stored = g_ptr_array_index(self->bitmaps, i);
        Recorder *recorder;

        if ((stored->flags & SINTER_QCOW2_BITMAP_IN_USE) ||
            !(stored->flags & SINTER_QCOW2_BITMAP_AUTO))
            continue;
        recorder = g_new0(Recorder, 1);
        recorder->stored = stored;
        g_ptr_array_add(self->recorders, recorder);
        if (stored->granularity_bits < SINTER_QCOW2_BITMAP_GRANULARITY_MIN ||
            stored->granularity_bits > SINTER_QCOW2_BITMAP_GRANULARITY_MAX)
            return recorder_refuse(recorder, "has an invalid granularity", error);
        recorder->n_bits =
            (size >> stored->granularity_bits) +
            ((size & ((G_GUINT64_CONSTANT(1) << stored->granularity_bits) - 1)) != 0);
        if (!recorder_check(recorder, self, error) || !recorder_load(recorder, self, error))
            return FALSE;
    }
    return TRUE;
}

/* Writes a bitmap's flags, which are inside one sector. */
static gboolean
recorder_set_in_use(Recorder *self, SinterQcow2Writer *writer, gboolean in_use, GError **error)
{
    SinterQcow2Bitmap *stored = self->stored;
    guint8 raw[4];

    stored->flags &= ~SINTER_QCOW2_BITMAP_IN_USE;
    if (in_use)
        stored->flags |= SINTER_QCOW2_BITMAP_IN_USE;
    sinter_be32_store(raw, stored->flags);
    return sinter_io_write(writer->io, stored->entry_offset + SINTER_QCOW2_BITMAP_AT_FLAGS, raw,
                           sizeof raw, error);
}

static gboolean
record_set_in_use(SinterQcow2Writer *self, gboolean in_use, GError **error)
{
    self->has_marks = TRUE;
    for (guint i = 0; i < self->recorders->len; i++) {
        if (!recorder_set_in_use(g_ptr_array_index(self->recorders, i), self, in_use, error))
            return FALSE;
    }
    if (!sinter_io_flush(self->io, error))
        return FALSE;
    self->recording = self->has_marks = in_use;
    return TRUE;
}

static void
recorder_mark(Recorder *self, guint32 cluster_size, guint64 offset, guint64 len)
{
    guint64 last = (offset + len - 1) >> self->stored->granularity_bits;

    for (guint64 bit = offset >> self->stored->granularity_bits; bit <= last; bit++) {
        guint8 mask = (guint8)(1U << (bit & 7));

        if (self->bits[bit >> 3] & mask)
            continue;
        self->bits[bit >> 3] |= mask;
        self->dirty[(bit >> 3) / cluster_size] = 1;
    }
}

gboolean
sinter_qcow2_bitmap_record_mark(SinterQcow2Writer *self, guint64 offset, guint64 len,
                                GError **error)
{
    if (self->recorders->len == 0 || len == 0)
        return TRUE;
    if (!self->recording && !record_set_in_use(self, TRUE, error))
        return FALSE;
    for (guint i = 0; i < self->recorders->len; i++)
        recorder_mark(g_ptr_array_index(self->recorders, i), self->geo.cluster_size, offset, len);
    return TRUE;
}

/*
 * Allocates host clusters for bits that have none; they are counted before the table refers to
 * them.
 */
static gboolean
recorder_place(Recorder *self, SinterQcow2Writer *writer, GError **error)
{
    for (guint32 i = 0; i < self->stored->table_entries; i++) {
        guint64 cluster;
        guint64 n;

        if (!self->dirty[i] || (self->table[i] & SINTER_QCOW2_OFFSET_MASK))
            continue;
        if (!sinter_qcow2_alloc_take(writer, 1, &cluster, &n, error))
            return FALSE;
        self->table[i] = cluster << writer->geo.cluster_bits;
        self->fresh[i] = 1;
    }
    return TRUE;
}

/* Frees the places that no stored table refers to. */
static void
recorder_drop_places(Recorder *self, SinterQcow2Writer *writer)
{
    for (guint32 i = 0; i < self->stored->table_entries; i++) {
        if (!self->fresh[i])
            continue;
        sinter_qcow2_alloc_untake(
            writer, (self->table[i] & SINTER_QCOW2_OFFSET_MASK) >> writer->geo.cluster_bits, 1);
        self->table[i] = 0;
        self->fresh[i] = 0;
    }
}

/* Writes the bits. @ret_fresh is set if the table must refer to new places afterwards. */
static gboolean
recorder_write_bits(Recorder *self, SinterQcow2Writer *writer, gboolean *ret_fresh, GError **error)
{
    gsize size = writer->geo.cluster_size;

    for (guint32 i = 0; i < self->stored->table_entries; i++) {
        if (!self->dirty[i])
            continue;
        *ret_fresh |= self->fresh[i];
        if (!sinter_io_write(writer->io, self->table[i] & SINTER_QCOW2_OFFSET_MASK,
                             self->bits + (gsize)i * size, size, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
recorder_write_table(Recorder *self, SinterQcow2Writer *writer, GError **error)
{
    for (guint32 i = 0; i < self->stored->table_entries; i++) {
        guint8 raw[8];

        if (!self->fresh[i])
            continue;
        sinter_be64_store(raw, self->table[i]);
        if (!sinter_io_write(writer->io, self->stored->table_offset + (guint64)i * 8, raw,
                             sizeof raw, error))
            return FALSE;
        self->fresh[i] = 0;
    }
    return TRUE;
}

/* A table must not refer to a place that the file does not have yet. */
static gboolean
flush_if(gboolean fresh, SinterQcow2Writer *writer, GError **error)
{
    return !fresh || sinter_io_flush(writer->io, error);
}

static gboolean
recorder_write(Recorder *self, SinterQcow2Writer *writer, GError **error)
{
    gboolean fresh = FALSE;

    return recorder_write_bits(self, writer, &fresh, error) && flush_if(fresh, writer, error) &&
           recorder_write_table(self, writer, error);
}

/* Stores one bitmap and marks it valid again; leaks nothing on failure. */
static gboolean
recorder_store(Recorder *self, SinterQcow2Writer *writer, GError **error)
{
    if (recorder_place(self, writer, error) && sinter_qcow2_writer_finish(writer, error) &&
        recorder_write(self, writer, error) && sinter_io_flush(writer->io, error) &&
        recorder_set_in_use(self, writer, FALSE, error) && sinter_io_flush(writer->io, error))
        return TRUE;
    recorder_drop_places(self, writer);
    sinter_qcow2_writer_finish(writer, NULL);
    return FALSE;
}

/* Reloads the stored table: places allocated since are void. */
static gboolean
recorder_reload_table(Recorder *self, SinterQcow2Writer *writer, GError **error)
{
    gsize bytes = (gsize)self->stored->table_entries * 8;

    if (!sinter_io_read(writer->io, self->stored->table_offset, self->table, bytes, error))
        return FALSE;
    for (guint32 i = 0; i < self->stored->table_entries; i++)
        self->table[i] = GUINT64_FROM_BE(self->table[i]);
    memset(self->fresh, 0, self->stored->table_entries);
    return TRUE;
}

void
sinter_qcow2_bitmap_record_rescue(SinterQcow2Writer *failed, SinterQcow2Writer *fresh)
{
    for (guint i = 0; i < failed->recorders->len; i++) {
        Recorder *recorder = g_ptr_array_index(failed->recorders, i);

        /* a bitmap that does not fit must not affect the others; it stays marked "in use" */
        if (recorder_reload_table(recorder, fresh, NULL))
            recorder_store(recorder, fresh, NULL);
    }
    failed->recording = failed->has_marks = FALSE;
}

static gboolean
record_place(SinterQcow2Writer *self, GError **error)
{
    for (guint i = 0; i < self->recorders->len; i++) {
        if (!recorder_place(g_ptr_array_index(self->recorders, i), self, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
record_write(SinterQcow2Writer *self, GError **error)
{
    gboolean fresh = FALSE;

    for (guint i = 0; i < self->recorders->len; i++) {
        if (!recorder_write_bits(g_ptr_array_index(self->recorders, i), self, &fresh, error))
            return FALSE;
    }
    if (!flush_if(fresh, self, error))
        return FALSE;
    for (guint i = 0; i < self->recorders->len; i++) {
        if (!recorder_write_table(g_ptr_array_index(self->recorders, i), self, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_bitmap_record_store(SinterQcow2Writer *self, GError **error)
{
    if (!self->has_marks)
        return TRUE;
    if (record_place(self, error) && sinter_qcow2_writer_finish(self, error) &&
        record_write(self, error) && sinter_io_flush(self->io, error) &&
        record_set_in_use(self, FALSE, error))
        return TRUE;
    for (guint i = 0; i < self->recorders->len; i++)
        recorder_drop_places(g_ptr_array_index(self->recorders, i), self);
    sinter_qcow2_writer_finish(self, NULL);
    return FALSE;
}
