/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens a chain of images, member by member, and owns them. Invariant: a member is opened only by a
 * plain path, with the format that its overlay states (unless probing was requested), and never
 * twice: paths are compared by the file that they refer to, so a chain cannot loop.
 */

#include "sinter-chain.h"
#include "sinter-error.h"

#define DEFAULT_CACHE_BYTES (32 * 1024 * 1024)
#define LAYER_CACHE_MAX_BYTES (16 * 1024 * 1024)
/* An error is prefixed with at most this many steps. */
#define STEPS_MAX 8

static gboolean
chain_check_loop(SinterChain *self, SinterImage *image, GError **error)
{
    SinterIoStat mine;

    if (!sinter_io_stat(image->io, &mine, error))
        return FALSE;
    for (guint i = 0; i < self->layers->len; i++) {
        if (sinter_io_stat_same_file(&mine, &g_array_index(self->files, SinterIoStat, i))) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                        "the backing chain loops: it is the same file as '%s'",
                        sinter_chain_layer(self, i)->info->path);
            return FALSE;
        }
    }
    g_array_append_val(self->files, mine);
    return TRUE;
}

/* Returns the backing file of @image and its format. */
static gboolean
chain_next_member(SinterImage *image, gboolean probe, char **ret_path, char **ret_format,
                  GError **error)
{
    const SinterImageInfo *info = image->info;
    g_autofree char *path = sinter_image_resolve_name(info->path, info->backing_name, error);
    g_autofree char *format = NULL;

    if (!path ||
        !sinter_image_name_get_format(info->backing_name, info->backing_format, &format, error))
        return FALSE;
    if (!format && !probe) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "the image does not store the format of its backing file '%s'; store it with "
                    "'sinter-img rebase -u -b NAME -F FORMAT'",
                    path);
        return FALSE;
    }
    g_free(*ret_path);
    g_free(*ret_format);
    *ret_path = g_steal_pointer(&path);
    *ret_format = g_steal_pointer(&format);
    return TRUE;
}

/* Opens the member at @path and adds it. */
static gboolean
chain_add(SinterChain *self, const char *path, const SinterImageOptions *options, GError **error)
{
    g_autoptr(SinterImage) image = NULL;

    if (self->layers->len == SINTER_CHAIN_MAX_LAYERS) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "the chain is deeper than %d images", SINTER_CHAIN_MAX_LAYERS);
        return FALSE;
    }
    image = sinter_image_open(self->fs, path, options, error);
    if (!image)
        return FALSE;
    if (!chain_check_loop(self, image, error)) {
        sinter_error_wrap_open(error, path);
        return FALSE;
    }
    g_ptr_array_add(self->layers, g_steal_pointer(&image));
    return TRUE;
}

/*
 * Prefixes an error of a lower member with each step from the top, in the words of QEMU's tools;
 * many steps are not repeated, since the error names the member.
 */
static void
chain_prefix_error(SinterChain *self, GError **error)
{
    guint n = self->layers->len > STEPS_MAX ? 1 : self->layers->len;

    for (guint i = 0; i < n; i++)
        sinter_error_wrap(error, SINTER_STAGE_OPEN_BACKING, NULL, "Could not open backing file: ");
    if (self->layers->len > 0)
        sinter_error_wrap_open(error, sinter_chain_layer(self, 0)->info->path);
}

static gboolean
chain_open_members(SinterChain *self, const char *top, const SinterChainOptions *options,
                   GError **error)
{
    gboolean probe = (options->flags & SINTER_CHAIN_PROBE) != 0;
    g_autofree char *path = g_strdup(top);
    g_autofree char *format = g_strdup(options->format);
    SinterImageOptions member = { .snapshot = options->snapshot,
                                  .cache_bytes = options->cache_bytes };

    if (!format && !probe) {
        sinter_error_set_open(error, SINTER_ERROR_INVALID_ARGUMENT, path,
                              "its format must be given");
        return FALSE;
    }
    if (options->flags & SINTER_CHAIN_NO_LOCK)
        member.flags |= SINTER_IO_NO_LOCK;
    if (options->flags & SINTER_CHAIN_DIRECT)
        member.flags |= SINTER_IO_DIRECT;
    for (;;) {
        SinterImage *image;

        member.format = format;
        if (!chain_add(self, path, &member, error))
            return FALSE;
        image = sinter_chain_layer(self, self->layers->len - 1);
        if (!image->info->backing_name || (options->flags & SINTER_CHAIN_NO_BACKING) ||
            self->layers->len == options->n_layers)
            return TRUE;
        if (!chain_next_member(image, probe, &path, &format, error))
            return FALSE;
        /* deeper members share what is left, so that a deep chain costs no more than a flat one */
        member.snapshot = NULL;
        member.cache_bytes /= 2;
    }
}

SinterChain *
sinter_chain_open(const char *path, const SinterChainOptions *options, GError **error)
{
    g_autoptr(SinterChain) self = g_new0(SinterChain, 1);
    SinterChainOptions full = options ? *options : (SinterChainOptions){ 0 };

    self->layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_image_close);
    self->fs = full.fs ? sinter_fs_ref(full.fs) : sinter_fs_new_host(NULL, error);
    if (!self->fs)
        return NULL;
    if (full.cache_bytes == 0)
        full.cache_bytes = DEFAULT_CACHE_BYTES;
    full.cache_bytes = MIN(full.cache_bytes / 2, LAYER_CACHE_MAX_BYTES);
    self->files = g_array_new(FALSE, FALSE, sizeof(SinterIoStat));
    if (!chain_open_members(self, path, &full, error)) {
        chain_prefix_error(self, error);
        return NULL;
    }
    g_clear_pointer(&self->files, g_array_unref);
    return g_steal_pointer(&self);
}

SinterChain *
sinter_chain_slice(SinterChain *chain, guint first, guint n)
{
    SinterChain *self = g_new0(SinterChain, 1);

    g_assert(n > 0 && first < chain->layers->len && n <= chain->layers->len - first);
    self->fs = sinter_fs_ref(chain->fs);
    self->layers = g_ptr_array_new();
    for (guint i = 0; i < n; i++)
        g_ptr_array_add(self->layers, sinter_chain_layer(chain, first + i));
    return self;
}

void
sinter_chain_free(SinterChain *chain)
{
    if (!chain)
        return;
    g_ptr_array_unref(chain->layers);
    g_clear_pointer(&chain->files, g_array_unref);
    sinter_fs_unref(chain->fs);
    g_free(chain);
}

guint64
sinter_chain_get_virtual_size(SinterChain *chain)
{
    return sinter_chain_layer(chain, 0)->virtual_size;
}

guint
sinter_chain_get_n_layers(SinterChain *chain)
{
    return chain->layers->len;
}

const SinterImageInfo *
sinter_chain_get_info(SinterChain *chain, guint layer)
{
    g_return_val_if_fail(layer < chain->layers->len, NULL);
    return sinter_chain_layer(chain, layer)->info;
}

SinterIo *
sinter_chain_get_data_io(SinterChain *chain, guint layer)
{
    g_return_val_if_fail(layer < chain->layers->len, NULL);
    return sinter_chain_layer(chain, layer)->data_io;
}

gboolean
sinter_chain_check_range(SinterChain *chain, guint64 offset, guint64 length, GError **error)
{
    guint64 size = sinter_chain_get_virtual_size(chain);

    if (offset <= size && length <= size - offset)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "%" G_GUINT64_FORMAT " bytes at offset %" G_GUINT64_FORMAT
                " are beyond the end of the disk '%s' at %" G_GUINT64_FORMAT,
                length, offset, sinter_chain_layer(chain, 0)->info->path, size);
    return FALSE;
}
