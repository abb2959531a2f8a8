/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Makes the plan of a merge: finds the images to merge, computes from the maps how much each
 * direction would move, and states the result.
 */

#include "sinter-merge-plan.h"
#include "sinter-error.h"
#include "sinter-member.h"

/* Assumed throughput of current disks if no rate is set. */
#define EXPECTED_BYTES_PER_SEC (256.0 * 1024 * 1024)

void
sinter_merge_plan_free(SinterMergePlan *plan)
{
    if (!plan)
        return;
    g_strfreev(plan->members);
    g_free(plan->result);
    g_free(plan->result_format);
    g_free(plan->child);
    g_free(plan->backing);
    g_strfreev(plan->leftover);
    g_strfreev(plan->lost_bitmaps);
    g_strfreev(plan->lost_bitmap_files);
    g_free(plan->why_not_down);
    g_free(plan->why_not_up);
    g_free(plan);
}

static gboolean
find_removal(SinterChain *chain, const char *name, SinterMergeStretch *ret_down,
             SinterMergeStretch *ret_up, GError **error)
{
    const SinterMergeStretch none = { G_MAXUINT, G_MAXUINT };
    guint layer;

    if (!sinter_member_find(chain, 0, name, &layer, error))
        return FALSE;
    if (layer == 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "'%s' is the top image and has no overlay: commit it, or merge it down", name);
        return FALSE;
    }
    *ret_up = (SinterMergeStretch){ layer - 1, layer };
    *ret_down = layer + 1 < chain->layers->len ? (SinterMergeStretch){ layer, layer + 1 } : none;
    return TRUE;
}

gboolean
sinter_merge_find_stretches(SinterChain *chain, const SinterMergeOptions *options,
                            SinterMergeStretch *ret_down, SinterMergeStretch *ret_up,
                            GError **error)
{
    SinterMergeStretch stretch = { 0, chain->layers->len - 1 };

    if (options->remove)
        return find_removal(chain, options->remove, ret_down, ret_up, error);
    if ((options->top && !sinter_member_find(chain, 0, options->top, &stretch.top, error)) ||
        (options->base && !sinter_member_find(chain, 0, options->base, &stretch.base, error)))
        return FALSE;
    if (stretch.top < stretch.base) {
        *ret_down = *ret_up = stretch;
        return TRUE;
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                stretch.top == stretch.base
                    ? "'%s' is the only image of the range: there is nothing to merge"
                    : "'%s' is below the base of the merge",
                sinter_chain_layer(chain, stretch.top)->info->path);
    if (stretch.top == stretch.base)
        sinter_error_set_stage(error, SINTER_STAGE_CHOOSE_RANGE, NULL);
    return FALSE;
}

/* Data that a walk over part of a chain finds, and how much of it the layers above shadow. */
typedef struct {
    guint64 bytes;
    guint64 shadowed;
} Measure;

/* Computes how much of the data in @extent the chain @above shadows. */
static gboolean
measure_shadow(SinterChain *above, const SinterExtent *extent, guint64 *sum, GError **error)
{
    guint64 size = sinter_chain_get_virtual_size(above);
    guint64 end = extent->offset + extent->length;
    guint64 seen_end = MAX(extent->offset, MIN(size, end)); /* only up to the end of the disk */
    g_auto(SinterChainCursor) cursor = { 0 };
    SinterExtent part = { .length = 0 };

    *sum += end - seen_end;
    if (seen_end == extent->offset)
        return TRUE;
    sinter_chain_cursor_init(&cursor, above, extent->offset, seen_end - extent->offset);
    do {
        if (!sinter_chain_cursor_next(&cursor, &part, error))
            return FALSE;
        if (sinter_merge_is_decided(&part))
            *sum += part.length;
    } while (part.length > 0);
    return TRUE;
}

/* Measures the data of the layers @first to @last as seen from layer @top, and of @first as seen
 * from the top of the chain. */
static gboolean
measure_layers(SinterChain *chain, guint top, guint first, guint last, Measure *ret, GError **error)
{
    g_autoptr(SinterChain) part = sinter_chain_slice(chain, top, last - top + 1);
    g_autoptr(SinterChain) above = top > 0 ? sinter_chain_slice(chain, 0, top) : NULL;
    g_auto(SinterChainWalk) walk = { 0 };
    SinterExtent extent;

    *ret = (Measure){ 0 };
    if (!sinter_chain_walk_init(&walk, part, 0, sinter_chain_get_virtual_size(part),
                                SINTER_MAP_DEFAULT, error))
        return FALSE;
    do {
        if (!sinter_chain_walk_next(&walk, &extent, error))
            return FALSE;
        if (extent.length == 0 || sinter_extent_is_zero(&extent) || extent.layer + top < first)
            continue;
        ret->bytes += extent.length;
        if (above && !measure_shadow(above, &extent, &ret->shadowed, error))
            return FALSE;
    } while (extent.length > 0);
    return TRUE;
}

static gboolean
measure_both(SinterChain *chain, const SinterMergeFacts *facts, Measure *down, Measure *up,
             GError **error)
{
    const SinterMergeStretch *d = &facts->down;
    const SinterMergeStretch *u = &facts->up;

    *down = *up = (Measure){ 0 };
    return (d->top == G_MAXUINT ||
            measure_layers(chain, d->top, d->top, d->base - 1, down, error)) &&
           (u->top == G_MAXUINT || measure_layers(chain, u->top, u->top + 1, u->base, up, error));
}

static gboolean
is_device(SinterIo *io)
{
    SinterIoStat st;

    return sinter_io_stat(io, &st, NULL) && st.is_block_device;
}

/* Returns the maximum end of guest data in a file that stores it at its disk offsets. */
static guint64
reach_of(const SinterImage *image)
{
    gboolean plain = image->format->is_flat || image->data_io != image->io;
    SinterIoStat st;

    return plain && sinter_io_stat(image->data_io, &st, NULL) && st.is_block_device ? st.size_bytes
                                                                                    : G_MAXUINT64;
}

static SinterMergeImage *
describe_images(SinterChain *chain)
{
    SinterMergeImage *images = g_new0(SinterMergeImage, chain->layers->len);

    for (guint i = 0; i < chain->layers->len; i++) {
        const SinterImage *image = sinter_chain_layer(chain, i);

        images[i] = (SinterMergeImage){
            .path = image->info->path,
            .virtual_size = image->virtual_size,
            .version = image->info->version,
            .n_snapshots = image->info->n_snapshots,
            .encrypted = image->encrypted,
            .corrupt = image->info->corrupt,
            .is_device = is_device(image->io) || is_device(image->data_io),
            .read_only = !image->format->write_open,
            .reach = reach_of(image),
        };
    }
    return images;
}

static void
add_path(GPtrArray *list, SinterIo *io)
{
    g_ptr_array_add(list, g_strdup(sinter_io_get_path(io)));
}

static char **
end_list(GPtrArray *list)
{
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

static void
plan_fill_bitmaps(SinterMergePlan *plan, SinterChain *chain, SinterMergeStretch stretch,
                  guint result)
{
    GPtrArray *names = g_ptr_array_new();
    GPtrArray *files = g_ptr_array_new();

    for (guint i = stretch.top; i <= stretch.base; i++) {
        const SinterImage *image = sinter_chain_layer(chain, i);
        g_autoptr(GPtrArray) list =
            i == result ? NULL : sinter_image_list_bitmaps(image->io, image->info->format, NULL);

        for (guint k = 0; list && k < list->len; k++) {
            g_ptr_array_add(names, g_strdup(((SinterBitmapInfo *)list->pdata[k])->name));
            add_path(files, image->io);
        }
    }
    plan->lost_bitmaps = end_list(names);
    plan->lost_bitmap_files = end_list(files);
}

static void
plan_fill_lists(SinterMergePlan *plan, SinterChain *chain, SinterMergeStretch stretch, guint result)
{
    GPtrArray *members = g_ptr_array_new();
    GPtrArray *leftover = g_ptr_array_new();

    for (guint i = stretch.top; i <= stretch.base; i++) {
        const SinterImage *image = sinter_chain_layer(chain, i);

        add_path(members, image->io);
        if (i == result)
            continue;
        add_path(leftover, image->io);
        if (image->data_io != image->io)
            add_path(leftover, image->data_io);
    }
    plan->members = end_list(members);
    plan->leftover = end_list(leftover);
}

static void
plan_fill_space(SinterMergePlan *plan, SinterChain *chain, SinterMergeStretch stretch, guint result,
                guint64 rate)
{
    const SinterImage *image = sinter_chain_layer(chain, result);
    guint64 own = image->info->allocated_size;
    guint64 size = MAX(image->virtual_size, sinter_chain_layer(chain, stretch.top)->virtual_size);
    guint64 growth = MIN(plan->bytes_to_move, size - MIN(size, own));

    for (guint i = stretch.top; i <= stretch.base; i++)
        plan->space_before += sinter_chain_layer(chain, i)->info->allocated_size;
    plan->space_peak = plan->space_before + growth;
    plan->space_after = plan->deletes ? own + growth : plan->space_peak;
    plan->expected_sec =
        (guint64)((double)plan->bytes_to_move / (rate ? (double)rate : EXPECTED_BYTES_PER_SEC) +
                  0.5);
}

static void
plan_fill(SinterMergePlan *plan, SinterChain *chain, SinterMergeStretch stretch, guint64 rate)
{
    guint result = plan->direction == SINTER_MERGE_DOWN ? stretch.base : stretch.top;
    guint below = stretch.base + 1;

    plan->result = g_strdup(sinter_chain_layer(chain, result)->info->path);
    plan->result_format = g_strdup(sinter_chain_layer(chain, result)->info->format);
    if (stretch.top > 0)
        plan->child = g_strdup(sinter_chain_layer(chain, stretch.top - 1)->info->path);
    if (below < chain->layers->len)
        plan->backing = g_strdup(sinter_chain_layer(chain, below)->info->path);
    plan_fill_lists(plan, chain, stretch, result);
    plan_fill_bitmaps(plan, chain, stretch, result);
    plan_fill_space(plan, chain, stretch, result, rate);
}

/* Checks that images that are written to, or may be removed, have the format that is recorded. */
static gboolean
check_recorded(SinterChain *chain, const SinterMergeFacts *facts, GError **error)
{
    const SinterMergeStretch *stretches[] = { &facts->down, &facts->up };

    for (gsize i = 0; i < G_N_ELEMENTS(stretches); i++) {
        const SinterMergeStretch *stretch = stretches[i];

        for (guint k = stretch->top; k != G_MAXUINT && k <= stretch->base; k++) {
            if (!sinter_format_check_recorded(sinter_chain_layer(chain, k)->info, error))
                return FALSE;
        }
    }
    return TRUE;
}

SinterMergePlan *
sinter_merge_plan_make(SinterChain *chain, const SinterMergeOptions *options,
                       SinterMergeStretch *ret, GError **error)
{
    g_autoptr(SinterMergePlan) plan = g_new0(SinterMergePlan, 1);
    g_autofree SinterMergeImage *images = describe_images(chain);
    SinterMergeFacts facts = {
        .images = images,
        .n_images = chain->layers->len,
        .direction = options->direction,
        .drops_shadowed = (options->flags & SINTER_MERGE_DROP_SHADOWED) != 0,
        .deletes = (options->flags & SINTER_MERGE_DELETE) != 0,
    };
    Measure down;
    Measure up;

    if (!sinter_merge_find_stretches(chain, options, &facts.down, &facts.up, error) ||
        !check_recorded(chain, &facts, error) || !measure_both(chain, &facts, &down, &up, error))
        return NULL;
    facts.bytes_down = down.bytes - (facts.drops_shadowed ? down.shadowed : 0);
    facts.bytes_up = up.bytes - (facts.drops_shadowed ? up.shadowed : 0);
    plan->deletes = facts.deletes;
    if (!sinter_merge_decide(&facts, plan, error))
        return NULL;
    *ret = plan->direction == SINTER_MERGE_DOWN ? facts.down : facts.up;
    plan->bytes_shadowed = plan->direction == SINTER_MERGE_DOWN ? down.shadowed : up.shadowed;
    plan_fill(plan, chain, *ret, options->rate_bytes_per_sec);
    return g_steal_pointer(&plan);
}
