/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
    SINTER_IMG_SIZE_OK,
    SINTER_IMG_SIZE_BAD,
    SINTER_IMG_SIZE_RANGE, /* too large for 64 bits */
} SinterImgSizeResult;

/*
 * Bytes as qemu-img takes them: decimal or 0x, an optional b, k, M, G, T, P or E (of 1024), a
 * fraction where one of k to E follows.
 */
SinterImgSizeResult sinter_img_size_parse(const char *text, guint64 *ret);

/* As above, from @min to @max; says what is wrong with the @what ("start offset"). */
gboolean sinter_img_size_argument(const char *what, const char *text, guint64 min, guint64 max,
                                  guint64 *ret);

G_END_DECLS
