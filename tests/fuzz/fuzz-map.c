/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* One image, mapped and read as qcow2, then as its first snapshot saw it, then as qcow version 1.
 */

#include "fuzz.h"

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const struct {
        const char *format;
        const char *snapshot;
    } ways[] = { { "qcow2", NULL }, { "qcow2", "1" }, { "qcow", NULL } };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    fuzz_add_file(fs, "/a/image", data, size);
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        SinterChainOptions options = {
            .fs = fs,
            .format = ways[i].format,
            .snapshot = ways[i].snapshot,
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
