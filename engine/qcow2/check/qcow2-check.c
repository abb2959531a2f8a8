/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs the passes of a check and holds their shared state. Invariant: nothing is written; each
 * table is read once by the passes that count; work and memory are bounded by the allocated size of
 * the file.
 */

#include "qcow2-check.h"
#include "qcow2-check-pass.h"
#include "sinter-progress.h"

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
    { sinter_qcow2_check_lost, 0, 0, 0 },
    { sinter_qcow2_check_deep, 0.2, SINTER_CHECK_DEEP, 0 },
    { sinter_qcow2_check_owners, 0.05, 0, SINTER_CHECK_NO_OWNERS },
    { sinter_qcow2_check_snapshot_stats, 0, SINTER_CHECK_SNAPSHOT_STATS, 0 },
};

static void
view_clear(gpointer data)
{
    g_free(((SinterQcow2CheckView *)data)->name);
}

void
sinter_qcow2_check_free(SinterQcow2Check *self)
{
    if (!self)
        return;
    sinter_qcow2_header_free(self->header);
    sinter_qcow2_refcount_map_free(self->map);
    g_free(self->reftable);
    g_free(self->blocks_again);
    g_clear_pointer(&self->snapshots, g_ptr_array_unref);
    g_clear_pointer(&self->bitmaps, g_ptr_array_unref);
    g_hash_table_unref(self->bad_bitmaps);
    g_clear_pointer(&self->bitmap_segments, g_array_unref);
    g_array_unref(self->views);
    g_array_unref(self->tables);
    sinter_tally_clear(&self->tally);
    g_free(self);
}

/*
 * Leaked clusters are certainly unused only if no damaged entry can have referred to them: clusters
 * that a damaged entry or refcount block referred to look the same.
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

static SinterQcow2Check *
check_new(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result)
{
    SinterQcow2Check *self = g_new0(SinterQcow2Check, 1);

    self->io = io;
    self->options = options;
    self->result = result;
    self->lowest_beyond = G_MAXUINT64;
    self->views = g_array_new(FALSE, FALSE, sizeof(SinterQcow2CheckView));
    g_array_set_clear_func(self->views, view_clear);
    self->tables = g_array_new(FALSE, FALSE, sizeof(SinterQcow2CheckTable));
    self->bad_bitmaps = g_hash_table_new(NULL, NULL);
    sinter_tally_init(&self->tally, result, options);
    return self;
}

static void
check_finish(SinterQcow2Check *self)
{
    SinterCheckResult *result = self->result;

    sinter_tally_finish(&self->tally);
    if (result->per_code[SINTER_FINDING_READ_ERROR] > 0)
        result->complete = FALSE;
    result->leaks_are_safe = !self->leaks_may_be_lost && leaks_are_safe(result);
    result->stats.allocation = allocation_of(&result->stats);
    self->progress = NULL;
    self->is_done = TRUE;
    sinter_progress_finish(self->options->progress);
}

SinterQcow2Check *
sinter_qcow2_check_keep(SinterIo *io, const SinterCheckOptions *options, SinterCheckResult *result,
                        GError **error)
{
    g_autoptr(SinterQcow2Check) self = check_new(io, options, result);

    self->header = sinter_qcow2_header_read(io, error);
    if (!self->header || !sinter_io_stat(io, &self->stat, error) || !check_run(self, error))
        return NULL;
    check_finish(self);
    return g_steal_pointer(&self);
}

gboolean
sinter_qcow2_check_count_all(SinterIo *io, const SinterCheckOptions *options,
                             SinterCheckResult *result, SinterQcow2RefcountMap **ret_map,
                             guint64 *ret_n_clusters, GError **error)
{
    g_autoptr(SinterQcow2Check) self = sinter_qcow2_check_keep(io, options, result, error);

    if (!self)
        return FALSE;
    if (ret_map) {
        *ret_map = g_steal_pointer(&self->map);
        *ret_n_clusters = self->n_clusters;
    }
    return TRUE;
}
