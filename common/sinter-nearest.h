/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_nearest_find:
 * @word: what somebody typed or wrote
 * @names: what there is, ended by %NULL
 *
 * Returns: (transfer none) (nullable): the name that @word is most likely meant to be: one that it
 * begins, or one that a few slips of the fingers lead away from; %NULL when none is near.
 */
const char *sinter_nearest_find(const char *word, const char *const *names);

G_END_DECLS
