/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Information about one image. Invariant: exactly one file is opened; names found in it are
 * resolved as text, but never opened.
 */

#include "sinter-format.h"
#include "sinter-error.h"

#include <string.h>

/*
 * A name with a colon before its first slash is a protocol for QEMU, and so here: a remote or
 * nested image for QEMU must not be treated as a local file.
 */
static gboolean
name_is_protocol(const char *name)
{
    return name[strcspn(name, ":/")] == ':';
}

/* QEMU takes a relative path in JSON as relative to the current folder, which is no image's. */
static char *
resolve_json(const char *name, GError **error)
{
    g_auto(SinterImageName) parsed = { 0 };

    if (!sinter_image_name_parse(name, &parsed, error)) {
        sinter_error_prefix(error, "'%s': ", name);
        return NULL;
    }
    if (parsed.path && g_path_is_absolute(parsed.path) && !parsed.no_backing)
        return g_steal_pointer(&parsed.path);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                "'%s' does not name a file with an absolute path", name);
    return NULL;
}

char *
sinter_image_resolve_name(const char *image_path, const char *name, GError **error)
{
    g_autofree char *folder = NULL;
    g_autofree char *path = NULL;

    if (sinter_image_name_is_json(name))
        return resolve_json(name, error);
    if (*name == '\0' || name_is_protocol(name)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "'%s' is not a plain path",
                    name);
        return NULL;
    }
    if (g_path_is_absolute(name) || !strchr(image_path, '/'))
        return g_strdup(name);
    folder = g_path_get_dirname(image_path);
    path = g_build_filename(folder, name, NULL);
    return name_is_protocol(path) ? g_build_filename(".", path, NULL) : g_steal_pointer(&path);
}

SinterImageInfo *
sinter_image_info_new_for_driver(SinterIo *io, const SinterFormat *format, GError **error)
{
    g_autoptr(SinterImageInfo) info = g_new0(SinterImageInfo, 1);
    SinterIoStat st;

    if (!sinter_io_stat(io, &st, error))
        return NULL;
    info->path = g_strdup(sinter_io_get_path(io));
    info->format = g_strdup(format->name);
    info->file_size = st.size_bytes;
    info->allocated_size = st.allocated_bytes;
    return format->inspect(io, info, error) ? g_steal_pointer(&info) : NULL;
}

SinterImageInfo *
sinter_image_info_new_for_io(SinterIo *io, const char *format, GError **error)
{
    const SinterFormat *driver = sinter_format_choose(io, format, error);
    SinterImageInfo *info = driver ? sinter_image_info_new_for_driver(io, driver, error) : NULL;

    if (!info)
        sinter_error_wrap_open(error, sinter_io_get_path(io));
    return info;
}

SinterImageInfo *
sinter_image_info_new(SinterFs *fs, const char *path, const char *format, GError **error)
{
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io = NULL;

    if (!files)
        return NULL;
    io = sinter_fs_open(files, path, SINTER_IO_READ | SINTER_IO_NO_LOCK, error);
    return io ? sinter_image_info_new_for_io(io, format, error) : NULL;
}

void
sinter_image_info_free(SinterImageInfo *info)
{
    if (!info)
        return;
    g_free(info->path);
    g_free(info->format);
    g_free(info->backing_name);
    g_free(info->backing_format);
    g_free(info->backing_path);
    g_free(info->data_file_name);
    g_free(info->data_file_path);
    g_free(info->encryption);
    g_free(info->looks_like);
    g_free(info->trouble);
    g_free(info->compression);
    g_free(info);
}

static void
snapshot_info_free(gpointer data)
{
    SinterSnapshotInfo *self = data;

    g_free(self->id);
    g_free(self->name);
    g_free(self);
}

static void
bitmap_info_free(gpointer data)
{
    g_free(((SinterBitmapInfo *)data)->name);
    g_free(data);
}

GPtrArray *
sinter_image_list_snapshots(SinterIo *io, const char *format, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(snapshot_info_free);
    const SinterFormat *driver = sinter_format_choose(io, format, error);

    if (!driver || (driver->list_snapshots && !driver->list_snapshots(io, list, error)))
        return NULL;
    return g_steal_pointer(&list);
}

GPtrArray *
sinter_image_list_bitmaps(SinterIo *io, const char *format, GError **error)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new_with_free_func(bitmap_info_free);
    const SinterFormat *driver = sinter_format_choose(io, format, error);

    if (!driver || (driver->list_bitmaps && !driver->list_bitmaps(io, list, error)))
        return NULL;
    return g_steal_pointer(&list);
}

SinterLuksInfo *
sinter_image_luks_info_new(SinterIo *io, const char *format, GError **error)
{
    g_autoptr(SinterLuksInfo) info = g_new0(SinterLuksInfo, 1);
    const SinterFormat *driver = sinter_format_choose(io, format, error);

    if (!driver)
        return NULL;
    if (!driver->read_luks) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "'%s' is not encrypted with LUKS", sinter_io_get_path(io));
        return NULL;
    }
    return driver->read_luks(io, info, error) ? g_steal_pointer(&info) : NULL;
}

void
sinter_luks_info_free(SinterLuksInfo *info)
{
    if (!info)
        return;
    g_free(info->cipher);
    g_free(info->mode);
    g_free(info->iv_generator);
    g_free(info->iv_hash);
    g_free(info->hash);
    g_free(info->uuid);
    g_free(info);
}
