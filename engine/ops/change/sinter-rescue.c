/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Rescues images, for any format: opens and locks the image, calls the driver, and copies data
 * without a place into files. Invariant: an image that is only searched is opened for reading; a
 * copied file is durable before success is reported.
 */

#include "sinter/rescue.h"
#include "sinter/chain.h"
#include "format/sinter-format.h"
#include "io/sinter-io.h"
#include "sinter-error.h"

static const char *const confidence_names[] = { "none", "likely", "certain" };
static const char *const kind_names[] = { "header", "l2-table", "data", "l2-entry" };

const char *
sinter_rescue_confidence_name(SinterRescueConfidence confidence)
{
    return confidence_names[confidence];
}

const char *
sinter_rescue_kind_name(SinterRescueKind kind)
{
    return kind_names[kind];
}

static void
step_clear(gpointer data)
{
    g_free(((SinterRescueStep *)data)->reasons);
}

static SinterRescueResult *
result_new(const char *path)
{
    SinterRescueResult *self = g_new0(SinterRescueResult, 1);

    self->path = g_strdup(path);
    self->steps = g_array_new(FALSE, FALSE, sizeof(SinterRescueStep));
    g_array_set_clear_func(self->steps, step_clear);
    self->unplaced = g_array_new(FALSE, FALSE, sizeof(SinterRescueRange));
    return self;
}

void
sinter_rescue_result_free(SinterRescueResult *result)
{
    if (!result)
        return;
    g_free(result->path);
    g_free(result->question);
    g_array_unref(result->steps);
    g_array_unref(result->unplaced);
    g_free(result);
}

guint64
sinter_rescue_result_guest_bytes(const SinterRescueResult *result,
                                 SinterRescueConfidence confidence)
{
    guint64 bytes = 0;

    for (guint i = 0; i < result->steps->len; i++) {
        const SinterRescueStep *step = &g_array_index(result->steps, SinterRescueStep, i);

        if (step->confidence >= confidence)
            bytes += step->guest_bytes;
    }
    return bytes;
}

/*
 * Opens the backing file that the image names or, without a header, the caller. NULL without an
 * error: it is evidence only, and its format is never probed.
 */
static SinterChain *
open_backing(SinterFs *fs, SinterIo *io, const SinterFormat *driver,
             const SinterRescueOptions *options)
{
    g_autoptr(SinterImageInfo) info = sinter_image_info_new_for_driver(io, driver, NULL);
    const char *image = sinter_io_get_path(io);
    g_autofree char *path = NULL;
    SinterChainOptions how = { .fs = fs };

    if (info && info->backing_path) {
        path = g_strdup(info->backing_path);
        how.format = info->backing_format;
    } else if (options->backing_name) {
        path = sinter_image_resolve_name(image, options->backing_name, NULL);
        how.format = options->backing_format;
    }
    return path && how.format ? sinter_chain_open(path, &how, NULL) : NULL;
}

static gboolean
read_chain(guint64 offset, void *buf, gsize len, gpointer chain, GError **error)
{
    return sinter_chain_read(chain, offset, buf, len, error);
}

static SinterRescueResult *
rescue_io(SinterFs *fs, SinterIo *io, const char *format, const SinterRescueOptions *wanted,
          GError **error)
{
    const SinterFormat *driver = sinter_format_choose(io, format, error);
    SinterRescueOptions options = *wanted;
    g_autoptr(SinterChain) backing = NULL;
    g_autoptr(SinterRescueResult) result = result_new(sinter_io_get_path(io));

    if (!driver)
        return NULL;
    if (!driver->rescue) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "Format driver '%s' does not support rescuing", driver->name);
        return NULL;
    }
    if (!options.read_backing)
        backing = open_backing(fs, io, driver, &options);
    if (backing) {
        options.read_backing = read_chain;
        options.backing_data = backing;
        options.backing_bytes = sinter_chain_get_virtual_size(backing);
    }
    if (!sinter_io_lock(io, options.apply ? SINTER_IO_LOCK_ALONE : SINTER_IO_LOCK_SHARED, error) ||
        !driver->rescue(io, &options, result, error))
        return NULL;
    return g_steal_pointer(&result);
}

SinterRescueResult *
sinter_image_rescue(SinterFs *fs, const char *path, const char *format,
                    const SinterRescueOptions *options, GError **error)
{
    const SinterRescueOptions none = { 0 };
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io = NULL;
    SinterRescueResult *result;

    if (!options)
        options = &none;
    if (files)
        io = sinter_fs_open(files, path, options->apply ? SINTER_IO_WRITE : SINTER_IO_READ, error);
    if (!io)
        return NULL;
    result = rescue_io(files, io, format, options, error);
    if (!result)
        sinter_error_prefix(error, "Could not rescue '%s': ", path);
    return result;
}

static gboolean
extract_range(SinterFs *fs, SinterIo *io, const char *folder, const SinterRescueRange *range,
              GError **error)
{
    g_autofree char *name =
        g_strdup_printf("%s/host-%016" G_GINT64_MODIFIER "x", folder, range->offset);
    g_autoptr(SinterIo) copy = sinter_fs_open(fs, name, SINTER_IO_CREATE, error);

    return copy && sinter_io_copy(copy, 0, io, range->offset, range->bytes, error) &&
           sinter_io_flush(copy, error);
}

gboolean
sinter_rescue_result_extract(const SinterRescueResult *result, SinterFs *fs, const char *folder,
                             GError **error)
{
    g_autoptr(SinterFs) files = fs ? sinter_fs_ref(fs) : sinter_fs_new_host(NULL, error);
    g_autoptr(SinterIo) io =
        files ? sinter_fs_open(files, result->path, SINTER_IO_READ, error) : NULL;
    g_autofree char *inside = g_strdup_printf("%s/.", folder);

    if (!io || !sinter_io_lock(io, SINTER_IO_LOCK_SHARED, error))
        return FALSE;
    for (guint i = 0; i < result->unplaced->len; i++) {
        const SinterRescueRange *range = &g_array_index(result->unplaced, SinterRescueRange, i);

        if (!extract_range(files, io, folder, range, error))
            return FALSE;
    }
    return sinter_fs_sync_folder(files, inside, error);
}
