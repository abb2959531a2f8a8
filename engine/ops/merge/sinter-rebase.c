/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes the backing file of an overlay. Invariant: once the copy is durable, the overlay reads
 * the same with the old and with the new backing file, and only then the name changes.
 */

#include "sinter/rebase.h"
#include "sinter-error.h"
#include "sinter-grow.h"
#include "sinter-member.h"
#include "sinter-progress.h"
#include "ops/transfer/sinter-transfer.h"

typedef struct {
    const char *path;
    SinterRebaseOptions options;
    SinterFs *fs;
    SinterRebaseStage stage;
    SinterChain *chain;  /* the current chain */
    SinterChain *target; /* the new backing chain; NULL: none */
    guint n_between;     /* if the target is part of the chain, its distance from the image;
                          * otherwise 0 */
} Rebase;

static void
rebase_clear(Rebase *self)
{
    sinter_chain_free(self->target);
    sinter_chain_free(self->chain);
    sinter_fs_unref(self->fs);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rebase, rebase_clear)

static gboolean
has_name(const SinterRebaseOptions *options)
{
    return options->backing_name && *options->backing_name;
}

/* Images of this format have no backing file. */
static gboolean
refuse_format(GError **error)
{
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "Operation not supported");
    return FALSE;
}

static gboolean
check_format_given(const SinterRebaseOptions *options, GError **error)
{
    if (!has_name(options) || options->backing_format)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "backing format must be specified");
    return FALSE;
}

/* Opens the chain with its recorded formats; for an unsafe rebase only the image. */
static gboolean
rebase_open(Rebase *self, GError **error)
{
    SinterRebaseFlags flags = self->options.flags;
    SinterChainOptions how = { .fs = self->fs, .format = self->options.format };

    if (flags & SINTER_REBASE_PROBE)
        how.flags |= SINTER_CHAIN_PROBE;
    if (flags & SINTER_REBASE_UNSAFE)
        how.flags |= SINTER_CHAIN_NO_BACKING;
    self->chain = sinter_chain_open(self->path, &how, error);
    return self->chain && sinter_member_lock(self->chain, 0, SINTER_IO_LOCK_ALONE, error);
}

static gboolean
rebase_check_snapshots(const Rebase *self, GError **error)
{
    const SinterImageInfo *info = sinter_chain_layer(self->chain, 0)->info;

    if (info->n_snapshots == 0)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' has internal snapshots, whose content would change with the backing file; "
                "delete them first",
                info->path);
    return FALSE;
}

static gboolean
refuse_itself(const char *path, GError **error)
{
    g_autofree char *hint =
        g_strdup_printf("is another process using the image [%s]? It is the image to rebase", path);

    sinter_error_set_hinted(error, SINTER_ERROR_LOCKED, hint,
                            "Failed to get shared \"write\" lock");
    sinter_error_wrap_open(error, path);
    return FALSE;
}

/*
 * Refuses a new backing file whose chain contains the image. A chain that cannot be read has no
 * loop that could be made, and another error will tell why if it must be read.
 */
static gboolean
rebase_check_loop(Rebase *self, GError **error)
{
    SinterChainOptions how = { .fs = self->fs,
                               .format = self->options.backing_format,
                               .flags = SINTER_CHAIN_NO_LOCK };
    g_autoptr(SinterChain) above = NULL;
    g_autofree char *path = NULL;

    if (!has_name(&self->options))
        return TRUE;
    if (self->options.flags & SINTER_REBASE_PROBE)
        how.flags |= SINTER_CHAIN_PROBE;
    path = sinter_image_resolve_name(self->path, self->options.backing_name, NULL);
    above = path ? sinter_chain_open(path, &how, NULL) : NULL;
    for (guint i = 0; above && i < above->layers->len; i++) {
        if (!sinter_io_is_same_file(sinter_chain_layer(above, i)->io,
                                    sinter_chain_layer(self->chain, 0)->io))
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    i == 0 ? "'%s' cannot be its own backing file"
                           : "the chain would loop: '%s' is in the backing chain of '%s'",
                    self->path, path);
        return FALSE;
    }
    return TRUE;
}

/* Opens the new backing chain, unless it is part of the current chain. */
static gboolean
rebase_open_target(Rebase *self, GError **error)
{
    SinterChainOptions how = { .fs = self->fs, .format = self->options.backing_format };
    g_autofree char *path = NULL;

    if (!has_name(&self->options))
        return TRUE;
    path = sinter_image_resolve_name(self->path, self->options.backing_name, error);
    if (!path)
        return FALSE;
    for (guint i = 1; i < self->chain->layers->len; i++) {
        if (sinter_member_is_file(self->chain, i, path)) {
            self->n_between = i;
            return TRUE;
        }
    }
    if (self->options.flags & SINTER_REBASE_PROBE)
        how.flags |= SINTER_CHAIN_PROBE;
    if (self->options.flags & SINTER_REBASE_READ_DIRECT)
        how.flags |= SINTER_CHAIN_DIRECT;
    if (self->options.flags & SINTER_REBASE_SHARE_NEW)
        how.flags |= SINTER_CHAIN_NO_LOCK;
    if (sinter_member_is_file(self->chain, 0, path))
        return refuse_itself(path, error);
    if (!rebase_check_loop(self, error))
        return FALSE;
    self->target = sinter_chain_open(path, &how, error);
    return self->target != NULL;
}

/* Beyond the end of the old backing file there are zeros; the new one may be larger. */
static gboolean
rebase_zero_end(Rebase *self, SinterHandle *handle, guint64 from, GError **error)
{
    g_autoptr(SinterChain) part = NULL;

    if (self->n_between)
        part = sinter_chain_slice(self->chain, self->n_between,
                                  self->chain->layers->len - self->n_between);
    if (!part && !self->target)
        return TRUE;
    return sinter_grow_hide(handle, part ? part : self->target, from, error);
}

static gboolean
rebase_transfer(Rebase *self, SinterHandle *handle, GError **error)
{
    const SinterRebaseOptions *options = &self->options;
    guint64 size = sinter_handle_get_virtual_size(handle);
    SinterChain *old = sinter_handle_get_backing(handle);
    guint64 length = old ? MIN(size, sinter_chain_get_virtual_size(old)) : 0;
    SinterTransferStats stats;
    SinterTransfer job = {
        .source = old,
        .n_layers = self->n_between ? self->n_between - 1 : 0,
        .length = length,
        .target = handle,
        .only_missing = TRUE,
        .unless_same = self->target,
        .zeros = self->target || self->n_between ? SINTER_TRANSFER_ZEROS_SAY
                                                 : SINTER_TRANSFER_ZEROS_SKIP,
        .compression = SINTER_TRANSFER_KEEP,
        .rate_bytes_per_sec = options->rate_bytes_per_sec,
        .n_threads = options->n_threads,
        .cancellable = options->cancellable,
        .progress = options->progress,
    };

    sinter_progress_set_total(options->progress, size);
    /* if the target is the direct backing file, there are no images in between */
    if (length > 0 && self->n_between != 1 && !sinter_transfer_run(&job, &stats, error))
        return FALSE;
    return self->n_between == 1 || rebase_zero_end(self, handle, length, error);
}

static gboolean
rebase_copy(Rebase *self, GError **error)
{
    SinterIoFlags flags = self->options.flags & SINTER_REBASE_DIRECT ? SINTER_IO_DIRECT : 0;
    SinterHandle *handle = sinter_member_open(self->chain, 0, flags, error);
    GError *failure = NULL;

    if (!handle)
        return FALSE;
    rebase_transfer(self, handle, &failure);
    return sinter_member_finish(handle, failure, error);
}

static gboolean
rebase_link(Rebase *self, GError **error)
{
    const SinterFormat *format = sinter_chain_layer(self->chain, 0)->format;
    g_autoptr(SinterIo) io = sinter_member_open_io(self->chain, 0, 0, error);

    return io &&
           format->relink(io, self->options.backing_name, self->options.backing_format, error);
}

static gboolean
rebase_go(Rebase *self, GError **error)
{
    gboolean safe = !(self->options.flags & SINTER_REBASE_UNSAFE);
    gboolean can;

    if (!rebase_open(self, error))
        return FALSE;
    can = sinter_chain_layer(self->chain, 0)->format->relink != NULL;
    self->stage = SINTER_REBASE_OPENING_NEW;
    if (safe ? !rebase_open_target(self, error) : !rebase_check_loop(self, error))
        return FALSE;
    self->stage = SINTER_REBASE_LINKING;
    if (can ? !check_format_given(&self->options, error) : !refuse_format(error))
        return FALSE;
    self->stage = SINTER_REBASE_COPYING;
    if (safe && (!rebase_check_snapshots(self, error) || !rebase_copy(self, error)))
        return FALSE;
    self->stage = SINTER_REBASE_LINKING;
    return rebase_link(self, error);
}

gboolean
sinter_rebase(const char *path, const SinterRebaseOptions *options, SinterRebaseStage *ret_stage,
              GError **error)
{
    g_auto(Rebase) self = { .path = path,
                            .options = options ? *options : (SinterRebaseOptions){ 0 } };

    self.fs = self.options.fs ? sinter_fs_ref(self.options.fs) : sinter_fs_new_host(NULL, error);
    if (!self.fs || !rebase_go(&self, error)) {
        if (ret_stage)
            *ret_stage = self.stage;
        return FALSE;
    }
    sinter_progress_finish(self.options.progress);
    return TRUE;
}
