/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Moves the content of a merge and relinks its chain, in that order:
 *
 *   down: ranges that members above the base decide go into the base. These members shadow all of
 *         them until the image above is relinked to the base.
 *   up:   ranges that members below the top decide go into the top, where it holds nothing. The top
 *         reads the same before and after it is relinked to the image below the base.
 *
 * Images of a chain may differ in size. Beyond the end of an image in the range there are zeros,
 * whatever the images below contain; the result must store these zeros explicitly.
 */

#include "sinter-merge-move.h"
#include "sinter-error.h"
#include "sinter-grow.h"
#include "sinter-member.h"
#include "sinter-progress.h"
#include "ops/transfer/sinter-transfer.h"

static guint
result_layer(const SinterMergePlan *plan, SinterMergeStretch stretch)
{
    return plan->direction == SINTER_MERGE_DOWN ? stretch.base : stretch.top;
}

static guint64
size_of(SinterChain *chain, guint layer)
{
    return sinter_chain_layer(chain, layer)->virtual_size;
}

gboolean
sinter_merge_lock(SinterChain *chain, const SinterMergePlan *plan, SinterMergeStretch stretch,
                  GError **error)
{
    guint result = result_layer(plan, stretch);
    gboolean down = plan->direction == SINTER_MERGE_DOWN;

    for (guint i = stretch.top; i <= stretch.base; i++) {
        if ((i == result || plan->deletes) &&
            !sinter_member_lock(chain, i, SINTER_IO_LOCK_ALONE, error))
            return FALSE;
    }
    return !down || stretch.top == 0 ||
           sinter_member_lock(chain, stretch.top - 1, SINTER_IO_LOCK_ALONE, error);
}

/* The ranges that images above the merged ones decide. */
typedef struct {
    SinterChain *chain;
    SinterChainWalk walk;
    SinterExtent extent;
} Shadow;

static gboolean
shadow_init(Shadow *self, SinterChain *chain, guint n, GError **error)
{
    *self = (Shadow){ .chain = sinter_chain_slice(chain, 0, n) };
    return sinter_chain_walk_init(&self->walk, self->chain, 0,
                                  sinter_chain_get_virtual_size(self->chain), SINTER_MAP_DEFAULT,
                                  error);
}

static void
shadow_clear(Shadow *self)
{
    if (!self->chain)
        return;
    sinter_chain_walk_clear(&self->walk);
    sinter_chain_free(self->chain);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Shadow, shadow_clear)

/* SinterTransferFilter: skips ranges that are shadowed. */
static gboolean
shadow_filter(guint64 offset, guint64 length, gboolean *ret_skip, guint64 *ret_length,
              gpointer user_data, GError **error)
{
    Shadow *self = user_data;

    *ret_skip = TRUE;
    *ret_length = length;
    if (offset >= sinter_chain_get_virtual_size(self->chain))
        return TRUE;
    while (offset >= self->extent.offset + self->extent.length) {
        if (!sinter_chain_walk_next(&self->walk, &self->extent, error))
            return FALSE;
    }
    *ret_skip = sinter_merge_is_decided(&self->extent);
    *ret_length = MIN(length, self->extent.offset + self->extent.length - offset);
    return TRUE;
}

static SinterTransfer
describe_transfer(SinterHandle *target, const SinterMergeOptions *options, SinterProgress *progress)
{
    return (SinterTransfer){
        .target = target,
        .compression = SINTER_TRANSFER_KEEP,
        .unordered = TRUE,
        .rate_bytes_per_sec = options->rate_bytes_per_sec,
        .rate_now = options->rate_now,
        .n_threads = options->n_threads,
        .cancellable = options->cancellable,
        .progress = progress,
    };
}

static gboolean
move_down(SinterChain *chain, SinterMergeStretch stretch, SinterTransfer *job, GError **error)
{
    g_autoptr(SinterChain) source =
        sinter_chain_slice(chain, stretch.top, stretch.base - stretch.top);
    guint64 size = sinter_chain_get_virtual_size(source);
    guint64 target_size = sinter_handle_get_virtual_size(job->target);
    SinterTransferStats stats;

    job->source = source;
    job->n_layers = stretch.base - stretch.top;
    job->length = size;
    sinter_progress_set_total(job->progress, size);
    if (size > 0 && !sinter_transfer_run(job, &stats, error))
        return FALSE;
    /* a larger base would be visible through the image above, which reads zeros there */
    return stretch.top == 0 || target_size <= size ||
           sinter_handle_zero_at(job->target, size, target_size - size, error);
}

static gboolean
move_up(SinterChain *chain, SinterMergeStretch stretch, SinterTransfer *job, GError **error)
{
    guint below = stretch.base + 1;
    gboolean has_below = below < chain->layers->len;
    g_autoptr(SinterChain) rest =
        has_below ? sinter_chain_slice(chain, below, chain->layers->len - below) : NULL;
    guint64 size = size_of(chain, stretch.top);
    guint64 length = MIN(size, size_of(chain, stretch.top + 1));
    SinterTransferStats stats;

    job->source = sinter_handle_get_backing(job->target);
    job->n_layers = stretch.base - stretch.top;
    job->length = length;
    job->only_missing = TRUE;
    job->zeros = has_below ? SINTER_TRANSFER_ZEROS_SAY : SINTER_TRANSFER_ZEROS_SKIP;
    sinter_progress_set_total(job->progress, size);
    if (length > 0 && !sinter_transfer_run(job, &stats, error))
        return FALSE;
    return !rest || sinter_grow_hide(job->target, rest, length, error);
}

static gboolean
move_content(SinterChain *chain, const SinterMergePlan *plan, SinterMergeStretch stretch,
             SinterTransfer *job, gboolean drops_shadowed, GError **error)
{
    g_auto(Shadow) shadow = { 0 };

    if (drops_shadowed && stretch.top > 0) {
        if (!shadow_init(&shadow, chain, stretch.top, error))
            return FALSE;
        job->filter = shadow_filter;
        job->filter_data = &shadow;
    }
    return plan->direction == SINTER_MERGE_DOWN ? move_down(chain, stretch, job, error)
                                                : move_up(chain, stretch, job, error);
}

gboolean
sinter_merge_move(SinterChain *chain, const SinterMergePlan *plan, SinterMergeStretch stretch,
                  const SinterMergeOptions *options, GError **error)
{
    gboolean drops_shadowed = (options->flags & SINTER_MERGE_DROP_SHADOWED) != 0;
    guint result = result_layer(plan, stretch);
    SinterHandle *target;
    GError *failure = NULL;
    SinterTransfer job;

    target = plan->direction == SINTER_MERGE_DOWN
                 ? sinter_grow_open(chain, result, 0, size_of(chain, stretch.top), error)
                 : sinter_member_open(chain, result, 0, error);
    if (!target)
        return FALSE;
    job = describe_transfer(target, options, options->progress);
    move_content(chain, plan, stretch, &job, drops_shadowed, &failure);
    return sinter_member_finish(target, failure, error);
}

gboolean
sinter_merge_link(SinterChain *chain, const SinterMergePlan *plan, SinterMergeStretch stretch,
                  GError **error)
{
    guint below = stretch.base + 1;

    if (plan->direction == SINTER_MERGE_UP)
        return sinter_member_relink(chain, stretch.top,
                                    below < chain->layers->len ? below : SINTER_MEMBER_NONE, error);
    return stretch.top == 0 || sinter_member_relink(chain, stretch.top - 1, stretch.base, error);
}
