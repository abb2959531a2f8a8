/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Times of the week. Invariant: a window starts on at least one day, at a minute of the day from 0
 * to 1439, and ends at one from 1 to 1440 that differs from its start.
 */

#include "sinter-policy-window.h"

#include <string.h>

#include "sinter-error.h"

#define MINUTES_PER_DAY (24 * 60)

typedef struct {
    guint days; /* a bit for each day: Monday is bit 1 */
    guint start;
    guint end;
} Span;

struct _SinterPolicyWindow {
    GArray *spans; /* of Span; none: always open */
};

void
sinter_policy_window_free(SinterPolicyWindow *self)
{
    if (!self)
        return;
    g_array_unref(self->spans);
    g_free(self);
}

/* --- parsing ------------------------------------------------------------------------------------
 */

/* 1 for "Mon" … 7 for "Sun", 0 for anything else */
static guint
parse_day(const char *text)
{
    static const char *const names[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_ascii_strcasecmp(text, names[i]) == 0)
            return i + 1;
    }
    return 0;
}

/* "Mon" or "Fri-Mon" */
static gboolean
parse_day_range(const char *text, guint *days)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 3);
    guint n_ends = g_strv_length(ends);
    guint first = n_ends > 0 ? parse_day(ends[0]) : 0;
    guint last = n_ends == 2 ? parse_day(ends[1]) : first;

    if (first == 0 || last == 0 || n_ends > 2)
        return FALSE;
    for (guint day = first; day != last; day = day % 7 + 1)
        *days |= 1u << day;
    *days |= 1u << last;
    return TRUE;
}

static gboolean
parse_days(const char *text, guint *days)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);

    *days = 0;
    for (char **part = parts; *part; part++) {
        if (!parse_day_range(*part, days))
            return FALSE;
    }
    return *days != 0;
}

/* "22:30": two digits each */
static gboolean
parse_time(const char *text, guint *minutes)
{
    guint hour;
    guint minute;

    for (guint i = 0; i < 5; i++) {
        if (i == 2 ? text[i] != ':' : !g_ascii_isdigit(text[i]))
            return FALSE;
    }
    hour = (guint)(g_ascii_digit_value(text[0]) * 10 + g_ascii_digit_value(text[1]));
    minute = (guint)(g_ascii_digit_value(text[3]) * 10 + g_ascii_digit_value(text[4]));
    *minutes = hour * 60 + minute;
    return text[5] == '\0' && minute < 60 && *minutes <= MINUTES_PER_DAY;
}

static gboolean
parse_times(const char *text, Span *span)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 3);

    return g_strv_length(ends) == 2 && parse_time(ends[0], &span->start) &&
           parse_time(ends[1], &span->end) && span->start < MINUTES_PER_DAY && span->end > 0 &&
           span->start != span->end;
}

/* "[DAYS] TIME-TIME" */
static gboolean
parse_span(const char *text, Span *span)
{
    const char *space = strrchr(text, ' ');
    g_autofree char *days = space ? g_strstrip(g_strndup(text, (gsize)(space - text))) : NULL;

    if (!parse_times(space ? space + 1 : text, span))
        return FALSE;
    return parse_days(days ? days : "Mon-Sun", &span->days);
}

SinterPolicyWindow *
sinter_policy_window_parse(const char *text, GError **error)
{
    g_autoptr(SinterPolicyWindow) self = g_new0(SinterPolicyWindow, 1);
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);

    self->spans = g_array_new(FALSE, FALSE, sizeof(Span));
    for (char **part = parts; *part; part++) {
        Span span = { 0 };

        if (*g_strstrip(*part) == '\0')
            continue;
        if (!parse_span(*part, &span)) {
            g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                        "window '%s' is invalid, expected for example 'Mon-Fri 22:00-06:00'",
                        *part);
            return NULL;
        }
        g_array_append_val(self->spans, span);
    }
    return g_steal_pointer(&self);
}

/* --- times --------------------------------------------------------------------------------------
 */

/* A minute of the day of @date, @days later, in microseconds since the epoch. */
static gint64
find_moment(GDateTime *date, int days, guint minutes, GTimeZone *zone)
{
    g_autoptr(GDateTime) day = g_date_time_add_days(date, days + (int)(minutes / MINUTES_PER_DAY));
    g_autoptr(GDateTime) moment =
        g_date_time_new(zone, g_date_time_get_year(day), g_date_time_get_month(day),
                        g_date_time_get_day_of_month(day), (int)(minutes % MINUTES_PER_DAY / 60),
                        (int)(minutes % 60), 0);

    return moment ? g_date_time_to_unix(moment) * G_USEC_PER_SEC : G_MAXINT64;
}

static gboolean
starts_on(const Span *span, GDateTime *noon, int days)
{
    g_autoptr(GDateTime) day = g_date_time_add_days(noon, days);

    return (span->days & 1u << g_date_time_get_day_of_week(day)) != 0;
}

/* Of the windows that start from yesterday to a week from now. */
static gint64
find_opening_of(const Span *span, GDateTime *noon, gint64 now_usec, GTimeZone *zone)
{
    guint length = span->end > span->start ? 0 : MINUTES_PER_DAY;

    for (int days = -1; days <= 7; days++) {
        gint64 start_usec = find_moment(noon, days, span->start, zone);

        if (starts_on(span, noon, days) &&
            find_moment(noon, days, span->end + length, zone) > now_usec)
            return MAX(start_usec, now_usec);
    }
    return G_MAXINT64;
}

gint64
sinter_policy_window_find_opening(const SinterPolicyWindow *self, gint64 now_usec, GTimeZone *zone)
{
    g_autoptr(GDateTime) utc = g_date_time_new_from_unix_utc(now_usec / G_USEC_PER_SEC);
    g_autoptr(GDateTime) now = g_date_time_to_timezone(utc, zone);
    g_autoptr(GDateTime) noon =
        g_date_time_new(zone, g_date_time_get_year(now), g_date_time_get_month(now),
                        g_date_time_get_day_of_month(now), 12, 0, 0);
    gint64 opening_usec = self->spans->len > 0 ? G_MAXINT64 : now_usec;

    for (guint i = 0; i < self->spans->len; i++)
        opening_usec = MIN(opening_usec, find_opening_of(&g_array_index(self->spans, Span, i), noon,
                                                         now_usec, zone));
    return opening_usec;
}
