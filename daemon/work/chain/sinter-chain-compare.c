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

static gboolean
chain_has(char *const *chain, const char *path)
{
    for (; chain && *chain; chain++) {
        if (same_file(*chain, path))
            return TRUE;
    }
    return FALSE;
}

/* Whether @chain ends with @expected, below other images, of which none belongs to the plan. */
static gboolean
ends_with(const SinterDiskPlan *plan, char *const *chain, char *const *expected)
{
    guint n_chain = g_strv_length((char **)chain);
    guint n_expected = expected ? g_strv_length((char **)expected) : 0;

    if (n_expected == 0 || n_chain <= n_expected ||
        !same_chain(expected, chain + (n_chain - n_expected)))
        return FALSE;
    for (guint i = 0; i < n_chain - n_expected; i++) {
        if (chain_has(plan->chain_before, chain[i]) || chain_has(plan->chain_after, chain[i]))
            return FALSE;
    }
    return TRUE;
}

SinterChainState
sinter_chain_compare_covered(const SinterDiskPlan *plan, char *const *chain)
{
    /* a copy without pivot has the same chain before and after */
    if (ends_with(plan, chain, plan->chain_before))
        return SINTER_CHAIN_BEFORE;
    if (ends_with(plan, chain, plan->chain_after))
        return SINTER_CHAIN_AFTER;
    return SINTER_CHAIN_OTHER;
}
