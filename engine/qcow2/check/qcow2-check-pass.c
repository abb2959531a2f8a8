/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The common part of the passes of a check: bounds, counting, reading tables, the map of
 * references. Invariant: nothing is written, and a reference is counted only if it is inside the
 * file.
 */

#include "qcow2-check-pass.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#include <string.h>

/*
 * Up to this size references are always kept in the flat form; beyond it, only if the allocated
 * size of the file is at least that of the map.
 */
#define FLAT_ALWAYS_BYTES (8 * 1024 * 1024)

/* Returns whether there is damage with one of @stakes, each as a bit. */
static gboolean
is_at_stake(const SinterCheckResult *result, guint stakes)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterFindingClass klass = sinter_finding_code_class(code);

        if (result->per_code[code] > 0 &&
            (klass == SINTER_FINDING_CORRUPTION || klass == SINTER_FINDING_ERROR) &&
            (stakes >> sinter_finding_code_stake(code)) & 1)
            return TRUE;
    }
    return FALSE;
}

#define DATA_STAKES                                                                                \
    (1U << SINTER_STAKE_SNAPSHOT | 1U << SINTER_STAKE_DATA | 1U << SINTER_STAKE_IMAGE)

gboolean
sinter_qcow2_check_mapping_is_sound(const SinterCheckResult *result)
{
    return !is_at_stake(result, DATA_STAKES | 1U << SINTER_STAKE_BITMAP);
}

gboolean
sinter_qcow2_check_data_is_sound(const SinterCheckResult *result)
{
    return !is_at_stake(result, DATA_STAKES);
}

gboolean
sinter_qcow2_check_is_in_file(const SinterQcow2Check *self, guint64 offset, guint64 bytes)
{
    guint64 end;

    return g_uint64_checked_add(&end, offset, bytes) &&
           (end < self->file_bytes || end - self->file_bytes < self->geo.cluster_size);
}

gboolean
sinter_qcow2_check_fits(SinterQcow2Check *self, guint64 offset, guint64 bytes)
{
    if (sinter_qcow2_check_is_in_file(self, offset, bytes))
        return TRUE;
    self->lowest_beyond = MIN(self->lowest_beyond, offset);
    return FALSE;
}

void
sinter_qcow2_check_count(SinterQcow2Check *self, guint64 offset, guint64 bytes, guint64 n,
                         SinterQcow2Use use, guint16 tag)
{
    guint64 first = offset >> self->geo.cluster_bits;
    guint64 last = (offset + bytes - 1) >> self->geo.cluster_bits;

    self->n_clusters = MAX(self->n_clusters, last + 1);
    for (guint64 cluster = first; cluster <= last; cluster++)
        sinter_qcow2_refcount_map_add(self->map, cluster, n, use, tag);
}

void
sinter_qcow2_check_count_spans(SinterQcow2Check *self, GArray *spans)
{
    guint bits = self->geo.cluster_bits;
    g_autoptr(GArray) clusters = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Span));
    g_autoptr(GArray) segments = NULL;

    for (guint i = 0; i < spans->len; i++) {
        SinterQcow2Span span = g_array_index(spans, SinterQcow2Span, i);

        span.start >>= bits;
        span.end = ((span.end - 1) >> bits) + 1;
        self->n_clusters = MAX(self->n_clusters, span.end);
        g_array_append_val(clusters, span);
    }
    segments = sinter_qcow2_spans_sweep(clusters);
    for (guint i = 0; i < segments->len; i++) {
        SinterQcow2Segment segment = g_array_index(segments, SinterQcow2Segment, i);

        for (guint64 cluster = segment.start; cluster < segment.end; cluster++) {
            sinter_qcow2_refcount_map_add(self->map, cluster, segment.n_claims,
                                          SINTER_QCOW2_USE_METADATA, 0);
            if (segment.n_claims > 1)
                sinter_qcow2_refcount_map_mark_shared(self->map, cluster);
        }
    }
}

gboolean
sinter_qcow2_check_keeps_going(SinterQcow2Check *self, const GError *error, guint64 offset)
{
    SinterFinding finding = { .code = SINTER_FINDING_READ_ERROR,
                              .guest_offset = SINTER_OFFSET_NONE,
                              .host_offset = offset };

    if (!(self->options->flags & SINTER_CHECK_KEEP_GOING))
        return FALSE;
    if (self->is_done)
        return TRUE;
    finding.detail = g_strdup(error->message);
    sinter_tally_add(&self->tally, &finding);
    return TRUE;
}

static gboolean
read_failed(const GError *error, guint64 offset, guint64 bytes, gpointer user_data)
{
    return sinter_qcow2_check_keeps_going(user_data, error, offset);
}

gboolean
sinter_qcow2_check_read(SinterQcow2Check *self, guint64 offset, void *buf, gsize len,
                        GError **error)
{
    guint64 there = offset < self->stat.size_bytes ? self->stat.size_bytes - offset : 0;
    gsize n = (gsize)MIN(there, len);

    memset((guint8 *)buf + n, 0, len - n);
    return n == 0 || sinter_io_read(self->io, offset, buf, n, error);
}

SinterQcow2Reader
sinter_qcow2_check_reader(SinterQcow2Check *self, guint64 bytes)
{
    sinter_progress_set_total(self->progress, bytes);
    return (SinterQcow2Reader){
        .io = self->io,
        .file_bytes = self->stat.size_bytes,
        /* larger than the allocated size: most tables are holes, or overlap */
        .skip_holes = bytes > self->stat.allocated_bytes,
        .cancellable = self->options->cancellable,
        .deadline_usec = self->options->deadline_usec,
        .progress = self->progress,
        .failed = read_failed,
        .failed_data = self,
    };
}

gboolean
sinter_qcow2_check_walk_segments(SinterQcow2Check *self, GArray *segments,
                                 SinterQcow2PieceFunc func, gpointer user_data, GError **error)
{
    g_autofree SinterQcow2Range *ranges = g_new(SinterQcow2Range, segments->len);
    SinterQcow2Reader reader;
    guint64 bytes = 0;

    for (guint i = 0; i < segments->len; i++) {
        const SinterQcow2Segment *segment = &g_array_index(segments, SinterQcow2Segment, i);

        ranges[i] = (SinterQcow2Range){ segment->start, segment->end - segment->start };
        bytes += ranges[i].bytes;
    }
    reader = sinter_qcow2_check_reader(self, bytes);
    return sinter_qcow2_reader_run(&reader, ranges, segments->len, func, user_data, error);
}

gboolean
sinter_qcow2_check_walk_tables(SinterQcow2Check *self, SinterQcow2PieceFunc func,
                               gpointer user_data, GError **error)
{
    g_autofree SinterQcow2Range *ranges = g_new(SinterQcow2Range, self->tables->len);
    SinterQcow2Reader reader =
        sinter_qcow2_check_reader(self, (guint64)self->tables->len << self->geo.cluster_bits);

    for (guint i = 0; i < self->tables->len; i++)
        ranges[i] = (SinterQcow2Range){
            g_array_index(self->tables, SinterQcow2CheckTable, i).offset,
            self->geo.cluster_size,
        };
    return sinter_qcow2_reader_run(&reader, ranges, self->tables->len, func, user_data, error);
}

typedef struct {
    SinterQcow2Check *check;
    guint64 mask;
    SinterQcow2EntryFunc func;
    gpointer user_data;
} EntryWalk;

static gboolean
walk_entries(guint index, guint64 at, const guint8 *data, gsize len, gpointer user_data,
             GError **error)
{
    const EntryWalk *self = user_data;
    const SinterQcow2Geometry *geo = &self->check->geo;
    const SinterQcow2CheckTable *table =
        &g_array_index(self->check->tables, SinterQcow2CheckTable, index);
    guint64 first = ((guint64)table->l1_index << geo->l2_bits) + at / geo->l2_entry_bytes;

    for (gsize i = 0; i < len / geo->l2_entry_bytes; i++) {
        guint64 entry = sinter_be64_load(data + i * geo->l2_entry_bytes);

        if ((entry & self->mask) &&
            !self->func(table, (first + i) << geo->cluster_bits, entry, self->user_data, error))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_check_walk_entries(SinterQcow2Check *self, guint64 mask, SinterQcow2EntryFunc func,
                                gpointer user_data, GError **error)
{
    EntryWalk walk = { self, mask, func, user_data };

    return sinter_qcow2_check_walk_tables(self, walk_entries, &walk, error);
}

SinterOwner
sinter_qcow2_check_owner(const SinterQcow2Check *self, SinterOwnerKind kind, guint view,
                         guint64 where)
{
    const char *name = g_array_index(self->views, SinterQcow2CheckView, view).name;

    return (SinterOwner){ kind, where, g_strdup(name) };
}

gboolean
sinter_qcow2_check_make_map(SinterQcow2Check *self, GError **error)
{
    gboolean shared = self->views->len > 1;
    guint64 flat_bytes = self->n_clusters * (shared ? 4 : 2);
    gboolean flat = flat_bytes <= FLAT_ALWAYS_BYTES || flat_bytes <= self->stat.allocated_bytes;

    self->map = sinter_qcow2_refcount_map_new(&self->geo, self->n_clusters, flat, shared, error);
    return self->map != NULL;
}
