/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Commits overlays into an image below them. Invariant: the overlays shadow everything that is
 * written to the base, and the top is emptied only after the base is durable. The disk therefore
 * reads the same at every moment, and an interrupted commit is simply repeated.
 */

#include "sinter/commit.h"
#include "sinter-error.h"
#include "sinter-grow.h"
#include "sinter-member.h"
#include "sinter-progress.h"
#include "ops/transfer/sinter-transfer.h"

static gboolean
commit_find_base(SinterChain *chain, const SinterCommitOptions *options, guint *ret, GError **error)
{
    *ret = 1;
    if (options->base)
        return sinter_member_find(chain, 1, options->base, ret, error);
    if (chain->layers->len > 1)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "Image does not have a backing file");
    return FALSE;
}

/* Only a direct overlay of the base reads the same after it is emptied. */
static gboolean
commit_check(SinterChain *chain, const SinterCommitOptions *options, guint base, GError **error)
{
    if (!sinter_format_check_recorded(sinter_chain_layer(chain, base)->info, error))
        return FALSE;
    if (base == 1 || (options->flags & SINTER_COMMIT_KEEP))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "'%s' cannot be emptied: '%s' is not its direct backing file",
                sinter_chain_layer(chain, 0)->info->path,
                sinter_chain_layer(chain, base)->info->path);
    return FALSE;
}

static gboolean
commit_move(SinterChain *chain, const SinterCommitOptions *options, guint base, GError **error)
{
    SinterIoFlags flags = options->flags & SINTER_COMMIT_DIRECT ? SINTER_IO_DIRECT : 0;
    g_autoptr(SinterChain) source = sinter_chain_slice(chain, 0, base);
    GError *failure = NULL;
    SinterTransferStats stats;
    SinterTransfer job = {
        .source = source,
        .n_layers = base,
        .unordered = TRUE,
        .compression = SINTER_TRANSFER_KEEP,
        .rate_bytes_per_sec = options->rate_bytes_per_sec,
        .n_threads = options->n_threads,
        .cancellable = options->cancellable,
        .progress = options->progress,
    };

    job.target = sinter_grow_open(chain, base, flags, sinter_chain_get_virtual_size(source), error);
    if (!job.target)
        return FALSE;
    sinter_progress_set_total(options->progress, sinter_chain_get_virtual_size(source));
    sinter_transfer_run(&job, &stats, &failure);
    return sinter_member_finish(job.target, failure, error);
}

static gboolean
commit_empty(SinterChain *chain, GError **error)
{
    g_autoptr(SinterHandle) top = sinter_member_open(chain, 0, 0, error);

    return top && sinter_handle_empty(top, error) &&
           sinter_handle_close(g_steal_pointer(&top), error);
}

gboolean
sinter_commit(const char *path, const SinterCommitOptions *options, GError **error)
{
    const SinterCommitOptions full = options ? *options : (SinterCommitOptions){ 0 };
    gboolean keeps = (full.flags & SINTER_COMMIT_KEEP) != 0;
    SinterChainOptions how = { .fs = full.fs, .format = full.format };
    g_autoptr(SinterChain) chain = NULL;
    guint base;

    if (full.flags & SINTER_COMMIT_PROBE)
        how.flags |= SINTER_CHAIN_PROBE;
    chain = sinter_chain_open(path, &how, error);
    if (!chain || !commit_find_base(chain, &full, &base, error) ||
        !commit_check(chain, &full, base, error) ||
        !sinter_member_lock(chain, base, SINTER_IO_LOCK_ALONE, error) ||
        (!keeps && !sinter_member_lock(chain, 0, SINTER_IO_LOCK_ALONE, error)) ||
        !commit_move(chain, &full, base, error) || (!keeps && !commit_empty(chain, error)))
        return FALSE;
    sinter_progress_finish(full.progress);
    return TRUE;
}
