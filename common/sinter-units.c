/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Converts bytes, rates and time spans to text and back. Pure functions. Formatting does not depend
 * on the locale, so that output can be compared.
 */

#include "sinter-units.h"
#include "sinter-error.h"

#include <math.h>
#include <string.h>

static const char unit_letters[] = "KMGTPE";

char *
sinter_units_format_bytes(guint64 bytes)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];
    double value = (double)bytes;
    int unit = -1;

    if (bytes < 1024)
        return g_strdup_printf("%" G_GUINT64_FORMAT " B", bytes);
    while (value >= 1024 && unit < (int)strlen(unit_letters) - 1) {
        value /= 1024;
        unit++;
    }
    /* 1023.96 KiB would print as 1024.0 KiB */
    if (value >= 1023.95 && unit < (int)strlen(unit_letters) - 1) {
        value /= 1024;
        unit++;
    }
    g_ascii_formatd(digits, sizeof digits, "%.1f", value);
    if (g_str_has_suffix(digits, ".0"))
        digits[strlen(digits) - 2] = '\0';
    return g_strdup_printf("%s %ciB", digits, unit_letters[unit]);
}

char *
sinter_units_format_rate(guint64 bytes_per_sec)
{
    g_autofree char *bytes = sinter_units_format_bytes(bytes_per_sec);

    return g_strconcat(bytes, "/s", NULL);
}

char *
sinter_units_format_duration(guint64 usec)
{
    guint64 sec = (usec + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC;

    if (sec < 60)
        return g_strdup_printf("%" G_GUINT64_FORMAT " s", sec);
    if (sec < 3600)
        return g_strdup_printf("%" G_GUINT64_FORMAT " min %02" G_GUINT64_FORMAT " s", sec / 60,
                               sec % 60);
    return g_strdup_printf("%" G_GUINT64_FORMAT " h %02" G_GUINT64_FORMAT " min", sec / 3600,
                           sec / 60 % 60);
}

/* Returns the factor of a unit, or 0 if the text is not a unit. */
static double
unit_factor(const char *unit)
{
    const char *letter;
    double step = 1024;

    if (*unit == '\0' || strcmp(unit, "b") == 0 || strcmp(unit, "B") == 0)
        return 1;
    letter = strchr(unit_letters, g_ascii_toupper(*unit));
    if (!letter)
        return 0;
    if (strcmp(unit + 1, "B") == 0)
        step = 1000;
    else if (unit[1] != '\0' && strcmp(unit + 1, "iB") != 0)
        return 0;
    return pow(step, (double)(letter - unit_letters + 1));
}

gboolean
sinter_units_parse_bytes(const char *text, guint64 *ret_bytes, GError **error)
{
    char *end = NULL;
    double value;
    double factor;

    if (!g_ascii_isdigit(*text))
        goto bad;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        goto bad;
    value = g_ascii_strtod(text, &end);
    /* reject an exponent: the conversion to whole bytes below would ignore it */
    if (end != text + strspn(text, "0123456789."))
        goto bad;
    while (*end == ' ')
        end++;
    factor = unit_factor(end);
    if (factor == 0)
        goto bad;
    if (factor == 1 && strchr(text, '.') == NULL) {
        guint64 exact;

        /* whole bytes must not be converted through a double, which has only 53 bits */
        exact = g_ascii_strtoull(text, NULL, 10);
        if (exact > G_MAXINT64)
            goto bad;
        *ret_bytes = exact;
        return TRUE;
    }
    value *= factor;
    if (!isfinite(value) || value >= (double)G_MAXINT64)
        goto bad;
    *ret_bytes = (guint64)value;
    return TRUE;

bad:
    g_set_error(
        error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
        "'%s' is not a size: expected a number with an optional suffix b, K, M, G, T, P or E",
        text);
    return FALSE;
}
