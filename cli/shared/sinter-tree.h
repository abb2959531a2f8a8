/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterTree:
 *
 * A tree of texts, drawn with lines in UTF-8 or in ASCII. A text may have several lines; the later
 * ones stand below the first, in the same place of the tree. Texts must be printable
 * (sinter_text_printable()) apart from their line ends.
 */
typedef struct _SinterTree SinterTree;

/* A root. Free it, and all below it goes too. */
SinterTree *sinter_tree_new(const char *text);
void sinter_tree_free(SinterTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterTree, sinter_tree_free)

/* (transfer none): a new last child of @parent */
SinterTree *sinter_tree_add(SinterTree *parent, const char *text);

/* (transfer full): the drawing, each line with its end */
char *sinter_tree_format(const SinterTree *tree, gboolean utf8);

G_END_DECLS
