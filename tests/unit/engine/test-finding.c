/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The table of findings: names are unique and well formed, each text finds all that it asks for,
 * and every problem that a header can have is a finding of the same name.
 */

#include "qcow2/layout/qcow2-header.h"
#include "sinter/finding.h"

#include <string.h>

static void
test_names(void)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        const char *name = sinter_finding_code_name(code);

        g_assert_cmpuint(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-"), ==, strlen(name));
        g_assert_true(g_hash_table_add(names, (gpointer)name));
        g_assert_cmpuint(sinter_finding_code_from_name(name), ==, code);
    }
    g_assert_cmpuint(sinter_finding_code_from_name("no-such-thing"), ==, SINTER_FINDING_N_CODES);
}

static void
test_columns(void)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterFindingClass klass = sinter_finding_code_class(code);

        /* what is a leak costs space and no more; what is corrupt has to be mended somehow */
        if (klass == SINTER_FINDING_LEAK)
            g_assert_cmpuint(sinter_finding_code_stake(code), ==, SINTER_STAKE_SPACE);
        g_assert_nonnull(sinter_finding_class_name(klass));
        g_assert_nonnull(sinter_finding_stake_name(sinter_finding_code_stake(code)));
        g_assert_nonnull(sinter_finding_fix_describe(sinter_finding_code_fix(code)));
        g_assert_cmpuint(sinter_finding_code_qemu(code), <=, SINTER_QEMU_UNSEEN);
    }
}

static void
test_texts(void)
{
    for (guint code = 0; code < SINTER_FINDING_N_CODES; code++) {
        SinterFinding finding = { .code = code,
                                  .detail = g_strdup("[detail]"),
                                  .owners = { { SINTER_OWNER_L2_TABLE, 0x10000, NULL } },
                                  .n_owners = 1 };
        g_autofree char *text = sinter_finding_get_text(&finding);

        g_assert_cmpuint(strlen(text), >, 5);
        g_assert_null(strpbrk(text, "{}\n"));
        g_assert_false(g_str_has_suffix(text, "."));
        sinter_finding_clear(&finding);
    }
}

static void
test_text(void)
{
    SinterFinding shared = {
        .code = SINTER_FINDING_METADATA_OVERLAP,
        .host_offset = 0x30000,
        .owners = { { SINTER_OWNER_L2_TABLE, 0x20000000, g_strdup("'a\x1b[2J' (1)") },
                    { SINTER_OWNER_REFCOUNT_BLOCK, 3, NULL } },
        .n_owners = 2,
    };
    SinterFinding low = {
        .code = SINTER_FINDING_REFCOUNT_TOO_LOW, .host_offset = 0x50000, .seen = 1, .expected = 2
    };
    g_autofree char *shared_text = sinter_finding_get_text(&shared);
    g_autofree char *low_text = sinter_finding_get_text(&low);

    g_assert_cmpstr(shared_text, ==,
                    "The metadata at 0x30000 is also used elsewhere: L2 table of guest offset "
                    "0x20000000 of snapshot 'a?[2J' (1), refcount block 3");
    g_assert_cmpstr(low_text, ==, "The cluster at 0x50000 has refcount 1, but 2 references");
    sinter_finding_clear(&shared);
}

static void
test_header_problems(void)
{
#define X(code, name, severity) name,
    static const char *const problems[] = { SINTER_QCOW2_HEADER_PROBLEMS(X) };
#undef X

    for (gsize i = 0; i < G_N_ELEMENTS(problems); i++) {
        SinterFindingCode code = sinter_finding_code_from_name(problems[i]);

        g_test_message("%s", problems[i]);
        g_assert_cmpuint(code, !=, SINTER_FINDING_N_CODES);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/finding/names", test_names);
    g_test_add_func("/finding/columns", test_columns);
    g_test_add_func("/finding/texts", test_texts);
    g_test_add_func("/finding/text", test_text);
    g_test_add_func("/finding/header-problems", test_header_problems);
    return g_test_run();
}
