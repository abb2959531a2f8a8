/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens the output of a conversion and completes it. Invariant: before commit() no named file
 * changes unless it must be written in place, and no image is ever visible that names a data file
 * with content that belongs to another image.
 */

#include "sinter-convert-target.h"
#include "format/sinter-format.h"
#include "sinter-convert-bitmaps.h"
#include "sinter-create-check.h"
#include "sinter-create-layout.h"
#include "sinter-error.h"
#include "sinter-output-error.h"

/* The old header of a device is erased first, so that an interruption leaves no mixture of two
 * images. */
#define DEVICE_HEADER_BYTES 4096

static gboolean
check_room(guint64 there, guint64 wanted, const char *trouble, GError **error)
{
    if (there >= wanted)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE, trouble);
    return FALSE;
}

static gboolean
open_existing(SinterConvertTarget *self, const SinterCreateOptions *image, GError **error)
{
    const SinterHandleOptions how = { .flags = SINTER_HANDLE_PROBE };
    SinterIo *io = sinter_output_get_io(self->output);
    g_autoptr(GError) local = NULL;

    self->handle = sinter_handle_open_io(self->fs, io, image->format, &how, &local);
    if (!self->handle)
        sinter_output_set_error(error, SINTER_STAGE_OPEN, self->path, sinter_io_get_path(io),
                                local);
    return self->handle &&
           check_room(sinter_handle_get_virtual_size(self->handle), image->virtual_size,
                      "output file is smaller than input file", error);
}

static gboolean
make_flat(SinterConvertTarget *self, const SinterCreateOptions *image, GError **error)
{
    SinterIo *io = sinter_output_get_io(self->output);
    guint64 size = image->virtual_size;
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return FALSE;
    if (st.is_block_device ? !check_room(st.size_bytes, size, "Cannot grow device files", error)
                           : !sinter_io_truncate(io, size, error))
        return FALSE;
    if (image->preallocation == SINTER_PREALLOCATION_FALLOC && !st.is_block_device &&
        !sinter_io_allocate(io, 0, size, error))
        return FALSE;
    self->handle = sinter_handle_new_raw(io, size);
    self->is_zero = sinter_output_is_zero(self->output);
    return TRUE;
}

static gboolean
wipe_device(SinterIo *io, GError **error)
{
    SinterIoStat st;

    return sinter_io_stat(io, &st, error) &&
           (!st.is_block_device ||
            (sinter_io_write_zeros(io, 0, MIN(st.size_bytes, DEVICE_HEADER_BYTES), error) &&
             sinter_io_flush(io, error)));
}

static gboolean
open_data_file(SinterConvertTarget *self, const SinterCreateOptions *image, gboolean readable,
               GError **error)
{
    g_autofree char *path = NULL;
    g_autoptr(SinterIo) there = NULL;

    if (!image->data_file_name)
        return TRUE;
    path = sinter_image_resolve_name(self->path, image->data_file_name, error);
    if (!path)
        return FALSE;
    there = sinter_fs_open(self->fs, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, NULL);
    self->data_replaces = there != NULL;
    self->data_output = sinter_output_open(self->fs, path, SINTER_OUTPUT_DEFAULT, readable, error);
    if (!self->data_output)
        return FALSE;
    sinter_create_lay_out(sinter_output_get_io(self->data_output), image);
    return sinter_io_check_reach(sinter_output_get_io(self->data_output), image->virtual_size,
                                 error) &&
           wipe_device(sinter_output_get_io(self->data_output), error);
}

static gboolean
make_image(SinterConvertTarget *self, const SinterFormat *format, const SinterCreateOptions *image,
           SinterChain *backing, GError **error)
{
    g_autoptr(SinterChain) below = backing;
    SinterIo *io = sinter_output_get_io(self->output);
    SinterIo *data_io = self->data_output ? sinter_output_get_io(self->data_output) : NULL;
    SinterHandleOptions how = { .data_io = data_io };

    if (!wipe_device(io, error) || !format->create(io, data_io, image, error))
        return FALSE;
    how.backing = g_steal_pointer(&below);
    self->handle = sinter_handle_open_io(self->fs, io, image->format, &how, error);
    self->is_zero = !image->backing_name;
    return self->handle != NULL;
}

gboolean
sinter_convert_target_open(SinterConvertTarget *self, const SinterCreateOptions *image,
                           SinterOutputFlags flags, gboolean readable, SinterChain *backing,
                           GError **error)
{
    g_autoptr(SinterChain) below = backing;
    const SinterFormat *format = flags & SINTER_OUTPUT_EXISTING
                                     ? sinter_format_find(image->format, error)
                                     : sinter_create_find_format(image, error);

    if (format)
        self->output = sinter_output_open(self->fs, self->path, flags, readable, error);
    if (!self->output)
        return FALSE;
    self->format = format->name;
    if (flags & SINTER_OUTPUT_EXISTING)
        return open_existing(self, image, error);
    sinter_create_lay_out(sinter_output_get_io(self->output), image);
    if (format->is_flat)
        return make_flat(self, image, error);
    return open_data_file(self, image, readable, error) &&
           make_image(self, format, image, g_steal_pointer(&below), error);
}

/*
 * The existing image may name the existing data file, so the image is removed before the data file
 * is replaced. The removal of its name is durable on return.
 */
static gboolean
drop_former(SinterConvertTarget *self, GError **error)
{
    return !self->data_replaces || sinter_output_remove_former(self->output, error);
}

static gboolean
add_bitmaps(SinterConvertTarget *self, GError **error)
{
    SinterConvertBitmaps target = { .fs = self->fs, .format = self->format };

    if (!self->bitmaps_of)
        return TRUE;
    target.path = sinter_output_get_name(self->output, error);
    target.data_io = self->data_output ? sinter_output_get_io(self->data_output) : NULL;
    return target.path &&
           sinter_convert_bitmaps(&target, self->bitmaps_of, self->skip_broken_bitmaps, error);
}

gboolean
sinter_convert_target_commit(SinterConvertTarget *self, GError **error)
{
    /* operations that need space come before the first change of a name */
    if (!sinter_handle_close(g_steal_pointer(&self->handle), error) || !add_bitmaps(self, error))
        return FALSE;
    if (self->prove && !self->prove(sinter_output_get_io(self->output), self->prove_data, error))
        return FALSE;
    if (self->data_output &&
        (!drop_former(self, error) || !sinter_output_commit(self->data_output, error)))
        return FALSE;
    return sinter_output_commit(self->output, error);
}

void
sinter_convert_target_clear(SinterConvertTarget *self)
{
    g_clear_pointer(&self->handle, sinter_handle_abandon);
    g_clear_pointer(&self->data_output, sinter_output_free);
    g_clear_pointer(&self->output, sinter_output_free);
    g_clear_pointer(&self->fs, sinter_fs_unref);
    g_clear_pointer(&self->path, g_free);
}
