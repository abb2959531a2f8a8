/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What an image says about itself, with its format told and probed. */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char *const formats[] = { "qcow2", "raw", NULL };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    fuzz_add_file(fs, "/a/image", data, size);
    for (gsize i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterImageInfo) info = sinter_image_info_new(fs, "/a/image", formats[i], &error);

        g_assert((info == NULL) == (error != NULL));
    }
    return 0;
}
