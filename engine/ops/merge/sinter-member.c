/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Operations on one image of an open chain. Invariant: the file that is opened for writing is the
 * file that the chain reads and has locked, even if its name now refers to another file.
 */

#include "sinter-member.h"
#include "sinter-error.h"
#include "ops/handle/sinter-handle-internal.h"

#include <string.h>

gboolean
sinter_member_is_file(SinterChain *chain, guint layer, const char *path)
{
    g_autoptr(SinterIo) io =
        *path ? sinter_fs_open(chain->fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL) : NULL;

    return io && sinter_io_is_same_file(io, sinter_chain_layer(chain, layer)->io);
}

static gboolean
member_has_name(SinterChain *chain, guint layer, const char *name)
{
    const SinterImageInfo *above = layer > 0 ? sinter_chain_layer(chain, layer - 1)->info : NULL;
    g_autofree char *resolved = NULL;

    if (strcmp(sinter_chain_layer(chain, layer)->info->path, name) == 0 ||
        (above && g_strcmp0(above->backing_name, name) == 0))
        return TRUE;
    if (above)
        resolved = sinter_image_resolve_name(above->path, name, NULL);
    return (resolved && sinter_member_is_file(chain, layer, resolved)) ||
           sinter_member_is_file(chain, layer, name);
}

gboolean
sinter_member_find(SinterChain *chain, guint first, const char *name, guint *ret, GError **error)
{
    for (guint i = first; i < chain->layers->len; i++) {
        if (member_has_name(chain, i, name)) {
            *ret = i;
            return TRUE;
        }
    }
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "Did not find '%s' in the backing chain of '%s'", name,
                sinter_chain_layer(chain, 0)->info->path);
    sinter_error_set_stage(error, SINTER_STAGE_FIND_MEMBER, name);
    return FALSE;
}

gboolean
sinter_member_lock(SinterChain *chain, guint layer, SinterIoLock mode, GError **error)
{
    SinterImage *image = sinter_chain_layer(chain, layer);

    if (sinter_io_lock(image->io, mode, error) &&
        (image->data_io == image->io || sinter_io_lock(image->data_io, mode, error)))
        return TRUE;
    sinter_error_wrap_open(error, image->info->path);
    return FALSE;
}

SinterIo *
sinter_member_open_io(SinterChain *chain, guint layer, SinterIoFlags flags, GError **error)
{
    SinterImage *image = sinter_chain_layer(chain, layer);
    g_autoptr(SinterIo) io =
        sinter_fs_open(chain->fs, image->info->path,
                       flags | SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE | SINTER_IO_NO_LOCK, error);

    if (!io)
        return NULL;
    if (sinter_io_is_same_file(io, image->io))
        return g_steal_pointer(&io);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_CHAIN_CHANGED,
                "'%s' was replaced since it was opened", image->info->path);
    return NULL;
}

SinterHandle *
sinter_member_open_disk(SinterChain *chain, guint layer, SinterIo *io, GError **error)
{
    const SinterImage *image = sinter_chain_layer(chain, layer);
    const SinterImageInfo *info = image->info;
    guint n_below = chain->layers->len - layer - 1;
    SinterHandleOptions options = { .flags = SINTER_HANDLE_NO_LOCK };

    if (image->probed && image->format->is_flat)
        sinter_format_keep_raw(io);
    if (info->backing_name && n_below > 0)
        options.backing = sinter_chain_slice(chain, layer + 1, n_below);
    return sinter_handle_open_io(chain->fs, io, info->format, &options, error);
}

SinterHandle *
sinter_member_open(SinterChain *chain, guint layer, SinterIoFlags flags, GError **error)
{
    g_autoptr(SinterIo) io = sinter_member_open_io(chain, layer, flags, error);

    return io ? sinter_member_open_disk(chain, layer, io, error) : NULL;
}

gboolean
sinter_member_finish(SinterHandle *handle, GError *failure, GError **error)
{
    GError *flush = NULL;

    if (!failure)
        return sinter_handle_close(handle, error);
    /* a caller that then finds space, or another way, must not pass over a flush that failed */
    if (g_error_matches(failure, SINTER_ERROR, SINTER_ERROR_NO_SPACE) &&
        !sinter_handle_check_flushes(handle, &flush)) {
        g_error_free(failure);
        failure = flush;
    }
    if (g_error_matches(failure, SINTER_ERROR, SINTER_ERROR_CANCELLED))
        sinter_handle_close(handle, NULL);
    else
        sinter_handle_abandon(handle);
    g_propagate_error(error, failure);
    return FALSE;
}

static gboolean
same_folder(const char *a, const char *b)
{
    g_autofree char *first = g_path_get_dirname(a);
    g_autofree char *second = g_path_get_dirname(b);

    return strcmp(first, second) == 0;
}

char *
sinter_member_link_name(SinterChain *chain, guint layer, guint below, GError **error)
{
    const SinterImageInfo *info = sinter_chain_layer(chain, layer)->info;
    const SinterImageInfo *above = sinter_chain_layer(chain, below - 1)->info;
    const char *path = sinter_chain_layer(chain, below)->info->path;
    g_autofree char *full = NULL;

    if (g_path_is_absolute(above->backing_name) || same_folder(info->path, above->path))
        return g_strdup(above->backing_name);
    full = sinter_fs_resolve(chain->fs, path, error);
    if (!full || g_path_is_absolute(full))
        return g_steal_pointer(&full);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' is in another directory than '%s', and its full path is unknown", path,
                info->path);
    return NULL;
}

static gboolean
member_set_backing(SinterImage *image, SinterIo *io, const char *name, const char *format,
                   GError **error)
{
    if (image->format->relink)
        return image->format->relink(io, name, format, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "an image of format '%s' has no backing file", image->format->name);
    return FALSE;
}

gboolean
sinter_member_relink(SinterChain *chain, guint layer, guint below, GError **error)
{
    const SinterImageInfo *info = sinter_chain_layer(chain, layer)->info;
    const char *format = NULL;
    g_autofree char *name = NULL;
    g_autoptr(SinterIo) io = NULL;

    if (below != SINTER_MEMBER_NONE) {
        format = sinter_chain_layer(chain, below)->info->format;
        name = sinter_member_link_name(chain, layer, below, error);
        if (!name)
            return FALSE;
    }
    io = sinter_member_open_io(chain, layer, 0, error);
    if (io && member_set_backing(sinter_chain_layer(chain, layer), io, name, format, error))
        return TRUE;
    sinter_error_prefix(error, "changing the backing file of '%s': ", info->path);
    return FALSE;
}
