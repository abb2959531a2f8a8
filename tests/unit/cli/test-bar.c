/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Progress bars: one line at every width, and several on a screen. The screen is a small terminal
 * that obeys the few sequences that bars use, so that what is tested is what a user would see.
 */

#include "sinter-bar.h"

#include <string.h>

#include "sinter-text.h"

#define GIB ((guint64)1 << 30)

static const SinterBar half = {
    .label = "vm1 vda",
    .phase = "copying",
    .known = TRUE,
    .fraction = 0.456,
    .done_bytes = GIB + GIB / 5,
    .total_bytes = 2 * GIB + GIB * 3 / 5,
    .rate_bytes_per_sec = 120 * 1024 * 1024,
    .remaining_usec = 12 * G_USEC_PER_SEC,
};

static void
test_line(void)
{
    g_autofree char *ascii = sinter_bar_format(&half, 8, 120, FALSE);
    g_autofree char *utf8 = sinter_bar_format(&half, 8, 120, TRUE);

    g_assert_cmpstr(ascii, ==,
                    "vm1 vda   copying     45%  [#############-----------------]  "
                    "1.2 GiB / 2.6 GiB   120 MiB/s  12 s left");
    g_assert_nonnull(strstr(utf8, "  █████████████░░░░░░░░░░░░░░░░░  "));
}

static void
test_fractions(void)
{
    static const struct {
        double fraction;
        const char *part;
    } cases[] = {
        { 0, "  0%  [--------]" }, { 0.004, "  0%  [--------]" }, { 0.999, " 99%  [#######-]" },
        { 1, "100%  [########]" }, { 7.5, "100%  [########]" },   { -1, "  0%  [--------]" },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        SinterBar bar = { .label = "x", .phase = "y", .known = TRUE, .remaining_usec = -1 };
        g_autofree char *line = NULL;

        bar.fraction = cases[i].fraction;
        line = sinter_bar_format(&bar, 1, 1 + 2 + 9 + 2 + 4 + 2 + 10, FALSE);
        g_assert_cmpstr(line + 14, ==, cases[i].part);
    }
}

static void
test_unknown(void)
{
    SinterBar bar = { .label = "vm1 vda", .phase = "queued", .remaining_usec = -1 };
    g_autofree char *line = sinter_bar_format(&bar, 7, 80, TRUE);

    g_assert_cmpstr(line, ==, "vm1 vda  queued");
}

/* At every width the line fits, and what goes goes in order of importance. */
static void
test_widths(void)
{
    static const char *const parts[] = { "GiB /", "MiB/s", "[#", "left", "copying", "45%" };
    guint n_before = 0;

    for (guint columns = 1; columns <= 150; columns++) {
        g_autofree char *line = sinter_bar_format(&half, 7, columns, FALSE);
        guint n = 0;

        g_assert_cmpuint(sinter_text_width(line), <=, columns);
        for (gsize i = 0; i < G_N_ELEMENTS(parts); i++) {
            gboolean there = strstr(line, parts[i]) != NULL;

            /* one that is there has all more important ones beside it */
            for (gsize j = i + 1; there && j < G_N_ELEMENTS(parts); j++)
                g_assert_nonnull(strstr(line, parts[j]));
            n += there;
        }
        g_assert_cmpuint(n, >=, n_before);
        n_before = n;
    }
    g_assert_cmpuint(n_before, ==, G_N_ELEMENTS(parts));
}

/* An ordinary terminal shows all of it. */
static void
test_80_columns(void)
{
    g_autofree char *line = sinter_bar_format(&half, 7, 79, TRUE);

    g_assert_cmpstr(line, ==,
                    "vm1 vda  copying     45%  █████░░░░░░  1.2 GiB / 2.6 GiB   120 MiB/s  "
                    "12 s left");
}

static void
test_hostile_label(void)
{
    SinterBar bar = { .label = "vm\033[2J", .phase = "queued", .remaining_usec = -1 };
    g_autofree char *line = sinter_bar_format(&bar, 7, 80, TRUE);

    g_assert_null(strchr(line, '\033'));
}

/* --- a screen --------------------------------------------------------------------------------- */

#define ROWS 40

typedef struct {
    char *lines[ROWS];
    guint row;
    guint n_used; /* lines that were ever written */
    guint columns;
    guint rows;
} Screen;

static void
screen_clear(Screen *screen)
{
    for (guint i = 0; i < ROWS; i++)
        g_clear_pointer(&screen->lines[i], g_free);
}

static void
screen_put(Screen *screen, const char *text, gsize len)
{
    g_autofree char *more = g_strndup(text, len);
    g_autofree char *before = screen->lines[screen->row];

    screen->lines[screen->row] = g_strconcat(before ? before : "", more, NULL);
}

/* What stands behind ESC [ and a number; returns what follows. */
static const char *
screen_obey(Screen *screen, const char *text)
{
    char *end;
    guint number = (guint)g_ascii_strtoull(text, &end, 10);

    switch (*end) {
    case 'A':
        g_assert_cmpuint(number, <=, screen->row);
        screen->row -= number;
        break;
    case 'K': /* what is written over a line always begins at its left: nothing is left of it */
        break;
    case 'J':
        for (guint i = screen->row; i < ROWS; i++)
            g_clear_pointer(&screen->lines[i], g_free);
        break;
    default:
        g_assert_not_reached();
    }
    return end + 1;
}

static void
screen_write(const char *text, gpointer user_data)
{
    Screen *screen = user_data;
    gboolean at_left = FALSE;

    while (*text != '\0') {
        gsize len = strcspn(text, "\r\n\033");

        if (len > 0 && at_left)
            g_clear_pointer(&screen->lines[screen->row], g_free);
        if (len > 0) {
            screen_put(screen, text, len);
            at_left = FALSE;
        }
        text += len;
        if (*text == '\r') {
            at_left = TRUE;
            text++;
        } else if (*text == '\n') {
            screen->row++;
            g_assert_cmpuint(screen->row, <, ROWS);
            at_left = TRUE;
            text++;
        } else if (*text == '\033') {
            g_assert_true(text[1] == '[');
            text = screen_obey(screen, text + 2);
        }
    }
}

static void
screen_get_size(guint *ret_columns, guint *ret_rows, gpointer user_data)
{
    const Screen *screen = user_data;

    *ret_columns = screen->columns;
    *ret_rows = screen->rows;
}

static char *
screen_text(const Screen *screen)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < ROWS; i++) {
        if (screen->lines[i])
            g_string_append_printf(text, "%s\n", screen->lines[i]);
    }
    return g_string_free(text, FALSE);
}

static void
assert_screen(const Screen *screen, const char *expected)
{
    g_autofree char *text = screen_text(screen);

    g_assert_cmpstr(text, ==, expected);
}

static SinterBars *
new_bars(Screen *screen)
{
    SinterTerminal terminal = { screen_write, screen_get_size, screen, FALSE };

    return sinter_bars_new(&terminal);
}

static void
set_bar(SinterBars *bars, guint id, const char *label, int percent)
{
    SinterBar bar = { .label = label, .phase = "queued", .remaining_usec = -1 };

    if (percent >= 0) {
        bar.phase = "copying";
        bar.known = TRUE;
        bar.fraction = percent / 100.0 + 0.001;
    }
    sinter_bars_set(bars, id, &bar);
}

static void
test_screen(void)
{
    Screen screen = { .columns = 40, .rows = 10 };
    SinterBars *bars = new_bars(&screen);

    screen_write("$ sinter\n", &screen);
    sinter_bars_draw(bars);
    assert_screen(&screen, "$ sinter\n");
    set_bar(bars, 1, "vm1 vda", 10);
    set_bar(bars, 2, "vm10 vda", -1);
    sinter_bars_draw(bars);
    assert_screen(&screen, "$ sinter\n"
                           "vm1 vda   copying     10%  [#---------]\n"
                           "vm10 vda  queued\n");
    set_bar(bars, 1, "vm1 vda", 90);
    set_bar(bars, 2, "vm10 vda", 0);
    sinter_bars_draw(bars);
    assert_screen(&screen, "$ sinter\n"
                           "vm1 vda   copying     90%  [#########-]\n"
                           "vm10 vda  copying      0%  [----------]\n");
    sinter_bars_remove(bars, 1);
    sinter_bars_remove(bars, 7);
    sinter_bars_draw(bars);
    assert_screen(&screen, "$ sinter\n"
                           "vm10 vda  copying      0%  [----------]\n");
    sinter_bars_free(bars);
    assert_screen(&screen, "$ sinter\n");
    screen_clear(&screen);
}

/* Other lines go above the bars. */
static void
test_hide(void)
{
    Screen screen = { .columns = 40, .rows = 10 };
    SinterBars *bars = new_bars(&screen);

    set_bar(bars, 1, "vm1 vda", 10);
    sinter_bars_draw(bars);
    sinter_bars_hide(bars);
    assert_screen(&screen, "");
    screen_write("done\n", &screen);
    set_bar(bars, 1, "vm1 vda", 20);
    sinter_bars_draw(bars);
    assert_screen(&screen, "done\n");
    sinter_bars_show(bars);
    assert_screen(&screen, "done\n"
                           "vm1 vda  copying     20%  [##---------]\n");
    sinter_bars_free(bars);
    screen_clear(&screen);
}

/* More bars than rows: the moving ones stay in sight, the others are counted. */
static void
test_many(void)
{
    Screen screen = { .columns = 30, .rows = 5 };
    SinterBars *bars = new_bars(&screen);

    for (guint i = 0; i < 8; i++) {
        g_autofree char *label = g_strdup_printf("vm%u", i);

        set_bar(bars, i, label, i == 6 ? 50 : -1);
    }
    sinter_bars_draw(bars);
    assert_screen(&screen, "vm6  copying     50%\n"
                           "vm0  queued\n"
                           "vm1  queued\n"
                           "and 5 more\n");
    for (guint i = 0; i < 4; i++)
        sinter_bars_remove(bars, i);
    sinter_bars_draw(bars);
    assert_screen(&screen, "vm6  copying     50%\n"
                           "vm4  queued\n"
                           "vm5  queued\n"
                           "vm7  queued\n");
    screen.rows = 1; /* as good as nothing, and no less */
    sinter_bars_draw(bars);
    assert_screen(&screen, "vm6  copying     50%\n"
                           "and 3 more\n");
    sinter_bars_free(bars);
    screen_clear(&screen);
}

static void
test_none(void)
{
    set_bar(NULL, 1, "vm1 vda", 10);
    sinter_bars_draw(NULL);
    sinter_bars_hide(NULL);
    sinter_bars_show(NULL);
    sinter_bars_remove(NULL, 1);
    sinter_bars_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cli/bar/line", test_line);
    g_test_add_func("/cli/bar/fractions", test_fractions);
    g_test_add_func("/cli/bar/unknown", test_unknown);
    g_test_add_func("/cli/bar/widths", test_widths);
    g_test_add_func("/cli/bar/80-columns", test_80_columns);
    g_test_add_func("/cli/bar/hostile-label", test_hostile_label);
    g_test_add_func("/cli/bars/screen", test_screen);
    g_test_add_func("/cli/bars/hide", test_hide);
    g_test_add_func("/cli/bars/many", test_many);
    g_test_add_func("/cli/bars/none", test_none);
    return g_test_run();
}
