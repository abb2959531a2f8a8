/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Up to three images that may name each other: "top", "mid" and "base" in one folder. The first
 * four bytes say, in KiB (little endian, 16 bits each), how long the first two are.
 */

#include "fuzz.h"

static gsize
take_length(const guint8 *at, gsize left)
{
    return MIN((gsize)(at[0] | at[1] << 8) * 1024, left);
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .flags = SINTER_CHAIN_PROBE };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = NULL;
    gsize top;
    gsize mid;

    if (size < 4)
        return 0;
    top = take_length(data, size - 4);
    mid = take_length(data + 2, size - 4 - top);
    fuzz_add_file(fs, "/a/top", data + 4, top);
    fuzz_add_file(fs, "/a/mid", data + 4 + top, mid);
    fuzz_add_file(fs, "/a/base", data + 4 + top + mid, size - 4 - top - mid);
    chain = sinter_chain_open("/a/top", &options, &error);
    g_assert((chain == NULL) == (error != NULL));
    if (chain)
        fuzz_walk_chain(chain);
    return 0;
}
