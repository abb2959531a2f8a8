/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pass over the L1 tables of the active disk and of all snapshots, each byte once, even if
 * several snapshots refer to one table. The result is the list of L2 tables, by offset and each
 * once. Invariant: a table in the list is aligned and inside the file; an entry that violates this
 * is a finding and is not followed.
 */

#include "qcow2-check-pass.h"

#include <stdlib.h>

typedef struct {
    SinterQcow2Check *check;
    GArray *segments; /* of the tables' bytes */
} Walk;

/* The entry being checked. */
typedef struct {
    guint64 value;
    guint64 l1_index;
    guint view;
    guint n_refs;
    gboolean active;
} Entry;

static void
report_as(SinterQcow2Check *self, const Entry *entry, SinterFindingCode code, guint64 times,
          guint64 refcount, gboolean qemu_counts)
{
    guint64 offset = entry->value & SINTER_QCOW2_OFFSET_MASK;
    SinterFinding finding = {
        .code = code,
        .guest_offset = sinter_qcow2_check_guest(self, entry->l1_index),
        .host_offset = offset,
        .seen = entry->value,
        .refcount = refcount,
        .times = times,
        .owners = { sinter_qcow2_check_owner(self, SINTER_OWNER_L1_TABLE, entry->view, 0) },
        .n_owners = 1,
    };

    sinter_tally_add_as(&self->tally, &finding, qemu_counts);
}

static void
report(SinterQcow2Check *self, const Entry *entry, SinterFindingCode code, guint64 times,
       guint64 refcount)
{
    report_as(self, entry, code, times, refcount,
              sinter_finding_code_qemu(code) == SINTER_QEMU_COUNTED);
}

/*
 * Returns whether the table exists. QEMU reads zeros for a part that is cut off by the end of the
 * file; its content is lost nevertheless.
 */
static gboolean
check_end(SinterQcow2Check *self, const Entry *entry, guint64 offset)
{
    guint64 bytes = self->geo.cluster_size;
    gboolean fits = sinter_qcow2_check_fits(self, offset, bytes);

    if (offset + bytes > self->stat.size_bytes)
        report_as(self, entry, SINTER_FINDING_L1_ENTRY_BEYOND_FILE, entry->n_refs, 0, !fits);
    return fits;
}

/* QEMU checks the flag against the stored refcount, regardless of the rest of the entry. */
static void
check_copied(SinterQcow2Check *self, const Entry *entry)
{
    guint64 cluster = (entry->value & SINTER_QCOW2_OFFSET_MASK) >> self->geo.cluster_bits;
    gboolean copied = (entry->value & SINTER_QCOW2_COPIED) != 0;
    guint64 stored;

    if (!entry->active || !self->reftable_usable ||
        sinter_qcow2_refcount_map_is_unknown(self->map, cluster))
        return;
    stored = sinter_qcow2_refcount_map_get_stored(self->map, cluster);
    if ((stored == 1) != copied)
        report(self, entry,
               copied ? SINTER_FINDING_L1_COPIED_FALSE : SINTER_FINDING_L1_COPIED_MISSING, 1,
               stored);
}

static void
check_entry(SinterQcow2Check *self, const Entry *entry)
{
    guint64 offset = entry->value & SINTER_QCOW2_OFFSET_MASK;
    SinterQcow2CheckTable table = {
        .offset = offset,
        .l1_index = (guint32)entry->l1_index,
        .view = entry->active ? 0 : entry->view,
        .n_refs = entry->n_refs,
        .n_active = entry->active,
    };

    if (entry->value & SINTER_QCOW2_L1_RESERVED)
        report(self, entry, SINTER_FINDING_L1_ENTRY_RESERVED_BITS, entry->n_refs, 0);
    if (offset == 0) {
        if (entry->value & SINTER_QCOW2_COPIED)
            report(self, entry, SINTER_FINDING_L1_ENTRY_EMPTY, entry->n_refs, 0);
        return;
    }
    self->result->stats.l1_used += entry->active;
    check_copied(self, entry);
    if (offset & (self->geo.cluster_size - 1))
        report(self, entry, SINTER_FINDING_L1_ENTRY_UNALIGNED, entry->n_refs, 0);
    else if (check_end(self, entry, offset))
        g_array_append_val(self->tables, table);
}

static gboolean
walk_piece(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
           GError **error)
{
    Walk *self = user_data;
    const SinterQcow2Segment *segment = &g_array_index(self->segments, SinterQcow2Segment, index);
    const SinterQcow2CheckView *view =
        &g_array_index(self->check->views, SinterQcow2CheckView, segment->id);
    guint64 first = (segment->start + at - view->l1_offset) / 8;

    for (gsize i = 0; i < len / 8; i++) {
        Entry entry = { sinter_be64_load(data + i * 8), first + i, segment->id, segment->n_claims,
                        segment->by_zero };

        if (entry.value != 0)
            check_entry(self->check, &entry);
    }
    return TRUE;
}

/* QEMU reports a table beyond the end of the file by a cluster or more; the rest reads as zeros. */
static void
report_beyond(SinterQcow2Check *self, guint index, gboolean qemu_counts)
{
    const SinterQcow2CheckView *view = &g_array_index(self->views, SinterQcow2CheckView, index);
    SinterFinding finding = {
        .code = index == 0 ? SINTER_FINDING_L1_TABLE_BEYOND_FILE
                           : SINTER_FINDING_SNAPSHOT_L1_BEYOND_FILE,
        .guest_offset = SINTER_OFFSET_NONE,
        .host_offset = view->l1_offset,
        .seen = view->l1_entries,
        .detail = g_strdup(view->name),
        .owners = { sinter_qcow2_check_owner(self, SINTER_OWNER_L1_TABLE, index, 0) },
        .n_owners = 1,
    };

    sinter_tally_add_as(&self->tally, &finding, qemu_counts);
}

/* Counts the tables' own clusters; returns the parts of them that can be read. */
static GArray *
list_segments(SinterQcow2Check *self)
{
    g_autoptr(GArray) whole = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Span));
    g_autoptr(GArray) there = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Span));

    for (guint i = 0; i < self->views->len; i++) {
        const SinterQcow2CheckView *view = &g_array_index(self->views, SinterQcow2CheckView, i);
        guint64 bytes = (guint64)view->l1_entries * 8;
        SinterQcow2Span span = { view->l1_offset, view->l1_offset + bytes, i };
        gboolean fits = sinter_qcow2_check_fits(self, view->l1_offset, bytes);

        if (bytes == 0)
            continue;
        if (fits)
            g_array_append_val(whole, span);
        if (span.end > self->stat.size_bytes)
            report_beyond(self, i, !fits);
        span.end = MIN(span.end, (self->stat.size_bytes + 7) & ~G_GUINT64_CONSTANT(7));
        if (span.start < span.end)
            g_array_append_val(there, span);
    }
    sinter_qcow2_check_count_spans(self, whole);
    return sinter_qcow2_spans_sweep(there);
}

static int
compare_tables(const void *a, const void *b)
{
    const SinterQcow2CheckTable *left = a;
    const SinterQcow2CheckTable *right = b;

    if (left->offset != right->offset)
        return left->offset < right->offset ? -1 : 1;
    if (left->view != right->view)
        return left->view < right->view ? -1 : 1;
    return left->l1_index < right->l1_index ? -1 : left->l1_index > right->l1_index;
}

/* One table is used for several ranges of the disk: @tables are its @n entries in the list. */
static void
report_shared(SinterQcow2Check *self, const SinterQcow2CheckTable *tables, guint n)
{
    SinterFinding finding = {
        .code = SINTER_FINDING_L2_TABLE_SHARED,
        .guest_offset = sinter_qcow2_check_guest(self, tables[0].l1_index),
        .host_offset = tables[0].offset,
        .seen = n,
        .expected = 1,
    };

    for (guint i = 0; i < n && finding.n_owners < SINTER_FINDING_MAX_OWNERS; i++) {
        if (i > 0 && tables[i].l1_index == tables[i - 1].l1_index)
            continue;
        finding.owners[finding.n_owners++] =
            sinter_qcow2_check_owner(self, SINTER_OWNER_L2_TABLE, tables[i].view,
                                     sinter_qcow2_check_guest(self, tables[i].l1_index));
    }
    sinter_tally_add(&self->tally, &finding);
}

/* Merges @tables, all entries in the list for the same table, into one. */
static SinterQcow2CheckTable
unite(SinterQcow2Check *self, const SinterQcow2CheckTable *tables, guint n)
{
    SinterQcow2CheckTable one = tables[0];
    gboolean shared = FALSE;

    for (guint i = 1; i < n; i++) {
        one.n_refs = (guint32)MIN((guint64)one.n_refs + tables[i].n_refs, G_MAXUINT32);
        one.n_active += tables[i].n_active;
        shared = shared || tables[i].l1_index != one.l1_index;
    }
    if (shared)
        report_shared(self, tables, n);
    return one;
}

static void
unite_tables(SinterQcow2Check *self)
{
    SinterQcow2CheckTable *tables = (SinterQcow2CheckTable *)self->tables->data;
    guint n_united = 0;

    if (self->tables->len > 1)
        qsort(tables, self->tables->len, sizeof *tables, compare_tables);
    for (guint i = 0, n; i < self->tables->len; i += n) {
        for (n = 1; i + n < self->tables->len && tables[i + n].offset == tables[i].offset;)
            n++;
        tables[n_united] = unite(self, &tables[i], n);
        sinter_qcow2_check_count(self, tables[n_united].offset, self->geo.cluster_size,
                                 tables[n_united].n_refs, SINTER_QCOW2_USE_METADATA, 0);
        n_united++;
    }
    g_array_set_size(self->tables, n_united);
    self->result->stats.l2_tables = n_united;
}

static void
count_snapshot_table(SinterQcow2Check *self)
{
    guint64 offset = self->header->snapshots_offset;

    if (self->snapshot_table_bytes > 0 &&
        sinter_qcow2_check_fits(self, offset, self->snapshot_table_bytes))
        sinter_qcow2_check_count(self, offset, self->snapshot_table_bytes, 1,
                                 SINTER_QCOW2_USE_METADATA, 0);
}

gboolean
sinter_qcow2_check_l1(SinterQcow2Check *self, GError **error)
{
    g_autoptr(GArray) segments = list_segments(self);
    Walk walk = { self, segments };

    count_snapshot_table(self);
    if (!sinter_qcow2_check_walk_segments(self, segments, walk_piece, &walk, error))
        return FALSE;
    unite_tables(self);
    return TRUE;
}
