/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Kinds of damage: every code has one, the worst kind counts, and notes are no damage except for
 * the two that describe the state of an image.
 */

#include "sinter/check.h"

#include "format/sinter-tally.h"

#include <string.h>

static SinterCheckKind
kind_of(SinterFindingCode one, SinterFindingCode other)
{
    g_autoptr(SinterCheckResult) result = sinter_check_result_new("image", "qcow2");

    if (one != SINTER_FINDING_N_CODES)
        result->per_code[one] = 1;
    if (other != SINTER_FINDING_N_CODES)
        result->per_code[other] = 2;
    return sinter_check_result_get_kind(result);
}

static void
test_codes(void)
{
    static const struct {
        SinterFindingCode code;
        SinterCheckKind kind;
    } cases[] = {
        { SINTER_FINDING_N_CODES, SINTER_CHECK_KIND_SOUND },
        { SINTER_FINDING_CLUSTER_LEAKED, SINTER_CHECK_KIND_LEAKS },
        { SINTER_FINDING_IMAGE_DIRTY, SINTER_CHECK_KIND_DIRTY },
        { SINTER_FINDING_IMAGE_CORRUPT, SINTER_CHECK_KIND_MARKED },
        { SINTER_FINDING_L2_COPIED_FALSE, SINTER_CHECK_KIND_COPIED },
        { SINTER_FINDING_L2_COMPRESSED_COPIED, SINTER_CHECK_KIND_COPIED },
        { SINTER_FINDING_BITMAP_TAIL_BITS, SINTER_CHECK_KIND_BITMAPS },
        { SINTER_FINDING_HEADER_BITMAPS_BOUNDS, SINTER_CHECK_KIND_BITMAPS },
        { SINTER_FINDING_BITMAP_IN_USE, SINTER_CHECK_KIND_SOUND },
        { SINTER_FINDING_SNAPSHOT_ENTRY_EMPTY, SINTER_CHECK_KIND_SNAPSHOTS },
        { SINTER_FINDING_HEADER_SNAPSHOTS_BEYOND, SINTER_CHECK_KIND_SNAPSHOTS },
        { SINTER_FINDING_REFCOUNT_TOO_LOW, SINTER_CHECK_KIND_REFCOUNTS },
        { SINTER_FINDING_HEADER_REFTABLE_OFFSET, SINTER_CHECK_KIND_REFCOUNTS },
        { SINTER_FINDING_REFCOUNT_TOO_HIGH, SINTER_CHECK_KIND_LEAKS },
        { SINTER_FINDING_COMPRESSED_UNDECODABLE, SINTER_CHECK_KIND_CONTENT },
        { SINTER_FINDING_L2_ENTRY_BEYOND_FILE, SINTER_CHECK_KIND_MAPPING },
        { SINTER_FINDING_CLUSTER_SHARED, SINTER_CHECK_KIND_MAPPING },
        { SINTER_FINDING_L1_TABLE_BEYOND_FILE, SINTER_CHECK_KIND_MAPPING },
        { SINTER_FINDING_HEADER_L1_OFFSET, SINTER_CHECK_KIND_HEADER },
        { SINTER_FINDING_LUKS_MAGIC, SINTER_CHECK_KIND_HEADER },
        { SINTER_FINDING_CHAIN_MEMBER_MISSING, SINTER_CHECK_KIND_CHAIN },
        { SINTER_FINDING_CHAIN_LOOP, SINTER_CHECK_KIND_CHAIN },
        { SINTER_FINDING_READ_ERROR, SINTER_CHECK_KIND_UNKNOWN },
        { SINTER_FINDING_HEADER_UNKNOWN_FEATURES, SINTER_CHECK_KIND_UNKNOWN },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(sinter_check_kind_name(kind_of(cases[i].code, SINTER_FINDING_N_CODES)), ==,
                        sinter_check_kind_name(cases[i].kind));
}

/* No code that is damage counts as sound, and none is without a subject. */
static void
test_all(void)
{
    for (guint i = 0; i < SINTER_FINDING_N_CODES; i++) {
        SinterFindingCode code = (SinterFindingCode)i;
        SinterCheckKind kind = kind_of(code, SINTER_FINDING_N_CODES);

        if (sinter_finding_code_class(code) != SINTER_FINDING_NOTE)
            g_assert_cmpint(kind, !=, SINTER_CHECK_KIND_SOUND);
        if (kind == SINTER_CHECK_KIND_OTHER)
            g_error("'%s' has no kind", sinter_finding_code_name(code));
    }
}

static void
test_worst(void)
{
    g_assert_cmpint(kind_of(SINTER_FINDING_CLUSTER_LEAKED, SINTER_FINDING_L2_ENTRY_BEYOND_FILE), ==,
                    SINTER_CHECK_KIND_MAPPING);
    g_assert_cmpint(kind_of(SINTER_FINDING_HEADER_L1_OFFSET, SINTER_FINDING_REFCOUNT_TOO_LOW), ==,
                    SINTER_CHECK_KIND_HEADER);
    g_assert_cmpint(kind_of(SINTER_FINDING_IMAGE_DIRTY, SINTER_FINDING_REFCOUNT_TOO_LOW), ==,
                    SINTER_CHECK_KIND_REFCOUNTS);
}

/* Names are stable and distinct. */
static void
test_names(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < SINTER_N_CHECK_KINDS; i++) {
        g_assert_true(g_hash_table_add(names, (char *)sinter_check_kind_name((SinterCheckKind)i)));
        g_assert_cmpuint(strlen(sinter_check_kind_describe((SinterCheckKind)i)), >, 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/check-kind/codes", test_codes);
    g_test_add_func("/check-kind/all", test_all);
    g_test_add_func("/check-kind/worst", test_worst);
    g_test_add_func("/check-kind/names", test_names);
    return g_test_run();
}
