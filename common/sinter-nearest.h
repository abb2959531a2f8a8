/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_nearest_find:
 * @word: the word that was typed
 * @names: the valid names, terminated by %NULL
 *
 * Returns: (transfer none) (nullable): the name that @word most likely means: a name that starts
 * with @word or differs from it by a few typos; %NULL if no name is close
 */
const char *sinter_nearest_find(const char *word, const char *const *names);

G_END_DECLS
