/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Several bars at the bottom of a terminal. Invariant: the cursor is at the beginning of the line
 * below the last bar drawn, n_drawn lines below the first one. To clear the bars, move the cursor
 * up that far and clear to the end of the screen.
 */

#include "sinter-bar.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "sinter-text.h"

#define CLEAR_BELOW "\r\033[J"
#define CLEAR_RIGHT "\033[K"

typedef struct {
    guint id;
    SinterBar bar; /* owns its strings */
} Entry;

struct _SinterBars {
    SinterTerminal terminal;
    GPtrArray *entries; /* of Entry, in the order in which they were added */
    guint n_drawn;      /* lines on the terminal */
    gboolean hidden;
};

/* --- the terminal ----------------------------------------------------------------------------- */

static void
write_stderr(const char *text, gpointer user_data)
{
    gsize left = strlen(text);

    /* not through stderr: a program may mask what controls the terminal there */
    fflush(stderr);
    while (left > 0) {
        gssize n = write(STDERR_FILENO, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        text += n;
        left -= (gsize)n;
    }
}

static guint
size_from_environment(const char *name)
{
    const char *text = g_getenv(name);
    guint64 value = 0;

    if (!text || !g_ascii_string_to_unsigned(text, 10, 1, 10000, &value, NULL))
        return 0;
    return (guint)value;
}

static void
get_stderr_size(guint *ret_columns, guint *ret_rows, gpointer user_data)
{
    struct winsize size = { 0 };

    *ret_columns = size_from_environment("COLUMNS");
    *ret_rows = size_from_environment("LINES");
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0)
        memset(&size, 0, sizeof size);
    if (*ret_columns == 0)
        *ret_columns = size.ws_col > 0 ? size.ws_col : 80;
    if (*ret_rows == 0)
        *ret_rows = size.ws_row > 0 ? size.ws_row : 24;
}

gboolean
sinter_terminal_get_stderr(SinterTerminal *ret_terminal)
{
    const char *term = g_getenv("TERM");

    if (!isatty(STDERR_FILENO) || !term || strcmp(term, "dumb") == 0)
        return FALSE;
    *ret_terminal = (SinterTerminal){
        .write = write_stderr,
        .get_size = get_stderr_size,
        .utf8 = sinter_text_is_utf8(),
    };
    return TRUE;
}

/* --- the bars --------------------------------------------------------------------------------- */

static void
entry_free(gpointer data)
{
    Entry *entry = data;

    g_free((char *)entry->bar.label);
    g_free((char *)entry->bar.phase);
    g_free(entry);
}

SinterBars *
sinter_bars_new(const SinterTerminal *terminal)
{
    SinterBars *bars = g_new0(SinterBars, 1);

    bars->terminal = *terminal;
    bars->entries = g_ptr_array_new_with_free_func(entry_free);
    return bars;
}

static Entry *
find(SinterBars *bars, guint id)
{
    for (guint i = 0; i < bars->entries->len; i++) {
        Entry *entry = g_ptr_array_index(bars->entries, i);

        if (entry->id == id)
            return entry;
    }
    return NULL;
}

/* Returns the bars that fit, those with known numbers first; each group in the order in which the
 * bars were added. */
static GPtrArray *
choose(SinterBars *bars, guint n_most)
{
    GPtrArray *chosen = g_ptr_array_new();

    for (guint moving = 2; moving-- > 0;) {
        for (guint i = 0; i < bars->entries->len && chosen->len < n_most; i++) {
            Entry *entry = g_ptr_array_index(bars->entries, i);

            if ((entry->bar.known != FALSE) == (moving == 1))
                g_ptr_array_add(chosen, entry);
        }
    }
    return chosen;
}

static void
append_up(GString *text, guint n_lines)
{
    if (n_lines > 0)
        g_string_append_printf(text, "\033[%uA", n_lines);
    g_string_append_c(text, '\r');
}

static guint
widest_label(const GPtrArray *entries)
{
    guint width = 0;

    for (guint i = 0; i < entries->len; i++) {
        const Entry *entry = g_ptr_array_index(entries, i);

        width = MAX(width, sinter_text_width(entry->bar.label));
    }
    return width;
}

void
sinter_bars_draw(SinterBars *bars)
{
    guint columns = 80, rows = 24;
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GPtrArray) chosen = NULL;
    guint n_more;
    guint label_columns;

    if (!bars || bars->hidden || (bars->entries->len == 0 && bars->n_drawn == 0))
        return;
    bars->terminal.get_size(&columns, &rows, bars->terminal.user_data);
    columns = MAX(columns, 2) - 1; /* some terminals wrap after a full line */
    rows = MAX(rows, 3) - 1;       /* one row for the cursor */
    chosen = choose(bars, bars->entries->len <= rows ? rows : rows - 1);
    n_more = bars->entries->len - chosen->len;
    label_columns = widest_label(chosen);
    append_up(text, bars->n_drawn);
    for (guint i = 0; i < chosen->len; i++) {
        const Entry *entry = g_ptr_array_index(chosen, i);
        g_autofree char *line =
            sinter_bar_format(&entry->bar, label_columns, columns, bars->terminal.utf8);

        g_string_append_printf(text, "%s" CLEAR_RIGHT "\n", line);
    }
    if (n_more > 0)
        g_string_append_printf(text, "and %u more" CLEAR_RIGHT "\n", n_more);
    g_string_append(text, CLEAR_BELOW);
    bars->n_drawn = chosen->len + (n_more > 0);
    bars->terminal.write(text->str, bars->terminal.user_data);
}

static void
wipe(SinterBars *bars)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (bars->n_drawn == 0)
        return;
    append_up(text, bars->n_drawn);
    g_string_append(text, CLEAR_BELOW);
    bars->n_drawn = 0;
    bars->terminal.write(text->str, bars->terminal.user_data);
}

void
sinter_bars_free(SinterBars *bars)
{
    if (!bars)
        return;
    wipe(bars);
    g_ptr_array_unref(bars->entries);
    g_free(bars);
}

void
sinter_bars_set(SinterBars *bars, guint id, const SinterBar *bar)
{
    Entry *entry;

    if (!bars)
        return;
    entry = find(bars, id);
    if (!entry) {
        entry = g_new0(Entry, 1);
        entry->id = id;
        g_ptr_array_add(bars->entries, entry);
    }
    g_free((char *)entry->bar.label);
    g_free((char *)entry->bar.phase);
    entry->bar = *bar;
    entry->bar.label = g_strdup(bar->label);
    entry->bar.phase = g_strdup(bar->phase);
}

void
sinter_bars_remove(SinterBars *bars, guint id)
{
    Entry *entry = bars ? find(bars, id) : NULL;

    if (!entry)
        return;
    g_ptr_array_remove(bars->entries, entry);
}

void
sinter_bars_hide(SinterBars *bars)
{
    if (!bars || bars->hidden)
        return;
    wipe(bars);
    bars->hidden = TRUE;
}

void
sinter_bars_show(SinterBars *bars)
{
    if (!bars || !bars->hidden)
        return;
    bars->hidden = FALSE;
    sinter_bars_draw(bars);
}
