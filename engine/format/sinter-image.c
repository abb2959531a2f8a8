/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens one image and reads extents of it. It owns what all formats share: the lock, the choice of
 * the format, and the rule for data missing from a truncated file. Invariant: bytes that an image
 * claims to hold are read or reported missing, never invented.
 */

#include "sinter-image.h"
#include "sinter-error.h"

#include <string.h>

/* For formats that do not set it: a sector. */
#define DEFAULT_HOST_UNIT_BYTES 512
/* How much of the disk counts as lost if a format without clusters cannot map an offset. */
#define LOST_UNIT_BYTES 4096

static gboolean
image_prepare(SinterImage *self, const SinterImageOptions *options, GError **error)
{
    const SinterFormatOpen how = {
        .snapshot = options->snapshot,
        .flags = options->flags,
        .cache_bytes = options->cache_bytes,
    };

    self->format = sinter_format_choose(self->io, options->format, error);
    if (!self->format)
        return FALSE;
    self->probed = options->format == NULL;
    self->info = sinter_image_info_new_for_driver(self->io, self->format, error);
    if (!self->info)
        return FALSE;
    self->data_io = sinter_io_ref(self->io);
    self->encrypted = self->info->encrypted;
    self->virtual_size = self->info->virtual_size;
    self->host_unit_bytes = DEFAULT_HOST_UNIT_BYTES;
    self->salvages = options->salvages && self->format->salvage_open;
    return self->salvages ? self->format->salvage_open(self, &how, error)
                          : self->format->open(self, &how, error);
}

SinterImage *
sinter_image_open(SinterFs *fs, const char *path, const SinterImageOptions *options, GError **error)
{
    g_autoptr(SinterImage) self = g_new0(SinterImage, 1);

    self->fs = sinter_fs_ref(fs);
    self->io = sinter_fs_open(fs, path, options->flags, error);
    if (!self->io)
        return NULL;
    if (!sinter_io_lock(self->io, SINTER_IO_LOCK_SHARED, error) ||
        !image_prepare(self, options, error)) {
        sinter_error_wrap_open(error, path);
        return NULL;
    }
    return g_steal_pointer(&self);
}

void
sinter_image_close(SinterImage *image)
{
    if (!image)
        return;
    if (image->format && image->format->close)
        image->format->close(image);
    sinter_image_info_free(image->info);
    sinter_io_unref(image->data_io);
    sinter_io_unref(image->io);
    sinter_fs_unref(image->fs);
    g_free(image);
}

gboolean
sinter_image_map(SinterImage *image, guint64 offset, guint64 len, SinterExtent *ret, GError **error)
{
    return image->format->map(image, offset, MIN(len, image->virtual_size - offset), ret, error);
}

/* Returns the loss that @error of map() means, for a format that cannot describe damage. */
static SinterLoss
image_loss(const GError *error)
{
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_SHORT_READ))
        return SINTER_LOSS_SHORT_READ;
    return sinter_error_get_errno(error) != 0 ? SINTER_LOSS_READ_ERROR : SINTER_LOSS_MAPPING;
}

void
sinter_image_salvage_map(SinterImage *image, guint64 offset, guint64 len, SinterFormatSalvage *ret)
{
    guint64 unit = image->info->cluster_size ? image->info->cluster_size : LOST_UNIT_BYTES;
    g_autoptr(GError) error = NULL;

    *ret = (SinterFormatSalvage){ 0 };
    len = MIN(len, image->virtual_size - offset);
    if (image->salvages) {
        image->format->salvage_map(image, offset, len, ret);
        return;
    }
    if (image->format->map(image, offset, len, &ret->extent, &error))
        return;
    *ret = (SinterFormatSalvage){ .extent = { .offset = offset,
                                              .length = MIN(len, unit - offset % unit) },
                                  .loss = image_loss(error),
                                  .errnum = sinter_error_get_errno(error) };
}

static gboolean
image_read_data(SinterImage *self, const SinterExtent *run, void *buf, GError **error)
{
    gsize n = 0;
    SinterIoStat st;

    if (!sinter_io_read_some(self->data_io, run->host_offset, buf, run->length, &n, error))
        return FALSE;
    if (n == run->length)
        return TRUE;
    if (!sinter_io_stat(self->data_io, &st, error))
        return FALSE;
    /* the file's last unit may be incomplete, and then ends in zeros */
    if (run->host_offset + run->length > (st.size_bytes + self->host_unit_bytes - 1) /
                                             self->host_unit_bytes * self->host_unit_bytes) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s' ends at %" G_GUINT64_FORMAT
                    ", but the data of guest offset %" G_GUINT64_FORMAT " is at %" G_GUINT64_FORMAT
                    " to %" G_GUINT64_FORMAT
                    ": the file was truncated; 'sinter-img salvage' copies what can be read",
                    sinter_io_get_path(self->data_io), st.size_bytes, run->offset, run->host_offset,
                    run->host_offset + run->length);
        return FALSE;
    }
    memset((guint8 *)buf + n, 0, run->length - n);
    return TRUE;
}

gboolean
sinter_image_read_run(SinterImage *image, const SinterExtent *run, void *buf, GError **error)
{
    if (run->kind != SINTER_EXTENT_DATA && run->kind != SINTER_EXTENT_COMPRESSED) {
        memset(buf, 0, run->length);
        return TRUE;
    }
    if (image->encrypted) {
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
            "reading '%s': it is encrypted (%s); without the key, only its metadata can be read",
            image->info->path, image->info->encryption);
        return FALSE;
    }
    if (run->kind == SINTER_EXTENT_COMPRESSED)
        return image->format->read_compressed(image, run->offset, buf, run->length, error);
    return image_read_data(image, run, buf, error);
}

gboolean
sinter_image_is_preallocated(SinterImage *image)
{
    return image->format->is_preallocated && image->format->is_preallocated(image);
}

/* --- for drivers --- */

SinterIo *
sinter_image_get_io(SinterImage *image)
{
    return image->io;
}

SinterFs *
sinter_image_get_fs(SinterImage *image)
{
    return image->fs;
}

const SinterImageInfo *
sinter_image_get_info(SinterImage *image)
{
    return image->info;
}

gpointer
sinter_image_get_state(SinterImage *image)
{
    return image->state;
}

void
sinter_image_set_state(SinterImage *image, gpointer state)
{
    image->state = state;
}

guint64
sinter_image_get_virtual_size(SinterImage *image)
{
    return image->virtual_size;
}

void
sinter_image_set_virtual_size(SinterImage *image, guint64 virtual_size)
{
    image->virtual_size = virtual_size;
}

void
sinter_image_set_host_unit(SinterImage *image, guint64 unit_bytes)
{
    image->host_unit_bytes = unit_bytes;
}

void
sinter_image_set_data_io(SinterImage *image, SinterIo *data_io)
{
    sinter_io_ref(data_io);
    sinter_io_unref(image->data_io);
    image->data_io = data_io;
}

gboolean
sinter_image_count_used(SinterFs *fs, const char *path, const char *format, guint64 *ret_bytes,
                        GError **error)
{
    const SinterImageOptions options = { .format = format, .flags = SINTER_IO_NO_LOCK };
    g_autoptr(SinterFs) host = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, NULL);
    g_autoptr(SinterImage) image = sinter_image_open(host, path, &options, error);

    if (!image)
        return FALSE;
    if (image->format->count_used)
        return image->format->count_used(image, ret_bytes, error);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "format '%s' does not record what an image uses of its file", image->format->name);
    return FALSE;
}
