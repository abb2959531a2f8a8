/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an image says about itself, with its format told and probed; its snapshots and bitmaps. */

#include "fuzz.h"

#define PATH "/a/image"

static void
list(SinterFs *fs, const char *format)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, PATH, SINTER_IO_READ, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) snapshots = sinter_image_list_snapshots(io, format, &error);
    g_autoptr(GPtrArray) bitmaps = NULL;

    g_assert((snapshots == NULL) == (error != NULL));
    g_clear_error(&error);
    bitmaps = sinter_image_list_bitmaps(io, format, &error);
    g_assert((bitmaps == NULL) == (error != NULL));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char *const formats[] = { "qcow2", "qcow", "raw", NULL };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    fuzz_add_file(fs, PATH, data, size);
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterImageInfo) info = sinter_image_info_new(fs, PATH, formats[i], &error);

        g_assert((info == NULL) == (error != NULL));
        if (info)
            list(fs, formats[i]);
    }
    return 0;
}
