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

/* For ranges from @offset on. */
static gboolean
shadow_init(Shadow *self, SinterChain *chain, guint n, guint64 offset, GError **error)
{
    guint64 size;

    *self = (Shadow){ .chain = sinter_chain_slice(chain, 0, n) };
    size = sinter_chain_get_virtual_size(self->chain);
    offset = MIN(offset, size);
    return sinter_chain_walk_init(&self->walk, self->chain, offset, size - offset,
                                  SINTER_MAP_DEFAULT, error);
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
describe_transfer(const SinterMergeMove *move, SinterHandle *target, SinterProgress *progress)
{
    const SinterMergeOptions *options = move->options;

    return (SinterTransfer){
        .n_layers = move->stretch.base - move->stretch.top,
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
goes_down(const SinterMergeMove *move)
{
    return move->plan->direction == SINTER_MERGE_DOWN;
}

static gboolean
has_below(const SinterMergeMove *move)
{
    return move->stretch.base + 1 < move->chain->layers->len;
}

guint64
sinter_merge_move_end(const SinterMergeMove *move)
{
    guint64 size = size_of(move->chain, move->stretch.top);

    return goes_down(move) ? size : MIN(size, size_of(move->chain, move->stretch.top + 1));
}

static gboolean
run_transfer(const SinterMergeMove *move, SinterTransfer *job, GError **error)
{
    SinterMergeStretch stretch = move->stretch;
    g_autoptr(SinterChain) source = NULL;
    SinterTransferStats stats;

    if (goes_down(move)) {
        source = sinter_chain_slice(move->chain, stretch.top, stretch.base - stretch.top);
        job->source = source;
    } else {
        job->source = sinter_handle_get_backing(job->target);
        job->only_missing = TRUE;
        job->zeros = has_below(move) ? SINTER_TRANSFER_ZEROS_SAY : SINTER_TRANSFER_ZEROS_SKIP;
    }
    return sinter_transfer_run(job, &stats, error);
}

gboolean
sinter_merge_move_range(const SinterMergeMove *move, SinterHandle *target, guint64 offset,
                        guint64 length, SinterProgress *progress, GError **error)
{
    SinterTransfer job = describe_transfer(move, target, progress);
    gboolean drops_shadowed = (move->options->flags & SINTER_MERGE_DROP_SHADOWED) != 0;
    g_auto(Shadow) shadow = { 0 };

    if (length == 0)
        return TRUE;
    job.offset = job.target_offset = offset;
    job.length = length;
    if (drops_shadowed && move->stretch.top > 0) {
        if (!shadow_init(&shadow, move->chain, move->stretch.top, offset, error))
            return FALSE;
        job.filter = shadow_filter;
        job.filter_data = &shadow;
    }
    return run_transfer(move, &job, error);
}

gboolean
sinter_merge_move_tail(const SinterMergeMove *move, SinterHandle *target, GError **error)
{
    guint64 end = sinter_merge_move_end(move);
    guint64 target_size = sinter_handle_get_virtual_size(target);
    guint below = move->stretch.base + 1;
    g_autoptr(SinterChain) rest = NULL;

    /* a larger base would be visible through the image above, which reads zeros there */
    if (goes_down(move))
        return move->stretch.top == 0 || target_size <= end ||
               sinter_handle_zero_at(target, end, target_size - end, error);
    if (has_below(move))
        rest = sinter_chain_slice(move->chain, below, move->chain->layers->len - below);
    return !rest || sinter_grow_hide(target, rest, end, error);
}

SinterHandle *
sinter_merge_move_open(const SinterMergeMove *move, GError **error)
{
    guint result = result_layer(move->plan, move->stretch);

    return goes_down(move) ? sinter_grow_open(move->chain, result, 0,
                                              size_of(move->chain, move->stretch.top), error)
                           : sinter_member_open(move->chain, result, 0, error);
}

gboolean
sinter_merge_move(const SinterMergeMove *move, GError **error)
{
    SinterHandle *target = sinter_merge_move_open(move, error);
    SinterProgress *progress = move->options->progress;
    GError *failure = NULL;

    if (!target)
        return FALSE;
    sinter_progress_set_total(progress, size_of(move->chain, move->stretch.top));
    if (sinter_merge_move_range(move, target, 0, sinter_merge_move_end(move), progress, &failure))
        sinter_merge_move_tail(move, target, &failure);
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
