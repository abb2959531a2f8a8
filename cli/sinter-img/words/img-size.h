/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-option.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_IMG_SIZE_OK,
    SINTER_IMG_SIZE_BAD,
    SINTER_IMG_SIZE_RANGE, /* too large for 64 bits */
} SinterImgSizeResult;

/*
 * Parses bytes like qemu-img: decimal or 0x, an optional b, k, M, G, T, P or E (powers of 1024),
 * and a fraction if one of k to E follows.
 */
SinterImgSizeResult sinter_img_size_parse(const char *text, guint64 *ret);

/* The same, limited to the range from @min to @max; prints a message that names @what ("start
 * offset") on failure. */
gboolean sinter_img_size_argument(const char *what, const char *text, guint64 min, guint64 max,
                                  guint64 *ret);

/* The valid range of a number option: SinterOption.data for the functions below. */
typedef struct {
    const char *what; /* "start offset" */
    guint64 min;
    guint64 max;
} SinterImgRange;

/*
 * For SinterOption.take: a guint64. A size as for sinter_img_size_argument(); a number, decimal or
 * 0x…; a count, decimal, which is quoted in the error. They print a message on failure.
 */
gboolean sinter_img_size_take(const SinterOption *option, gpointer options, const char *value);
gboolean sinter_img_number_take(const SinterOption *option, gpointer options, const char *value);
gboolean sinter_img_count_take(const SinterOption *option, gpointer options, const char *value);

/* The end of the row of such an option. */
#define SINTER_IMG_RANGED(func, type, member, what, min, max)                                      \
    SINTER_OPTION_MEMBER(type, member), .take = (func), .data = &(const SinterImgRange)            \
    {                                                                                              \
        what, min, max                                                                             \
    }
#define SINTER_IMG_SIZED(type, member, what, max)                                                  \
    SINTER_IMG_RANGED(sinter_img_size_take, type, member, what, 0, max)

G_END_DECLS
