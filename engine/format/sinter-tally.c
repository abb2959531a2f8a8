/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The collection of findings. Invariant: counts by class and by code are exact; of each code the
 * first findings are kept, up to the limit. Detailed findings may come from several threads.
 */

#include "sinter-tally.h"
#include "sinter/format.h"

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
    self->format_codes = g_array_new(FALSE, FALSE, sizeof(SinterCheckCodeCount));
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
    g_array_unref(result->format_codes);
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

/* Returns the counter of a format's own code, created on first use. */
static guint64 *
format_count(SinterCheckResult *result, SinterFindingCode code)
{
    SinterCheckCodeCount count = { .code = code };

    for (guint i = 0; i < result->format_codes->len; i++) {
        SinterCheckCodeCount *one = &g_array_index(result->format_codes, SinterCheckCodeCount, i);

        if (one->code == code)
            return &one->found;
    }
    g_array_append_val(result->format_codes, count);
    return &g_array_index(result->format_codes, SinterCheckCodeCount, result->format_codes->len - 1)
                .found;
}

static guint
format_kept(const SinterCheckResult *result, SinterFindingCode code)
{
    guint n = 0;

    for (guint i = 0; i < result->findings->len; i++)
        n += g_array_index(result->findings, SinterFinding, i).code == code;
    return n;
}

gboolean
sinter_tally_wants(const SinterTally *tally, SinterFindingCode code)
{
    guint kept =
        code < SINTER_FINDING_N_CODES ? tally->kept[code] : format_kept(tally->result, code);

    return kept < tally->max_per_code;
}

static void
tally_count_locked(SinterTally *self, SinterFindingCode code, guint64 n, gboolean qemu_counts)
{
    SinterFindingClass klass = sinter_finding_code_class(code);

    *(code < SINTER_FINDING_N_CODES ? &self->result->per_code[code]
                                    : format_count(self->result, code)) += n;
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
        if (finding->code < SINTER_FINDING_N_CODES)
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
sinter_check_result_add(SinterCheckResult *result, const SinterCheckOptions *options,
                        SinterFinding *finding)
{
    SinterTally tally;

    sinter_tally_init(&tally, result, options);
    if (finding->code < SINTER_FINDING_N_CODES)
        tally.kept[finding->code] = format_kept(result, finding->code);
    sinter_tally_add(&tally, finding);
    sinter_tally_clear(&tally);
}

static gint
compare_codes(gconstpointer a, gconstpointer b)
{
    return compare_values(((const SinterCheckCodeCount *)a)->code,
                          ((const SinterCheckCodeCount *)b)->code);
}

GArray *
sinter_check_result_count_codes(const SinterCheckResult *result)
{
    GArray *counts = g_array_new(FALSE, FALSE, sizeof(SinterCheckCodeCount));

    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterCheckCodeCount count = { (SinterFindingCode)code, result->per_code[code], 0 };

        if (count.found > 0)
            g_array_append_val(counts, count);
    }
    g_array_append_vals(counts, result->format_codes->data, result->format_codes->len);
    g_array_sort(counts, compare_codes);
    for (guint i = 0; i < result->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(result->findings, SinterFinding, i);
        SinterCheckCodeCount wanted = { .code = finding->code };
        guint at = 0;

        if (g_array_binary_search(counts, &wanted, compare_codes, &at))
            g_array_index(counts, SinterCheckCodeCount, at).kept += finding->times;
    }
    return counts;
}

void
sinter_tally_finish(SinterTally *tally)
{
    g_array_sort(tally->result->findings, compare_findings);
}
