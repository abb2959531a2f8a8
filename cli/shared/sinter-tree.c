/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Draws trees:
 *
 *   vm1
 *   ├─ vda
 *   │  └─ a layer
 *   └─ vdb
 *
 * The text to the left of a node is the margin of its parent and one of two branches. The text to
 * the left of its further lines and of its children is that margin and one of two continuations.
 */

#include "sinter-tree.h"

struct _SinterTree {
    char *text;
    GPtrArray *children; /* of SinterTree */
};

typedef struct {
    const char *branch;
    const char *last_branch;
    const char *line;
    const char *last_line;
} Strokes;

static const Strokes utf8_strokes = { "├─ ", "└─ ", "│  ", "   " };
static const Strokes ascii_strokes = { "|- ", "`- ", "|  ", "   " };

SinterTree *
sinter_tree_new(const char *text)
{
    SinterTree *tree = g_new0(SinterTree, 1);

    tree->text = g_strdup(text);
    tree->children = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_tree_free);
    return tree;
}

void
sinter_tree_free(SinterTree *tree)
{
    if (!tree)
        return;
    g_free(tree->text);
    g_ptr_array_unref(tree->children);
    g_free(tree);
}

SinterTree *
sinter_tree_add(SinterTree *parent, const char *text)
{
    SinterTree *tree = sinter_tree_new(text);

    g_ptr_array_add(parent->children, tree);
    return tree;
}

static void
append_node(GString *drawing, const SinterTree *tree, const Strokes *strokes, const char *head,
            const char *margin)
{
    g_auto(GStrv) lines = g_strsplit(tree->text, "\n", -1);

    for (guint i = 0; lines[i]; i++)
        g_string_append_printf(drawing, "%s%s\n", i == 0 ? head : margin, lines[i]);
    for (guint i = 0; i < tree->children->len; i++) {
        gboolean last = i + 1 == tree->children->len;
        g_autofree char *child_head =
            g_strconcat(margin, last ? strokes->last_branch : strokes->branch, NULL);
        g_autofree char *child_margin =
            g_strconcat(margin, last ? strokes->last_line : strokes->line, NULL);

        append_node(drawing, g_ptr_array_index(tree->children, i), strokes, child_head,
                    child_margin);
    }
}

char *
sinter_tree_format(const SinterTree *tree, gboolean utf8)
{
    GString *drawing = g_string_new(NULL);

    append_node(drawing, tree, utf8 ? &utf8_strokes : &ascii_strokes, "", "");
    return g_string_free(drawing, FALSE);
}
