/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens a qcow2 image for reading: header, data file, view. It owns all of that until it is
 * closed. What holds: an image that opens has a header without a fatal problem and a view that
 * passed sinter_qcow2_view_check().
 */

#include "qcow2-image.h"
#include "qcow2-snapshot.h"
#include "sinter-error.h"

#include <stdlib.h>

#define CACHE_MIN_BYTES (256 * 1024)
#define L1_CHUNK_ENTRIES 8192

static int
compare_offsets(const void *a, const void *b)
{
    guint64 x = *(const guint64 *)a;
    guint64 y = *(const guint64 *)b;

    return (x > y) - (x < y);
}

/* The offsets of the L2 tables in @view, without zeros. */
static gboolean
view_load_offsets(const SinterQcow2View *view, SinterIo *io, guint64 *offsets, gsize *ret_n,
                  GError **error)
{
    g_autofree guint8 *chunk = g_malloc(L1_CHUNK_ENTRIES * 8);
    gsize n = 0;

    for (guint32 at = 0; at < view->l1_entries; at += L1_CHUNK_ENTRIES) {
        guint32 count = MIN(view->l1_entries - at, L1_CHUNK_ENTRIES);

        if (!sinter_io_read(io, view->l1_offset + (guint64)at * 8, chunk, (gsize)count * 8, error))
            return FALSE;
        for (guint32 i = 0; i < count; i++) {
            offsets[n] = sinter_be64_load(chunk + (gsize)i * 8) & SINTER_QCOW2_OFFSET_MASK;
            n += offsets[n] != 0;
        }
    }
    *ret_n = n;
    return TRUE;
}

/*
 * Two entries for one table would show its content twice. No writer does that, and a small file
 * can so feign a map of any length.
 */
static gboolean
view_check_duplicates(const SinterQcow2View *view, SinterIo *io, GError **error)
{
    g_autofree guint64 *offsets = g_try_malloc(((gsize)view->l1_entries + 1) * 8);
    gsize n = 0;

    if (!offsets) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_FAILED,
                    "not enough memory for an L1 table of %u entries", view->l1_entries);
        return FALSE;
    }
    if (!view_load_offsets(view, io, offsets, &n, error))
        return FALSE;
    qsort(offsets, n, sizeof *offsets, compare_offsets);
    for (gsize i = 1; i < n; i++) {
        if (offsets[i] != offsets[i - 1])
            continue;
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "two L1 entries name the same L2 table, at %" G_GUINT64_FORMAT, offsets[i]);
        return FALSE;
    }
    return TRUE;
}

gboolean
sinter_qcow2_view_check(const SinterQcow2View *view, const SinterQcow2Header *header, SinterIo *io,
                        GError **error)
{
    const SinterQcow2Geometry *geo = &header->geo;
    guint64 bytes = (guint64)view->l1_entries * 8;
    const char *trouble = NULL;

    if (bytes > SINTER_QCOW2_L1_MAX_BYTES)
        trouble = "L1 table too large";
    else if ((view->l1_offset & (geo->cluster_size - 1)) != 0)
        trouble = "L1 table offset invalid";
    else if (bytes > 0 &&
             (view->l1_offset > header->file_bytes || bytes > header->file_bytes - view->l1_offset))
        trouble = "L1 table lies beyond the end of the file";
    else if (view->virtual_size_bytes > G_MAXINT64 ||
             view->l1_entries < sinter_qcow2_geometry_l1_entries(geo, view->virtual_size_bytes))
        trouble = "L1 table is too small";
    if (trouble) {
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, trouble);
        return FALSE;
    }
    return view_check_duplicates(view, io, error);
}

static gboolean
image_open_data_file(SinterQcow2Image *self, SinterIoFlags flags, GError **error)
{
    SinterImage *image = self->image;
    g_autofree char *path = NULL;
    g_autoptr(SinterIo) io = NULL;

    if (!self->header->geo.external_data)
        return TRUE;
    path = sinter_image_resolve_name(image->info->path, self->header->data_file_name, error);
    if (path)
        io = sinter_fs_open(image->fs, path, flags, error);
    if (!io || !sinter_io_lock(io, SINTER_IO_LOCK_SHARED, error)) {
        g_prefix_error(error, "Could not open the data file: ");
        return FALSE;
    }
    sinter_io_unref(image->data_io);
    image->data_io = g_steal_pointer(&io);
    return TRUE;
}

static gboolean
image_choose_view(SinterQcow2Image *self, const char *snapshot, GError **error)
{
    if (snapshot)
        return sinter_qcow2_snapshot_find_view(self->image->io, self->header, snapshot, &self->view,
                                               error);
    self->view = (SinterQcow2View){
        .l1_offset = self->header->l1_offset,
        .l1_entries = self->header->l1_entries,
        .virtual_size_bytes = self->header->virtual_size_bytes,
    };
    return TRUE;
}

gboolean
sinter_qcow2_image_open(SinterImage *image, const char *snapshot, SinterIoFlags flags,
                        gsize cache_bytes, GError **error)
{
    SinterQcow2Image *self = g_new0(SinterQcow2Image, 1);

    image->state = self;
    self->image = image;
    self->header = sinter_qcow2_header_read(image->io, error);
    if (!self->header || !sinter_qcow2_header_require_usable(self->header, error) ||
        !image_choose_view(self, snapshot, error) ||
        !sinter_qcow2_view_check(&self->view, self->header, image->io, error) ||
        !image_open_data_file(self, flags, error))
        return FALSE;
    self->cache =
        sinter_qcow2_cache_new(image->io, self->header->geo.cluster_size, self->header->file_bytes,
                               MAX(cache_bytes, CACHE_MIN_BYTES), error);
    image->virtual_size = self->view.virtual_size_bytes;
    image->host_unit_bytes = self->header->geo.cluster_size;
    return self->cache != NULL;
}

void
sinter_qcow2_image_close(SinterImage *image)
{
    SinterQcow2Image *self = image->state;

    if (!self)
        return;
    sinter_qcow2_cache_free(self->cache);
    sinter_qcow2_header_free(self->header);
    g_free(self);
}
