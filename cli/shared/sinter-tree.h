/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterTree:
 *
 * A tree of texts, drawn with lines in UTF-8 or in ASCII. A text may have several lines; all of
 * them have the same indentation. Texts must be printable (sinter_text_printable()) except for
 * their line ends.
 */
typedef struct _SinterTree SinterTree;

/* Creates a root. Freeing it frees all nodes below it. */
SinterTree *sinter_tree_new(const char *text);
void sinter_tree_free(SinterTree *tree);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterTree, sinter_tree_free)

/* (transfer none): a new last child of @parent */
SinterTree *sinter_tree_add(SinterTree *parent, const char *text);

/* (transfer full): the drawing, each line with its line end */
char *sinter_tree_format(const SinterTree *tree, gboolean utf8);

G_END_DECLS
