/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds the name closest to a misspelled one, by edit distance on bytes. */

#include "sinter-nearest.h"

#include <string.h>

#define MAX_WORD 64 /* a longer word is not treated as a typo */

/* Returns the number of bytes to insert, delete, replace or swap with their neighbour. */
static guint
distance(const char *a, const char *b)
{
    guint rows[3][MAX_WORD + 1];
    gsize len_a = strlen(a);
    gsize len_b = strlen(b);

    for (gsize j = 0; j <= len_b; j++)
        rows[0][j] = (guint)j;
    for (gsize i = 1; i <= len_a; i++) {
        guint *row = rows[i % 3];
        const guint *above = rows[(i + 2) % 3];
        const guint *two_above = rows[(i + 1) % 3];

        row[0] = (guint)i;
        for (gsize j = 1; j <= len_b; j++) {
            guint change = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = MIN(MIN(above[j] + 1, row[j - 1] + 1), change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[len_a % 3][len_b];
}

const char *
sinter_nearest_find(const char *word, const char *const *names)
{
    gsize len = strlen(word);
    guint best = (guint)MIN(len / 3 + 1, 3) + 1; /* distances from here on are not typos */
    const char *nearest = NULL;

    if (len < 2 || len > MAX_WORD)
        return NULL;
    for (; *names; names++) {
        guint n;

        if (strlen(*names) > MAX_WORD)
            continue;
        n = g_str_has_prefix(*names, word) ? 1 : distance(word, *names);
        if (n < best) {
            best = n;
            nearest = *names;
        }
    }
    return nearest;
}
