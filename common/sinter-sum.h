/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Sums of sizes that come from images, files and file systems. A sum that is too large for its type
 * saturates and never wraps around.
 */

#include <glib.h>

G_BEGIN_DECLS

/* Returns @a + @b, or G_MAXUINT64 on overflow. */
static inline guint64
sinter_sum(guint64 a, guint64 b)
{
    guint64 sum;

    return g_uint64_checked_add(&sum, a, b) ? sum : G_MAXUINT64;
}

G_END_DECLS
