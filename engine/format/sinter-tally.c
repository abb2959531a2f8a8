/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The collection of findings. What holds: counts by class and by code are exact; what is kept is
 * at most the cap for each code, the first ones that came. Detailed findings may come from
 * several threads.
 */

#include "sinter-tally.h"

static void
finding_clear(gpointer data)
{
    sinter_finding_clear(data);
}

static void
snapshot_stats_free(gpointer data)
{
    SinterSnapshotStats *self = data;

    g_free(self->id);
    g_free(self->name);
    g_free(self);
}

SinterCheckResult *
sinter_check_result_new(const char *path, const char *format)
{
    SinterCheckResult *self = g_new0(SinterCheckResult, 1);

    self->path = g_strdup(path);
    self->format = g_strdup(format);
    self->complete = TRUE;
    self->leaks_are_safe = TRUE;
    self->findings = g_array_new(FALSE, FALSE, sizeof(SinterFinding));
    g_array_set_clear_func(self->findings, finding_clear);
    self->stats.snapshots = g_ptr_array_new_with_free_func(snapshot_stats_free);
    return self;
}

void
sinter_check_result_free(SinterCheckResult *result)
{
    if (!result)
        return;
    g_free(result->path);
    g_free(result->format);
    g_free(result->trouble);
    g_array_unref(result->findings);
    g_ptr_array_unref(result->stats.snapshots);
    g_free(result);
}

void
sinter_tally_init(SinterTally *tally, SinterCheckResult *result, const SinterCheckOptions *options)
{
    *tally = (SinterTally){ .result = result, .max_per_code = SINTER_CHECK_MAX_PER_CODE };
    if (options->max_per_code > 0)
        tally->max_per_code = options->max_per_code;
    g_mutex_init(&tally->mutex);
}

void
sinter_tally_clear(SinterTally *tally)
{
    g_mutex_clear(&tally->mutex);
}

static void
counts_add(SinterCheckCounts *counts, SinterFindingClass klass, guint64 n)
{
    guint64 *const by_class[SINTER_FINDING_N_CLASSES] = {
        [SINTER_FINDING_CORRUPTION] = &counts->corruptions,
        [SINTER_FINDING_LEAK] = &counts->leaks,
        [SINTER_FINDING_ERROR] = &counts->errors,
        [SINTER_FINDING_NOTE] = &counts->notes,
    };

    *by_class[klass] += n;
}

static void
tally_count_locked(SinterTally *self, SinterFindingCode code, guint64 n, gboolean qemu_counts)
{
    SinterFindingClass klass = sinter_finding_code_class(code);

    self->result->per_code[code] += n;
    counts_add(&self->result->counts, klass, n);
    if (qemu_counts)
        counts_add(&self->result->qemu_counts, klass, n);
}

void
sinter_tally_count(SinterTally *tally, SinterFindingCode code, guint64 n)
{
    g_mutex_lock(&tally->mutex);
    tally_count_locked(tally, code, n, sinter_finding_code_qemu(code) == SINTER_QEMU_COUNTED);
    g_mutex_unlock(&tally->mutex);
}

void
sinter_tally_add(SinterTally *tally, SinterFinding *finding)
{
    sinter_tally_add_as(tally, finding,
                        sinter_finding_code_qemu(finding->code) == SINTER_QEMU_COUNTED);
}

void
sinter_tally_add_as(SinterTally *tally, SinterFinding *finding, gboolean qemu_counts)
{
    finding->times = MAX(finding->times, 1);
    g_mutex_lock(&tally->mutex);
    tally_count_locked(tally, finding->code, finding->times, qemu_counts);
    if (sinter_tally_wants(tally, finding->code)) {
        tally->kept[finding->code]++;
        g_array_append_val(tally->result->findings, *finding);
    } else {
        sinter_finding_clear(finding);
    }
    g_mutex_unlock(&tally->mutex);
}

static int
compare_values(guint64 a, guint64 b)
{
    return a < b ? -1 : a > b;
}

static gint
compare_findings(gconstpointer a, gconstpointer b)
{
    const SinterFinding *left = a;
    const SinterFinding *right = b;
    int order = compare_values(left->code, right->code);

    if (order == 0)
        order = compare_values(left->host_offset, right->host_offset);
    if (order == 0)
        order = compare_values(left->guest_offset, right->guest_offset);
    return order;
}

void
sinter_tally_finish(SinterTally *tally)
{
    g_array_sort(tally->result->findings, compare_findings);
}
