/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Check of one image: as a script asks for it, and in every depth at once. */

#include "fuzz.h"

#include <sinter/check.h>

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const SinterCheckFlags depths[] = {
        SINTER_CHECK_DEFAULT,
        SINTER_CHECK_DEEP | SINTER_CHECK_KEEP_GOING | SINTER_CHECK_SNAPSHOT_STATS,
    };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    fuzz_add_file(fs, "/a/image", data, size);
    for (gsize i = 0; i < G_N_ELEMENTS(depths); i++) {
        SinterCheckOptions options = { .flags = depths[i], .n_threads = 1 };
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterCheckResult) result =
            sinter_image_check(fs, "/a/image", "qcow2", &options, &error);

        g_assert((result == NULL) == (error != NULL));
    }
    return 0;
}
