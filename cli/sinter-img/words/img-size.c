/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Parses sizes like qemu-img. (The format of the other programs is in sinter-units.)
 */

#include "img-size.h"
#include "text/img-message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Returns the number of bits that a unit shifts by; -1: not a unit. */
static int
unit_shift(char c)
{
    static const char units[] = "bkmgtpe";
    const char *at = c ? strchr(units, g_ascii_tolower(c)) : NULL;

    return at ? (int)(at - units) * 10 : -1;
}

static SinterImgSizeResult
scale(guint64 whole, double fraction, int shift, guint64 *ret)
{
    guint64 part = (guint64)(fraction * (double)(G_GUINT64_CONSTANT(1) << shift));

    if (shift > 0 && whole >> (64 - shift) != 0)
        return SINTER_IMG_SIZE_RANGE;
    return g_uint64_checked_add(ret, whole << shift, part) ? SINTER_IMG_SIZE_OK
                                                           : SINTER_IMG_SIZE_RANGE;
}

/* "0x…", optionally with a unit. */
static SinterImgSizeResult
parse_hex(const char *text, guint64 *ret)
{
    char *end;
    guint64 value;
    int shift;

    errno = 0;
    value = strtoull(text, &end, 16);
    if (errno == ERANGE)
        return SINTER_IMG_SIZE_RANGE;
    shift = unit_shift(*end);
    if (*end == '\0')
        return scale(value, 0, 0, ret);
    if (shift < 0 || end[1] != '\0')
        return SINTER_IMG_SIZE_BAD;
    sinter_img_warning("Using a multiplier suffix on hex numbers is deprecated: %s", text);
    return scale(value, 0, shift, ret);
}

SinterImgSizeResult
sinter_img_size_parse(const char *text, guint64 *ret)
{
    double fraction = 0;
    char *end;
    guint64 whole;
    int shift = 0;

    errno = 0;
    whole = strtoull(text, &end, 10);
    if (end == text || memchr(text, '-', (gsize)(end - text)))
        return SINTER_IMG_SIZE_BAD;
    if (errno == ERANGE)
        return SINTER_IMG_SIZE_RANGE;
    if (whole == 0 && g_ascii_tolower(*end) == 'x')
        return parse_hex(text, ret);
    if (*end == '.')
        fraction = g_ascii_strtod(end, strspn(end + 1, "0123456789") ? &end : NULL);
    if (*end == '.')
        end++;
    if (*end != '\0') {
        shift = unit_shift(*end++);
        if (shift < 0 || *end != '\0')
            return SINTER_IMG_SIZE_BAD;
    }
    if (shift == 0 && fraction > 0)
        return SINTER_IMG_SIZE_BAD;
    return scale(whole, fraction, shift, ret);
}

gboolean
sinter_img_size_argument(const char *what, const char *text, guint64 min, guint64 max, guint64 *ret)
{
    guint64 value = 0;

    switch (sinter_img_size_parse(text, &value)) {
    case SINTER_IMG_SIZE_BAD:
        sinter_img_error("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
        sinter_img_error("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        return FALSE;
    case SINTER_IMG_SIZE_OK:
        if (value >= min && value <= max) {
            *ret = value;
            return TRUE;
        }
        break;
    case SINTER_IMG_SIZE_RANGE:
        break;
    }
    sinter_img_error("Invalid %s specified. Must be between %" G_GUINT64_FORMAT
                     " and %" G_GUINT64_FORMAT ".",
                     what, min, max);
    return FALSE;
}

gboolean
sinter_img_size_take(const SinterOption *option, gpointer options, const char *value)
{
    const SinterImgRange *range = option->data;

    return sinter_img_size_argument(range->what, value, range->min, range->max,
                                    G_STRUCT_MEMBER_P(options, option->offset));
}

gboolean
sinter_img_number_take(const SinterOption *option, gpointer options, const char *value)
{
    const SinterImgRange *range = option->data;
    char *end;
    guint64 number;

    errno = 0;
    number = strtoull(value, &end, 0);
    if (errno != 0 || end == value || *end != '\0' || strchr(value, '-') || number < range->min ||
        number > range->max) {
        sinter_img_error("Invalid %s specified", range->what);
        return FALSE;
    }
    G_STRUCT_MEMBER(guint64, options, option->offset) = number;
    return TRUE;
}

gboolean
sinter_img_count_take(const SinterOption *option, gpointer options, const char *value)
{
    const SinterImgRange *range = option->data;

    if (g_ascii_string_to_unsigned(value, 10, range->min, range->max,
                                   G_STRUCT_MEMBER_P(options, option->offset), NULL))
        return TRUE;
    sinter_img_error("Invalid %s specified: '%s'", range->what, value);
    return FALSE;
}
