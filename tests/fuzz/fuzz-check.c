/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Checks one image: as it is done for a repair (all there is to find, everything decoded) and as
 * a script does it (stop at what cannot be read). Holds that the counts are the sum of what was
 * found, that every finding can be told, and that an image that opens is one without trouble.
 */

#include "fuzz.h"

#include <sinter/check.h>
#include <string.h>

#define PATH "/a/image"

static void
judge_findings(const SinterCheckResult *result)
{
    for (guint i = 0; i < result->findings->len; i++) {
        const SinterFinding *finding = &g_array_index(result->findings, SinterFinding, i);
        g_autofree char *text = sinter_finding_get_text(finding);

        g_assert(finding->times > 0);
        g_assert(finding->n_owners <= SINTER_FINDING_MAX_OWNERS);
        g_assert(result->per_code[finding->code] > 0);
        g_assert(*text != '\0' && !strchr(text, '{') && !strchr(text, '\n'));
        g_assert(g_utf8_validate(text, -1, NULL));
    }
}

static void
judge_counts(const SinterCheckResult *result)
{
    guint64 sums[SINTER_FINDING_N_CLASSES] = { 0 };
    const SinterCheckCounts *counts = &result->counts;

    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++)
        sums[sinter_finding_code_class((SinterFindingCode)code)] += result->per_code[code];
    g_assert(sums[SINTER_FINDING_CORRUPTION] == counts->corruptions);
    g_assert(sums[SINTER_FINDING_LEAK] == counts->leaks);
    g_assert(sums[SINTER_FINDING_ERROR] == counts->errors);
    g_assert(sums[SINTER_FINDING_NOTE] == counts->notes);
    g_assert(result->qemu_counts.corruptions <= counts->corruptions);
    g_assert(result->qemu_counts.leaks <= counts->leaks);
}

/* An image in which nothing is wrong can be opened. */
static void
judge_verdict(SinterFs *fs, const SinterCheckResult *result)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .flags = SINTER_CHAIN_NO_BACKING };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = sinter_chain_open(PATH, &options, &error);

    if (chain) {
        g_assert(!result->trouble);
        return;
    }
    g_assert(result->counts.corruptions > 0 || result->counts.errors > 0 ||
             strstr(error->message, "data file") || strstr(error->message, "L2 table"));
}

int
LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
    static const SinterCheckFlags ways[] = {
        SINTER_CHECK_KEEP_GOING | SINTER_CHECK_DEEP | SINTER_CHECK_SNAPSHOT_STATS,
        SINTER_CHECK_NO_OWNERS,
    };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();

    fuzz_add_file(fs, PATH, data, size);
    for (gsize i = 0; i < G_N_ELEMENTS(ways); i++) {
        SinterCheckOptions options = { .flags = ways[i], .max_per_code = 20, .n_threads = 1 };
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterCheckResult) result =
            sinter_image_check(fs, PATH, "qcow2", &options, &error);

        g_assert((result == NULL) == (error != NULL));
        if (!result)
            continue;
        judge_findings(result);
        judge_counts(result);
        if (ways[i] & SINTER_CHECK_KEEP_GOING)
            judge_verdict(fs, result);
    }
    return 0;
}
