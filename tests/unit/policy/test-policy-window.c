/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Times of the week: what is understood, and when a window opens. */

#include "sinter-error.h"
#include "sinter-policy-window.h"

/* @opening: "" if a window is open at @now */
typedef struct {
    const char *window;
    const char *now;
    const char *opening;
} Row;

/* 2026-12-01 is a Tuesday. In Berlin the clock is put forward on 2026-03-29 at 02:00, and back on
 * 2026-10-25 at 03:00. */
static const Row rows[] = {
    { "", "2026-12-01T12:00", "" },
    { "22:00-23:00", "2026-12-01T12:00", "2026-12-01T22:00" },
    { "22:00-23:00", "2026-12-01T22:00", "" },
    { "22:00-23:00", "2026-12-01T22:59", "" },
    { "22:00-23:00", "2026-12-01T23:00", "2026-12-02T22:00" },
    { "22:00-06:00", "2026-12-01T21:59", "2026-12-01T22:00" },
    { "22:00-06:00", "2026-12-02T00:00", "" },
    { "22:00-06:00", "2026-12-02T05:59", "" },
    { "22:00-06:00", "2026-12-02T06:00", "2026-12-02T22:00" },
    { "00:00-24:00", "2026-12-01T23:59", "" },
    { "Wed 22:00-06:00", "2026-12-02T03:00", "2026-12-02T22:00" },
    { "Wed 22:00-06:00", "2026-12-03T03:00", "" },
    { "Tue 10:00-11:00", "2026-12-01T11:00", "2026-12-08T10:00" },
    { "Sat,Sun 00:00-24:00", "2026-12-04T23:59", "2026-12-05T00:00" },
    { "Sat,Sun 00:00-24:00", "2026-12-06T23:59", "" },
    { "Fri-Mon 08:00-09:00", "2026-12-01T08:30", "2026-12-04T08:00" },
    { "Mon-Fri 22:00-06:00; Sat,Sun 00:00-24:00", "2026-12-05T12:00", "" },
    { "Mon-Fri 22:00-06:00; Sat,Sun 00:00-24:00", "2026-12-07T12:00", "2026-12-07T22:00" },
    { "01:00-02:00;12:00-13:00", "2026-12-01T03:00", "2026-12-01T12:00" },
    /* a start in the gap is the end of the gap */
    { "02:30-04:00", "2026-03-29T01:59", "2026-03-29T03:00" },
    { "22:00-06:00", "2026-03-29T05:59", "" },
    { "22:00-06:00", "2026-10-25T05:59", "" },
    { "22:00-06:00", "2026-10-25T06:00", "2026-10-25T22:00" },
};

static const char *const wrong[] = {
    "22:00",
    "22:00-22:00",
    "24:00-06:00",
    "22:00-24:01",
    "9:00-10:00",
    "22:60-23:00",
    "22:00-00:00",
    "Mond 22:00-23:00",
    "Mon- 22:00-23:00",
    "Mon,, 22:00-23:00",
    " - ",
    "Mon",
    "22:00-23:00-24:00",
    "-22:00-23:00",
    "22:00 - 23:00",
    "22:00-23:00 Mon",
    "22:00-23:00;x",
};

static gint64
parse_time(const char *text, GTimeZone *zone)
{
    g_autoptr(GDateTime) time = NULL;
    g_autofree char *full = g_strconcat(text, ":00", NULL);

    time = g_date_time_new_from_iso8601(full, zone);
    g_assert_nonnull(time);
    return g_date_time_to_unix(time) * G_USEC_PER_SEC;
}

static void
test_openings(void)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier("Europe/Berlin");

    if (!zone) {
        g_test_skip("the time zone database is not installed");
        return;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const Row *row = &rows[i];
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterPolicyWindow) window = sinter_policy_window_parse(row->window, &error);
        gint64 now_usec = parse_time(row->now, zone);
        gint64 opening_usec = *row->opening == '\0' ? now_usec : parse_time(row->opening, zone);

        g_assert_no_error(error);
        g_test_message("'%s' at %s", row->window, row->now);
        g_assert_cmpint(sinter_policy_window_find_opening(window, now_usec, zone), ==,
                        opening_usec);
    }
}

static void
test_wrong(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("'%s'", wrong[i]);
        g_assert_null(sinter_policy_window_parse(wrong[i], &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/policy-window/openings", test_openings);
    g_test_add_func("/policy-window/wrong", test_wrong);
    return g_test_run();
}
