/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Walks everything that an image names, counts, and compares with its refcounts. For small images:
 * all of it is read into memory first.
 */

#include "qcow2-judge.h"
#include "qcow2/read/qcow2-bitmap.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/read/qcow2-snapshot.h"

typedef struct {
    SinterQcow2Header *header;
    const SinterQcow2Geometry *geo;
    guint8 *file;
    guint64 bytes;
    guint32 *refs; /* by cluster */
    guint64 n_clusters;
    Judgement *out;
} Judge;

static void G_GNUC_PRINTF(2, 3) judge_corrupt(Judge *self, const char *format, ...)
{
    va_list args;

    self->out->corruptions++;
    if (self->out->first)
        return;
    va_start(args, format);
    self->out->first = g_strdup_vprintf(format, args);
    va_end(args);
}

/* Whether a table of @bytes lies in the file; counts it. */
static gboolean
judge_table(Judge *self, const char *what, guint64 offset, guint64 bytes)
{
    guint64 n = sinter_qcow2_geometry_clusters(self->geo, bytes);

    if ((offset & (self->geo->cluster_size - 1)) != 0 || offset == 0 || offset > self->bytes ||
        bytes > self->bytes - offset) {
        judge_corrupt(self, "%s at %" G_GUINT64_FORMAT " is misplaced", what, offset);
        return FALSE;
    }
    for (guint64 i = 0; i < n; i++)
        self->refs[(offset >> self->geo->cluster_bits) + i]++;
    return TRUE;
}

static void
judge_data(Judge *self, guint64 host, guint64 bytes, const char *what)
{
    guint64 last = (host + bytes - 1) >> self->geo->cluster_bits;

    for (guint64 at = host >> self->geo->cluster_bits; at <= last; at++) {
        if (at >= self->n_clusters)
            judge_corrupt(self, "%s at %" G_GUINT64_FORMAT " lies beyond the file", what, host);
        else
            self->refs[at]++;
    }
}

static guint64
judge_count_of(Judge *self, guint64 cluster)
{
    guint64 index = cluster >> self->geo->refblock_bits;
    guint64 entries = ((guint64)self->header->reftable_clusters << self->geo->cluster_bits) / 8;
    guint64 block;

    if (index >= entries || self->header->reftable_offset + index * 8 + 8 > self->bytes)
        return 0;
    block = sinter_be64_load(self->file + self->header->reftable_offset + index * 8) &
            ~SINTER_QCOW2_REFTABLE_RESERVED;
    if (block == 0 || block + self->geo->cluster_size > self->bytes)
        return 0;
    return sinter_qcow2_refcount_load(
        self->geo->refcount_order, self->file + block,
        (guint32)(cluster & ((G_GUINT64_CONSTANT(1) << self->geo->refblock_bits) - 1)));
}

static void
judge_copied(Judge *self, guint64 entry, guint64 host, const char *what)
{
    gboolean alone = judge_count_of(self, host >> self->geo->cluster_bits) == 1;

    /* whoever opens a dirty image for writing counts again first; to miss the flag harms nothing */
    if ((self->header->incompatible & SINTER_QCOW2_INCOMPAT_DIRTY) &&
        !(entry & SINTER_QCOW2_COPIED))
        return;
    if (alone != ((entry & SINTER_QCOW2_COPIED) != 0))
        judge_corrupt(self, "%s at %" G_GUINT64_FORMAT ": COPIED is wrong", what, host);
}

static void
judge_l2(Judge *self, guint64 table, gboolean active)
{
    const SinterQcow2Geometry *geo = self->geo;

    for (guint32 i = 0; i < geo->l2_entries; i++) {
        SinterQcow2L2Entry l2 = sinter_qcow2_l2_load(geo, self->file + table, i);
        guint64 host = l2.entry & SINTER_QCOW2_OFFSET_MASK;

        if (l2.entry & SINTER_QCOW2_COMPRESSED) {
            SinterQcow2CompressedRef ref = sinter_qcow2_l2_compressed(geo, l2.entry);

            judge_data(self, ref.host_offset, ref.host_bytes, "compressed data");
            continue;
        }
        if (sinter_qcow2_l2_kind(geo, l2, 0) == SINTER_QCOW2_INVALID ||
            (host & (geo->cluster_size - 1)) != 0 || (l2.entry & sinter_qcow2_l2_reserved(geo)))
            judge_corrupt(self, "L2 entry 0x%" G_GINT64_MODIFIER "x contradicts itself", l2.entry);
        else if (host != 0 && !geo->external_data) {
            judge_data(self, host, 1, "data");
            if (active)
                judge_copied(self, l2.entry, host, "data");
        }
    }
}

static void
judge_l1(Judge *self, guint64 offset, guint32 entries, gboolean active)
{
    if (entries == 0 || !judge_table(self, "L1", offset, (guint64)entries * 8))
        return;
    for (guint32 i = 0; i < entries; i++) {
        guint64 entry = sinter_be64_load(self->file + offset + (guint64)i * 8);
        guint64 table = entry & SINTER_QCOW2_OFFSET_MASK;

        if (table == 0 || !judge_table(self, "L2", table, self->geo->cluster_size))
            continue;
        if (active)
            judge_copied(self, entry, table, "L2");
        judge_l2(self, table, active);
    }
}

static void
judge_refcount_tables(Judge *self)
{
    guint64 bytes = (guint64)self->header->reftable_clusters << self->geo->cluster_bits;

    if (!judge_table(self, "refcount table", self->header->reftable_offset, bytes))
        return;
    for (guint64 i = 0; i < bytes / 8; i++) {
        guint64 block = sinter_be64_load(self->file + self->header->reftable_offset + i * 8) &
                        ~SINTER_QCOW2_REFTABLE_RESERVED;

        if (block)
            judge_table(self, "refcount block", block, self->geo->cluster_size);
    }
}

static void
judge_snapshots(Judge *self, SinterIo *io)
{
    g_autoptr(GPtrArray) list = sinter_qcow2_snapshots_load(io, self->header, NULL, NULL);

    if (!list) {
        judge_corrupt(self, "the snapshot table cannot be read");
        return;
    }
    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Snapshot *snapshot = g_ptr_array_index(list, i);

        if (i == list->len - 1)
            judge_table(self, "snapshot table", self->header->snapshots_offset,
                        snapshot->entry_offset + snapshot->entry_bytes -
                            self->header->snapshots_offset);
        judge_l1(self, snapshot->l1_offset, snapshot->l1_entries, FALSE);
    }
}

static void
judge_bitmaps(Judge *self, SinterIo *io)
{
    g_autoptr(GPtrArray) list = sinter_qcow2_bitmaps_load(io, self->header, NULL);

    if (!list) {
        judge_corrupt(self, "the bitmap directory cannot be read");
        return;
    }
    if (list->len > 0)
        judge_table(self, "bitmap directory", self->header->bitmap_directory_offset,
                    self->header->bitmap_directory_bytes);
    for (guint i = 0; i < list->len; i++) {
        const SinterQcow2Bitmap *bitmap = g_ptr_array_index(list, i);

        if (bitmap->table_entries == 0 || !judge_table(self, "bitmap table", bitmap->table_offset,
                                                       (guint64)bitmap->table_entries * 8))
            continue;
        for (guint32 k = 0; k < bitmap->table_entries; k++) {
            guint64 entry = sinter_be64_load(self->file + bitmap->table_offset + (guint64)k * 8);

            if (entry & SINTER_QCOW2_OFFSET_MASK)
                judge_data(self, entry & SINTER_QCOW2_OFFSET_MASK, 1, "bits");
        }
    }
}

static void
judge_compare(Judge *self)
{
    for (guint64 i = 0; i < self->n_clusters; i++) {
        guint64 count = judge_count_of(self, i);

        if (count < self->refs[i])
            judge_corrupt(self,
                          "cluster %" G_GUINT64_FORMAT " counts %" G_GUINT64_FORMAT
                          " but has %u references",
                          i, count, self->refs[i]);
        else if (count > self->refs[i])
            self->out->leaks++;
    }
}

gboolean
qcow2_judge(SinterIo *io, Judgement *ret)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, &error);
    Judge self = { .header = header, .out = ret };
    g_autofree guint8 *file = NULL;
    g_autofree guint32 *refs = NULL;
    SinterIoStat st;

    *ret = (Judgement){ 0 };
    if (!header || !sinter_qcow2_header_require_usable(header, &error)) {
        judge_corrupt(&self, "%s", error->message);
        return FALSE;
    }
    g_assert_true(sinter_io_stat(io, &st, NULL));
    self.geo = &header->geo;
    self.bytes = st.size_bytes;
    self.n_clusters = sinter_qcow2_geometry_clusters(self.geo, self.bytes);
    self.file = file = g_malloc0(self.n_clusters << self.geo->cluster_bits);
    self.refs = refs = g_new0(guint32, self.n_clusters + 1);
    g_assert_true(sinter_io_read(io, 0, file, self.bytes, NULL));
    refs[0] = 1;
    judge_refcount_tables(&self);
    judge_l1(&self, header->l1_offset, header->l1_entries, TRUE);
    if (header->n_snapshots > 0)
        judge_snapshots(&self, io);
    judge_bitmaps(&self, io);
    judge_compare(&self);
    return ret->corruptions == 0;
}

void
judgement_clear(Judgement *self)
{
    g_clear_pointer(&self->first, g_free);
}

void
qcow2_assert_sound(SinterFs *fs, const char *path, gboolean leaks_allowed)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, &error);
    Judgement judgement;

    g_assert_no_error(error);
    qcow2_judge(io, &judgement);
    g_assert_cmpstr(judgement.first, ==, NULL);
    if (!leaks_allowed)
        g_assert_cmpuint(judgement.leaks, ==, 0);
    judgement_clear(&judgement);
}
