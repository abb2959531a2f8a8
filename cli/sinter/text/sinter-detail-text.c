/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Details as text. Pure functions. Invariant: one value never becomes several lines. */

#include "text/sinter-detail-text.h"

#include "sinter-text.h"

void
sinter_detail_text_add(GString *text, const char *name, const char *value)
{
    g_autofree char *label = g_strconcat(name, ":", NULL);
    g_autofree char *printable = NULL;

    if (!value || *value == '\0')
        return;
    printable = sinter_text_printable(value);
    g_string_append_printf(text, "%-18s%s\n", label, printable);
}

void
sinter_detail_text_add_property(GString *text, const char *name, const SinterProperties *object,
                                const char *property)
{
    sinter_detail_text_add(text, name, sinter_properties_get_string(object, property));
}

char *
sinter_detail_text_format_time(guint64 usec)
{
    g_autoptr(GDateTime) utc = NULL;
    g_autoptr(GDateTime) local = NULL;

    if (usec == 0)
        return NULL;
    utc = g_date_time_new_from_unix_utc((gint64)(usec / G_USEC_PER_SEC));
    local = utc ? g_date_time_to_local(utc) : NULL;
    return local ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S %Z") : NULL;
}

void
sinter_detail_text_add_time(GString *text, const char *name, const SinterProperties *object,
                            const char *property)
{
    g_autofree char *value =
        sinter_detail_text_format_time(sinter_properties_get_number(object, property));

    sinter_detail_text_add(text, name, value);
}
