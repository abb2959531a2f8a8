/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens, continues and completes the output of a salvage. Invariant: an output under its final name
 * is complete, and no existing file is replaced by one that can be continued.
 */

#include "sinter-salvage-target.h"
#include "io/sinter-io.h"
#include "ops/transfer/sinter-bytes.h"
#include "sinter-error.h"

static gboolean
target_stat(SinterFs *fs, const char *path, SinterIoStat *ret, gboolean *ret_exists, GError **error)
{
    g_autoptr(GError) failed = NULL;
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, &failed);

    *ret_exists = io != NULL;
    if (io)
        return sinter_io_stat(io, ret, error);
    if (g_error_matches(failed, SINTER_ERROR, SINTER_ERROR_NOT_FOUND))
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&failed));
    return FALSE;
}

static gboolean
open_draft(SinterSalvageTarget *self, const char *path, const SinterCreateOptions *image,
           const SinterSalvageOptions *options, gboolean readable, GError **error)
{
    SinterConvertTarget *draft = &self->draft;

    draft->path = g_strdup(path);
    draft->fs = options->fs ? sinter_fs_ref(options->fs) : sinter_fs_new_host(NULL, error);
    if (!draft->fs ||
        !sinter_convert_target_open(draft, image, SINTER_OUTPUT_DEFAULT, readable, NULL, error))
        return FALSE;
    self->handle = draft->handle;
    self->is_zero = draft->is_zero;
    return TRUE;
}

/* A new output that can be continued: neither its final nor its partial name may be in use. */
static gboolean
create_partial(SinterSalvageTarget *self, const SinterCreateOptions *image, gboolean is_device,
               GError **error)
{
    SinterIoStat st;
    gboolean exists = FALSE;

    if (is_device) {
        g_clear_pointer(&self->partial, g_free);
    } else {
        if (!target_stat(self->fs, self->partial, &st, &exists, error))
            return FALSE;
        if (exists)
            return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                       "'%s' exists, but there is no map file to continue it with; "
                                       "remove it to start again",
                                       self->partial);
        self->is_zero = TRUE;
    }
    return sinter_image_create(self->fs, self->partial ? self->partial : self->path, image, error);
}

/* Chooses the file that an earlier run wrote. */
static gboolean
find_former(SinterSalvageTarget *self, gboolean has_output, GError **error)
{
    SinterIoStat st;
    gboolean has_partial = FALSE;

    if (!target_stat(self->fs, self->partial, &st, &has_partial, error))
        return FALSE;
    if (has_partial)
        return TRUE;
    if (!has_output)
        return sinter_error_refuse(error, SINTER_ERROR_NOT_FOUND,
                                   "there is a map file, but neither '%s' nor '%s' exists; remove "
                                   "the map file to start again",
                                   self->partial, self->path);
    g_clear_pointer(&self->partial, g_free);
    return TRUE;
}

static gboolean
check_size(SinterSalvageTarget *self, const SinterCreateOptions *image, GError **error)
{
    guint64 size = sinter_handle_get_virtual_size(self->handle);

    return size >= image->virtual_size ||
           sinter_error_refuse(error, SINTER_ERROR_CHAIN_CHANGED,
                               "'%s' has %" G_GUINT64_FORMAT " bytes, the disk %" G_GUINT64_FORMAT,
                               self->partial ? self->partial : self->path, size,
                               image->virtual_size);
}

static gboolean
open_resumable(SinterSalvageTarget *self, const char *path, const SinterCreateOptions *image,
               const SinterSalvageOptions *options, GError **error)
{
    SinterIoStat st = { 0 };
    gboolean exists = FALSE;

    self->fs = options->fs ? sinter_fs_ref(options->fs) : sinter_fs_new_host(NULL, error);
    self->path = g_strdup(path);
    self->partial = g_strconcat(path, SINTER_SALVAGE_PARTIAL_SUFFIX, NULL);
    if (!self->fs || !target_stat(self->fs, path, &st, &exists, error))
        return FALSE;
    if (!options->former_map && exists && !st.is_block_device)
        return sinter_error_refuse(error, SINTER_ERROR_INVALID_ARGUMENT,
                                   "'%s' exists, but there is no map file to continue it with",
                                   path);
    if (options->former_map ? !find_former(self, exists, error)
                            : !create_partial(self, image, st.is_block_device, error))
        return FALSE;
    self->handle = sinter_handle_open(self->fs, self->partial ? self->partial : self->path,
                                      image->format, SINTER_HANDLE_DEFAULT, error);
    return self->handle && check_size(self, image, error);
}

gboolean
sinter_salvage_target_open(SinterSalvageTarget *self, const char *path,
                           const SinterCreateOptions *image, const SinterSalvageOptions *options,
                           gboolean readable, GError **error)
{
    *self = (SinterSalvageTarget){ 0 };
    return options->save ? open_resumable(self, path, image, options, error)
                         : open_draft(self, path, image, options, readable, error);
}

gboolean
sinter_salvage_target_put_zeros(SinterSalvageTarget *self, guint64 offset, guint64 length,
                                GError **error)
{
    return self->is_zero || sinter_handle_zero_at(self->handle, offset, length, error);
}

gboolean
sinter_salvage_target_put(SinterSalvageTarget *self, guint64 offset, const guint8 *buf,
                          gsize length, GError **error)
{
    return sinter_bytes_are_zero(buf, length)
               ? sinter_salvage_target_put_zeros(self, offset, length, error)
               : sinter_handle_write_at(self->handle, offset, buf, length, error);
}

gboolean
sinter_salvage_target_commit(SinterSalvageTarget *self, GError **error)
{
    SinterHandle *handle = g_steal_pointer(&self->handle);

    if (!self->fs)
        return sinter_convert_target_commit(&self->draft, error);
    return sinter_handle_close(handle, error) &&
           (!self->partial ||
            (sinter_fs_rename(self->fs, self->partial, self->path, FALSE, error) &&
             sinter_fs_sync_folder(self->fs, self->path, error)));
}

void
sinter_salvage_target_clear(SinterSalvageTarget *self)
{
    if (self->fs)
        g_clear_pointer(&self->handle, sinter_handle_abandon);
    sinter_convert_target_clear(&self->draft);
    g_clear_pointer(&self->fs, sinter_fs_unref);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->partial, g_free);
}
