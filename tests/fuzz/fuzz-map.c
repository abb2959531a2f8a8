/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One qcow2 image, mapped and read; then again as its first snapshot saw it. */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const char *const snapshots[] = { NULL, "1" };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    fuzz_add_file(fs, "/a/image", data, size);
    for (gsize i = 0; i < G_N_ELEMENTS(snapshots); i++) {
        SinterChainOptions options = {
            .fs = fs,
            .format = "qcow2",
            .snapshot = snapshots[i],
            .flags = SINTER_CHAIN_NO_BACKING,
        };
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterChain) chain = sinter_chain_open("/a/image", &options, &error);

        g_assert((chain == NULL) == (error != NULL));
        if (chain)
            fuzz_walk_chain(chain);
    }
    return 0;
}
