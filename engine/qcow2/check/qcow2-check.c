/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the passes of a check and holds what they share. What holds: nothing is written; each
 * table is read once by the passes that count; work and memory are bounded by the space that the
 * file takes.
 */

#include "qcow2-check.h"
#include "sinter-error.h"
#include "sinter-progress.h"

#include <string.h>

/*
 * Up to here references are kept in the flat form whatever the file is like; beyond it, if the
 * file takes at least as much space as the map would.
 */
#define FLAT_ALWAYS_BYTES (8 * 1024 * 1024)

typedef struct {
    gboolean (*run)(SinterQcow2Check *self, GError **error);
    double weight;               /* of the whole, for progress */
    SinterCheckFlags needs_flag; /* 0: always */
    SinterCheckFlags not_with;
} Pass;

static const Pass passes[] = {
    { sinter_qcow2_check_header, 0, 0, 0 },
    { sinter_qcow2_check_snapshots, 0, 0, 0 },
    { sinter_qcow2_check_refcounts, 0.15, 0, 0 },
    { sinter_qcow2_check_l1, 0.05, 0, 0 },
    { sinter_qcow2_check_l2, 0.5, 0, 0 },
    { sinter_qcow2_check_bitmaps, 0, 0, 0 },
    { sinter_qcow2_check_luks, 0, 0, 0 },
    { sinter_qcow2_check_refblocks, 0, 0, 0 },
    { sinter_qcow2_check_compare, 0.05, 0, 0 },
    { sinter_qcow2_check_deep, 0.2, SINTER_CHECK_DEEP, 0 },
    { sinter_qcow2_check_owners, 0.05, 0, SINTER_CHECK_NO_OWNERS },
    { sinter_qcow2_check_snapshot_stats, 0, SINTER_CHECK_SNAPSHOT_STATS, 0 },
};

gboolean
sinter_qcow2_check_fits(const SinterQcow2Check *self, guint64 offset, guint64 bytes)
{
    guint64 end;

    return g_uint64_checked_add(&end, offset, bytes) &&
           (end < self->file_bytes || end - self->file_bytes < self->geo.cluster_size);
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
        /* more than the file takes space for: most of them are holes, or lie on each other */
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

SinterOwner
sinter_qcow2_check_owner(const SinterQcow2Check *self, SinterOwnerKind kind, guint view,
                         guint64 where)
{
    const char *name = g_array_index(self->views, SinterQcow2CheckView, view).name;

    return (SinterOwner){ kind, where, g_strdup(name) };
}

static void
view_clear(gpointer data)
{
    g_free(((SinterQcow2CheckView *)data)->name);
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

static void
check_clear(SinterQcow2Check *self)
{
    sinter_qcow2_header_free(self->header);
    sinter_qcow2_refcount_map_free(self->map);
    g_free(self->reftable);
    g_free(self->blocks_again);
    g_clear_pointer(&self->snapshots, g_ptr_array_unref);
    g_clear_pointer(&self->bitmaps, g_ptr_array_unref);
    g_clear_pointer(&self->bitmap_segments, g_array_unref);
    g_array_unref(self->views);
    g_array_unref(self->tables);
}

/*
 * Leaks are garbage only while nothing damaged may have led to them: a broken entry's orphans look
 * just the same, and so does a refcount block whose entry is broken.
 */
static gboolean
leaks_are_safe(const SinterCheckResult *result)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterFindingClass klass = sinter_finding_code_class(code);
        SinterFindingStake stake = sinter_finding_code_stake(code);
        gboolean harmless =
            klass == SINTER_FINDING_NOTE || klass == SINTER_FINDING_LEAK ||
            stake == SINTER_STAKE_NONE ||
            (stake == SINTER_STAKE_WRITES && sinter_finding_code_fix(code) != SINTER_FIX_REBUILD);

        if (result->per_code[code] > 0 && !harmless)
            return FALSE;
    }
    return result->complete;
}

static SinterAllocation
allocation_of(const SinterImageStats *stats)
{
    guint64 plain = stats->allocated_clusters - stats->compressed_clusters;

    if (stats->allocated_clusters == 0)
        return SINTER_ALLOCATION_NONE;
    if (stats->allocated_clusters < stats->total_clusters)
        return SINTER_ALLOCATION_SPARSE;
    return stats->allocated_bytes / stats->cluster_bytes < plain ? SINTER_ALLOCATION_METADATA
                                                                 : SINTER_ALLOCATION_FULL;
}

static gboolean
check_run(SinterQcow2Check *self, GError **error)
{
    SinterQcow2Reader reader = sinter_qcow2_check_reader(self, 0);

    for (gsize i = 0; i < G_N_ELEMENTS(passes); i++) {
        const Pass *pass = &passes[i];
        g_autoptr(SinterProgress) progress =
            sinter_progress_child(self->options->progress, pass->weight);

        if (self->stopped || (self->options->flags & pass->needs_flag) != pass->needs_flag ||
            (self->options->flags & pass->not_with) != 0)
            continue;
        self->progress = progress;
        if (!sinter_qcow2_reader_go_on(&reader, error) || !pass->run(self, error))
            return FALSE;
        sinter_progress_finish(progress);
    }
    return TRUE;
}

gboolean
sinter_qcow2_check(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result,
                   GError **error)
{
    return sinter_qcow2_check_count_all(io, options, result, NULL, NULL, error);
}

gboolean
sinter_qcow2_check_count_all(SinterIo *io, const SinterCheckOptions *options,
                             SinterCheckResult *result, SinterQcow2RefcountMap **ret_map,
                             guint64 *ret_n_clusters, GError **error)
{
    SinterQcow2Check self = { .io = io, .options = options, .result = result };
    gboolean ok;

    self.views = g_array_new(FALSE, FALSE, sizeof(SinterQcow2CheckView));
    g_array_set_clear_func(self.views, view_clear);
    self.tables = g_array_new(FALSE, FALSE, sizeof(SinterQcow2CheckTable));
    sinter_tally_init(&self.tally, result, options);
    self.header = sinter_qcow2_header_read(io, error);
    ok = self.header && sinter_io_stat(io, &self.stat, error) && check_run(&self, error);
    if (ok) {
        sinter_tally_finish(&self.tally);
        if (result->per_code[SINTER_FINDING_READ_ERROR] > 0)
            result->complete = FALSE;
        result->leaks_are_safe = leaks_are_safe(result);
        result->stats.allocation = allocation_of(&result->stats);
        sinter_progress_finish(options->progress);
        if (ret_map) {
            *ret_map = g_steal_pointer(&self.map);
            *ret_n_clusters = self.n_clusters;
        }
    }
    check_clear(&self);
    sinter_tally_clear(&self.tally);
    return ok;
}
