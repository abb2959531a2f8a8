/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The cost of a plan, as upper bounds for the present moment: a guest that writes meanwhile may add
 * to it.
 *
 * The data to copy is at most what the layers occupy on their file systems, and never more than the
 * disk's size. The written image grows by at most that amount, and never beyond the disk's size;
 * its own metadata (qcow2's tables and reference counts, a file system's extents) is added as a
 * small margin. A raw device has its space already; a qcow2 image on a device can use what it does
 * not use of the device yet.
 *
 * All sizes come from images and file systems, so sums saturate.
 */

#include "sinter-plan-cost.h"
#include "sinter-units.h"
#include "sinter-sum.h"

/* Table entries per cluster: 10 bytes for 64 KiB, and a far greater share for small clusters. */
#define METADATA_SHARE 1024
#define METADATA_FLOOR_BYTES (1024 * 1024)

static guint64
subtract_bytes(guint64 a, guint64 b)
{
    return a > b ? a - b : 0;
}

guint64
sinter_plan_draft_sum_used(const SinterPlanDraft *draft, guint from, guint to)
{
    guint64 sum = 0;

    for (guint i = from; i < to; i++)
        sum = sinter_sum(sum, sinter_layer_get_used(sinter_plan_draft_layer(draft, i)));
    return sum;
}

/* What the layers take of their storage. */
static guint64
sum_allocated(const SinterPlanDraft *draft, guint from, guint to)
{
    guint64 sum = 0;

    for (guint i = from; i < to; i++)
        sum = sinter_sum(sum, sinter_plan_draft_layer(draft, i)->allocated_bytes);
    return sum;
}

/* The layer that the operation writes to; NULL for a copy, whose destination is not in the
 * model. */
static const SinterLayer *
get_written(const SinterPlanDraft *draft)
{
    if (sinter_plan_draft_is_commit(draft))
        return sinter_plan_draft_layer(draft, draft->base);
    return draft->plan->operation == SINTER_OPERATION_PULL ? sinter_plan_draft_layer(draft, 0)
                                                           : NULL;
}

static guint64
with_margin(guint64 growth)
{
    if (growth == 0)
        return 0;
    return sinter_sum(sinter_sum(growth, growth / METADATA_SHARE), METADATA_FLOOR_BYTES);
}

static void
count_growth(SinterPlanDraft *draft, const SinterLayer *written, guint64 size)
{
    guint64 growth = draft->plan->bytes_to_copy;

    gboolean device = written->type == SINTER_SOURCE_BLOCK;

    if (device && g_strcmp0(written->format, "raw") == 0)
        return;
    if (size > 0)
        growth = MIN(growth, subtract_bytes(size, sinter_layer_get_used(written)));
    if (device && written->fs_device == 0) {
        g_autofree char *text = sinter_units_format_bytes(growth);

        if (growth > 0)
            sinter_plan_draft_warn(
                draft,
                "'%s' is a block device: it is unknown whether it has space for up to %s more",
                written->description, text);
        return;
    }
    draft->growth_bytes = device ? 0 : growth; /* a device counts with its full size already */
    draft->plan->peak_extra_bytes = with_margin(growth);
    draft->plan->fs_device = written->fs_device;
}

/* What a pool has left is unknown, also for a raw device or a file system on the volume. */
static void
warn_of_pool(SinterPlanDraft *draft, const SinterLayer *written)
{
    g_autofree char *text = sinter_units_format_bytes(draft->plan->bytes_to_copy);

    if (written->thin && draft->plan->bytes_to_copy > 0)
        sinter_plan_draft_warn(draft,
                               "'%s' is on a thin volume: it is unknown whether its pool has space "
                               "for up to %s more ('lvs' shows it)",
                               written->description, text);
}

void
sinter_plan_draft_count(SinterPlanDraft *draft)
{
    const SinterLayer *written;
    guint64 size;

    draft->plan->space_before_bytes = sum_allocated(draft, 0, draft->disk->layers->len);
    draft->plan->space_after_bytes = draft->plan->space_before_bytes;
    if (sinter_plan_draft_is_refused(draft))
        return; /* the range may be empty, or the disk without any layer */
    written = get_written(draft);
    size = sinter_plan_draft_layer(draft, sinter_plan_draft_is_commit(draft) ? draft->first : 0)
               ->virtual_size_bytes;
    draft->plan->bytes_to_copy = sinter_plan_draft_sum_used(draft, draft->first, draft->base);
    if (size > 0)
        draft->plan->bytes_to_copy = MIN(draft->plan->bytes_to_copy, size);
    if (written) {
        count_growth(draft, written, size);
        warn_of_pool(draft, written);
    } else {
        /* The destination's file system is not in the model: the executor checks its free space. */
        draft->growth_bytes = draft->plan->bytes_to_copy;
        draft->plan->peak_extra_bytes = with_margin(draft->growth_bytes);
    }
}

void
sinter_plan_draft_count_after(SinterPlanDraft *draft)
{
    const char *const *removed = (const char *const *)draft->plan->remove_files;
    guint64 sum = draft->growth_bytes;

    for (guint i = 0; i < draft->disk->layers->len; i++) {
        const SinterLayer *layer = sinter_plan_draft_layer(draft, i);

        if (!layer->path || !g_strv_contains(removed, layer->path))
            sum = sinter_sum(sum, layer->allocated_bytes);
    }
    draft->plan->space_after_bytes = sum;
}

void
sinter_plan_draft_uncount(SinterPlanDraft *draft)
{
    draft->growth_bytes = 0;
    draft->plan->bytes_to_copy = 0;
    draft->plan->peak_extra_bytes = 0;
    draft->plan->fs_device = 0;
}

static void
refuse_space(SinterPlanDraft *draft, const SinterLayer *written, guint64 taken)
{
    guint64 need = draft->plan->peak_extra_bytes;
    guint64 short_of = sinter_sum(need, taken) - written->fs_free_bytes;
    g_autofree char *free_text = sinter_units_format_bytes(written->fs_free_bytes);
    g_autofree char *need_text = sinter_units_format_bytes(need);
    g_autofree char *short_text = sinter_units_format_bytes(short_of);
    g_autofree char *taken_text = sinter_units_format_bytes(taken);
    g_autofree char *others =
        taken == 0 ? g_strdup("")
                   : g_strdup_printf(", of which other disks of this plan may need %s", taken_text);
    const char *advice = taken > 0 ? "work on one disk at a time (--disk)"
                         : sinter_plan_draft_is_commit(draft)
                             ? "merge a smaller range (--top, --base)"
                             : "pull a smaller range (--base)";

    gboolean device = written->type == SINTER_SOURCE_BLOCK;

    sinter_plan_draft_refuse(
        draft, SINTER_REFUSAL_NO_SPACE,
        "'%s' may grow by %s, but its %s has only %s available%s, %s less than "
        "needed: %s, or %s",
        written->description, need_text, device ? "device" : "file system", free_text, others,
        short_text, device ? "extend the device" : "free space", advice);
}

/* @taken: bytes that earlier disks of the plan may need, by file system */
static void
check_space(SinterPlanDraft *draft, GHashTable *taken)
{
    const SinterLayer *written = get_written(draft);
    guint64 need = draft->plan->peak_extra_bytes;
    guint64 *before;
    guint64 total;

    if (!written || need == 0)
        return;
    if (written->fs_device == 0) {
        sinter_plan_draft_warn(draft, "the available space of the file system of '%s' is unknown",
                               written->description);
        return;
    }
    before = g_hash_table_lookup(taken, &written->fs_device);
    total = sinter_sum(need, before ? *before : 0);
    if (total > written->fs_free_bytes) {
        refuse_space(draft, written, before ? *before : 0);
        sinter_plan_draft_uncount(draft);
        return;
    }
    g_hash_table_replace(taken, g_memdup2(&written->fs_device, sizeof written->fs_device),
                         g_memdup2(&total, sizeof total));
}

void
sinter_plan_drafts_check_space(const GPtrArray *drafts)
{
    g_autoptr(GHashTable) taken =
        g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, g_free);

    for (guint i = 0; i < drafts->len; i++) {
        SinterPlanDraft *draft = g_ptr_array_index(drafts, i);

        if (!sinter_plan_draft_is_refused(draft))
            check_space(draft, taken);
    }
}
