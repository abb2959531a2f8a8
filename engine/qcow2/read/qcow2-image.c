/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Opens a qcow2 image for reading: header, data file, view. It owns them until the image is closed.
 * Invariant: an open image has a header without a fatal problem and a view that passed
 * sinter_qcow2_l1_table_check(). (Damaged images are opened by qcow2-salvage.c.)
 */

#include "qcow2-image.h"
#include "qcow2-snapshot.h"
#include "sinter-error.h"

#define CACHE_MIN_BYTES (256 * 1024)

gboolean
sinter_qcow2_image_open_data_file(SinterQcow2Image *self, SinterIoFlags flags, GError **error)
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
        sinter_error_wrap(error, SINTER_STAGE_OPEN_DATA_FILE, NULL,
                          "Could not open the data file: ");
        return FALSE;
    }
    sinter_io_unref(image->data_io);
    image->data_io = g_steal_pointer(&io);
    return TRUE;
}

gboolean
sinter_qcow2_image_choose_view(SinterQcow2Image *self, const char *snapshot, GError **error)
{
    if (snapshot)
        return sinter_qcow2_snapshot_find_view(self->image->io, self->header, snapshot, &self->view,
                                               error);
    self->view = (SinterQcow2L1Table){
        .l1_offset = self->header->l1_offset,
        .l1_entries = self->header->l1_entries,
        .virtual_size_bytes = self->header->virtual_size_bytes,
    };
    return TRUE;
}

gboolean
sinter_qcow2_image_open(SinterImage *image, const SinterFormatOpen *how, GError **error)
{
    SinterQcow2Image *self = g_new0(SinterQcow2Image, 1);

    image->state = self;
    self->image = image;
    self->header = sinter_qcow2_header_read(image->io, error);
    if (!self->header || !sinter_qcow2_header_require_usable(self->header, error) ||
        !sinter_qcow2_image_choose_view(self, how->snapshot, error) ||
        !sinter_qcow2_l1_table_check(&self->view, self->header, image->io, error) ||
        !sinter_qcow2_image_open_data_file(self, how->flags, error))
        return FALSE;
    self->cache =
        sinter_qcow2_cache_new(image->io, self->header->geo.cluster_size, self->header->file_bytes,
                               MAX(how->cache_bytes, CACHE_MIN_BYTES), error);
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
    sinter_qcow2_salvage_tables_free(self->tables);
    sinter_qcow2_header_free(self->header);
    g_free(self);
}
