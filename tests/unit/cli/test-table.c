/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tables and trees, to the character. */

#include "sinter-table.h"
#include "sinter-tree.h"

static const SinterTableColumn columns[] = {
    { "Domain", SINTER_ALIGN_LEFT },
    { "Depth", SINTER_ALIGN_RIGHT },
    { "Notes", SINTER_ALIGN_LEFT },
};

static SinterTable *
new_table(void)
{
    SinterTable *table = sinter_table_new(columns, G_N_ELEMENTS(columns));

    sinter_table_add_row(table, (const char *[]){ "vm1", "6", NULL });
    sinter_table_add_row(table, (const char *[]){ "仮想-long", "123456", "grün" });
    sinter_table_add_row(table, (const char *[]){ "a\033[31m", "", "x" });
    return table;
}

static void
test_legend(void)
{
    g_autoptr(SinterTable) table = new_table();
    g_autofree char *text = sinter_table_format(table, TRUE);

    g_assert_cmpuint(sinter_table_get_n_rows(table), ==, 3);
    g_assert_cmpstr(text, ==,
                    " Domain       Depth   Notes\n"
                    "----------------------------\n"
                    " vm1              6   -\n"
                    " 仮想-long   123456   grün\n"
                    " a\\x1b[31m            x\n");
}

static void
test_no_legend(void)
{
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *empty = sinter_table_format(table, FALSE);
    g_autofree char *text = NULL;

    g_assert_cmpstr(empty, ==, "");
    sinter_table_add_row(table, (const char *[]){ "vm1", "6", NULL });
    text = sinter_table_format(table, FALSE);
    g_assert_cmpstr(text, ==, " vm1   6   -\n");
}

static void
test_empty(void)
{
    g_autoptr(SinterTable) table = sinter_table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *text = sinter_table_format(table, TRUE);

    g_assert_cmpstr(text, ==, " Domain   Depth   Notes\n------------------------\n");
}

static void
test_tree(void)
{
    g_autoptr(SinterTree) tree = sinter_tree_new("vm1");
    SinterTree *vda = sinter_tree_add(tree, "vda");
    g_autofree char *utf8 = NULL;
    g_autofree char *ascii = NULL;

    sinter_tree_add(vda, "one\nnote");
    sinter_tree_add(vda, "two\nnote");
    sinter_tree_add(sinter_tree_add(tree, "vdb\nnote"), "three");
    utf8 = sinter_tree_format(tree, TRUE);
    ascii = sinter_tree_format(tree, FALSE);
    g_assert_cmpstr(utf8, ==,
                    "vm1\n"
                    "├─ vda\n"
                    "│  ├─ one\n"
                    "│  │  note\n"
                    "│  └─ two\n"
                    "│     note\n"
                    "└─ vdb\n"
                    "   note\n"
                    "   └─ three\n");
    g_assert_cmpstr(ascii, ==,
                    "vm1\n"
                    "|- vda\n"
                    "|  |- one\n"
                    "|  |  note\n"
                    "|  `- two\n"
                    "|     note\n"
                    "`- vdb\n"
                    "   note\n"
                    "   `- three\n");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/table/legend", test_legend);
    g_test_add_func("/cli/table/no-legend", test_no_legend);
    g_test_add_func("/cli/table/empty", test_empty);
    g_test_add_func("/cli/tree", test_tree);
    return g_test_run();
}
