/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Compares the images of a disk with those of a plan. Invariant: two names of the same file count
 * as the same image.
 */

#include "sinter-chain-compare.h"
#include "sinter-file-id.h"

#include <sys/stat.h>

static gboolean
same_file(const char *a, const char *b)
{
    struct stat one;
    struct stat two;

    if (g_str_equal(a, b))
        return TRUE;
    return stat(a, &one) == 0 && stat(b, &two) == 0 && sinter_file_id_same(&one, &two);
}

static gboolean
same_chain(char *const *a, char *const *b)
{
    if (!a || !b)
        return FALSE;
    for (; *a && *b; a++, b++) {
        if (!same_file(*a, *b))
            return FALSE;
    }
    return !*a && !*b;
}

gboolean
sinter_chain_is_our_mirror(const SinterDiskPlan *plan, const SinterDisk *disk)
{
    const char *expected =
        plan->operation == SINTER_OPERATION_COPY ? plan->destination : plan->base_path;
    const SinterLayer *target =
        disk->mirror_layers && disk->mirror_layers->len > 0 ? disk->mirror_layers->pdata[0] : NULL;

    if (!target || !expected)
        return TRUE;
    return target->path && same_file(target->path, expected);
}

SinterChainState
sinter_chain_compare(const SinterDiskPlan *plan, char *const *chain)
{
    if (same_chain(plan->chain_before, chain))
        return SINTER_CHAIN_BEFORE;
    if (same_chain(plan->chain_after, chain))
        return SINTER_CHAIN_AFTER;
    return SINTER_CHAIN_OTHER;
}
