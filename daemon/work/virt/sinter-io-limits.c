/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Arithmetic on a disk's I/O limits. Invariant: a list and its lowered form have the same names in
 * the same order, because libvirt and QEMU refuse some combinations of those that are left out.
 */

#include "sinter-io-limits.h"

#include <string.h>

gboolean
sinter_io_limits_parse(const char *text, char **ret_name, guint64 *ret_value)
{
    const char *equals = strchr(text, '=');

    if (!equals || equals == text ||
        !g_ascii_string_to_unsigned(equals + 1, 10, 0, G_MAXUINT64, ret_value, NULL))
        return FALSE;
    *ret_name = g_strndup(text, (gsize)(equals - text));
    return TRUE;
}

guint64
sinter_io_limits_get(char *const *limits, const char *name)
{
    for (; limits && *limits; limits++) {
        g_autofree char *found = NULL;
        guint64 value;

        if (sinter_io_limits_parse(*limits, &found, &value) && strcmp(found, name) == 0)
            return value;
    }
    return 0;
}

/* Replaces a value, if libvirt has listed it. */
static void
set(char **limits, const char *name, guint64 value)
{
    g_autofree char *prefix = g_strconcat(name, "=", NULL);

    for (; *limits; limits++) {
        if (!g_str_has_prefix(*limits, prefix))
            continue;
        g_free(*limits);
        *limits = g_strdup_printf("%s%" G_GUINT64_FORMAT, prefix, value);
        return;
    }
}

/* A limit, its burst, and how long that may last. */
static const char *const endings[] = { "bytes_sec", "bytes_sec_max", "bytes_sec_max_length" };

/* @from: (nullable): the limits that @to gets; NULL for none */
static void
move_limits(char **limits, char *const *before, const char *from, const char *to)
{
    for (gsize i = 0; i < G_N_ELEMENTS(endings); i++) {
        g_autofree char *source = from ? g_strdup_printf("%s_%s", from, endings[i]) : NULL;
        g_autofree char *target = g_strdup_printf("%s_%s", to, endings[i]);

        set(limits, target, source ? sinter_io_limits_get(before, source) : 0);
    }
}

char **
sinter_io_limits_lower(char *const *limits, guint64 bytes_per_sec)
{
    char **lowered = g_strdupv((char **)limits);
    guint64 total = sinter_io_limits_get(limits, "total_bytes_sec");
    guint64 now = total > 0 ? total : sinter_io_limits_get(limits, "write_bytes_sec");

    if (total > 0) {
        move_limits(lowered, limits, "total", "read");
        move_limits(lowered, limits, NULL, "total");
    }
    move_limits(lowered, limits, NULL, "write");
    set(lowered, "write_bytes_sec", now > 0 ? MIN(now, bytes_per_sec) : bytes_per_sec);
    return lowered;
}
