/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times as people read them. Invariant: the result is never NULL. */

#include "sinter-time-text.h"

#define RECENT_USEC (12 * G_TIME_SPAN_HOUR)

char *
sinter_time_text_since(gint64 usec)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_local(usec / G_USEC_PER_SEC);
    gint64 age = g_get_real_time() - usec;
    gboolean recent = age >= 0 && age < RECENT_USEC;

    if (!time)
        return g_strdup("an unknown time");
    return g_date_time_format(time, recent ? "%H:%M:%S" : "%Y-%m-%d %H:%M:%S");
}
