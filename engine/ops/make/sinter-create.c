/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Creates images: claims the files, lets the driver write them, makes their names durable.
 * Invariant: a file that is in use is refused before any byte of it changes, and a file that was
 * created here is removed if creating the image fails.
 */

#include "format/sinter-format.h"
#include "sinter-create-check.h"
#include "sinter-create-layout.h"
#include "sinter-error.h"
#include "sinter-file.h"
#include "sinter-output-error.h"
#include "sinter-output.h"

/* A file to be written. */
typedef struct {
    SinterFs *fs; /* not owned */
    char *path;
    SinterIo *io;     /* NULL: not claimed */
    gboolean is_new;  /* created here: removed unless the operation succeeds */
    gboolean is_done; /* keep the file */
} Target;

static void
target_clear(Target *self)
{
    if (self->is_new && !self->is_done)
        sinter_fs_remove(self->fs, self->path, NULL);
    sinter_io_unref(self->io);
    g_free(self->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Target, target_clear)

/* Opens the file or creates it. Its content does not change yet. */
static gboolean
target_claim(Target *self, SinterFs *fs, const char *path, GError **error)
{
    g_autoptr(GError) local = NULL;

    self->fs = fs;
    self->path = g_strdup(path);
    self->io = sinter_fs_open(fs, path, SINTER_IO_WRITE | SINTER_IO_EXCLUSIVE, &local);
    if (!self->io && g_error_matches(local, SINTER_ERROR, SINTER_ERROR_NOT_FOUND)) {
        g_clear_error(&local);
        self->io = sinter_fs_open(fs, path, SINTER_IO_CREATE, &local);
        self->is_new = self->io != NULL;
    }
    if (!self->io) {
        sinter_output_set_error(error, SINTER_STAGE_CREATE, path, path, local);
        return FALSE;
    }
    return sinter_io_lock(self->io, SINTER_IO_LOCK_ALONE, error);
}

/* Returns whether everybody may read a new image with this backing file. */
static gboolean
may_be_read(SinterFs *fs, const char *path, const SinterCreateOptions *options)
{
    g_autofree char *backing = NULL;
    g_autoptr(SinterIo) io = NULL;
    SinterIoStat st;

    if (!options->readable || !options->backing_name)
        return options->readable;
    backing = sinter_image_resolve_name(path, options->backing_name, NULL);
    io = backing ? sinter_fs_open(fs, backing, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL) : NULL;
    return io && sinter_io_stat(io, &st, NULL) && (st.mode & 0004);
}

static gboolean
target_set_mode(Target *self, gboolean readable, GError **error)
{
    guint32 mode = 0600 | (0044 & ~sinter_file_get_umask());

    return !self->io || !self->is_new || !readable || sinter_io_set_mode(self->io, mode, error);
}

/* Empties the file as far as possible, and requests its layout. */
static gboolean
target_empty(Target *self, const SinterCreateOptions *options, GError **error)
{
    SinterIoStat st;

    if (!self->io)
        return TRUE;
    if (!sinter_io_stat(self->io, &st, error))
        return FALSE;
    /* the old header of a device is erased first, so that an interruption leaves no mixture of two
     * images */
    if (st.is_block_device)
        return sinter_io_write_zeros(self->io, 0, MIN(st.size_bytes, 4096), error) &&
               sinter_io_flush(self->io, error);
    if (!sinter_io_truncate(self->io, 0, error))
        return FALSE;
    sinter_create_lay_out(self->io, options);
    return TRUE;
}

static gboolean
target_finish(Target *self, GError **error)
{
    if (self->io && !sinter_fs_sync_folder(self->fs, self->path, error))
        return FALSE;
    self->is_done = TRUE;
    return TRUE;
}

/* An image that is its own backing file would be lost, and so would a backing file that is
 * overwritten. */
static gboolean
check_backing(SinterFs *fs, SinterIo *io, const char *path, const char *backing, GError **error)
{
    g_autofree char *resolved = sinter_image_resolve_name(path, backing, NULL);
    g_autoptr(SinterIo) other = NULL;

    if (resolved)
        other = sinter_fs_open(fs, resolved, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);
    if (!other || !sinter_io_is_same_file(io, other))
        return TRUE;
    g_set_error_literal(
        error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
        "Error: Trying to create an image with the same filename as the backing file");
    return FALSE;
}

static gboolean
create_in(SinterFs *fs, const char *path, const SinterCreateOptions *options, GError **error)
{
    g_auto(Target) image = { 0 };
    g_auto(Target) data = { 0 };
    const SinterFormat *format = sinter_create_find_format(options, error);
    g_autofree char *data_path = NULL;
    gboolean readable;

    if (!format || !target_claim(&image, fs, path, error))
        return FALSE;
    if (options->backing_name && !check_backing(fs, image.io, path, options->backing_name, error))
        return FALSE;
    if (options->data_file_name) {
        data_path = sinter_image_resolve_name(path, options->data_file_name, error);
        if (!data_path || !target_claim(&data, fs, data_path, error))
            return FALSE;
    }
    /* a data file stores the disk unencoded, at the same offsets */
    if (data.io && !sinter_io_check_reach(data.io, options->virtual_size, error))
        return FALSE;
    readable = may_be_read(fs, path, options);
    return target_set_mode(&image, readable, error) && target_set_mode(&data, readable, error) &&
           target_empty(&image, options, error) && target_empty(&data, options, error) &&
           format->create(image.io, data.io, options, error) && target_finish(&data, error) &&
           target_finish(&image, error);
}

gboolean
sinter_image_create(SinterFs *fs, const char *path, const SinterCreateOptions *options,
                    GError **error)
{
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);

    if (!files)
        return FALSE;
    if (create_in(files, path, options, error))
        return TRUE;
    sinter_error_wrap(error, SINTER_STAGE_CREATE_IMAGE, path, "%s: ", path);
    return FALSE;
}
