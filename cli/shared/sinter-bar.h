/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What a progress bar shows. */
typedef struct {
    const char *label; /* "vm1 vda" */
    const char *phase; /* "copying" */
    gboolean known;    /* whether the numbers below mean anything yet */
    double fraction;   /* 0 to 1 */
    guint64 done_bytes;
    guint64 total_bytes;        /* 0: not known */
    guint64 rate_bytes_per_sec; /* 0: not known */
    gint64 remaining_usec;      /* until the end, negative: not known */
} SinterBar;

/**
 * sinter_bar_format:
 * @label_columns: room for the label, so that several bars stand in line
 * @columns: how wide the line may be; less important parts are left out where room is short
 *
 * Returns: (transfer full): one line, without a line end
 */
char *sinter_bar_format(const SinterBar *bar, guint label_columns, guint columns, gboolean utf8);

/**
 * SinterTerminal:
 *
 * Where bars are drawn: standard error, or what a test puts in its place.
 *
 * @write: writes at once
 * @get_size: the size as of now, in characters
 */
typedef struct {
    void (*write)(const char *text, gpointer user_data);
    void (*get_size)(guint *ret_columns, guint *ret_rows, gpointer user_data);
    gpointer user_data;
    gboolean utf8;
} SinterTerminal;

/* FALSE when standard error is no terminal that bars can be drawn on. */
gboolean sinter_terminal_get_stderr(SinterTerminal *ret_terminal);

/**
 * SinterBars:
 *
 * Progress bars below each other at the bottom of a terminal, redrawn in place. When there are
 * more than rows, those that move come first and a last line counts the others. %NULL is a valid
 * SinterBars that shows nothing.
 *
 * Whatever else is written to the terminal must stand between sinter_bars_hide() and
 * sinter_bars_show().
 */
typedef struct _SinterBars SinterBars;

SinterBars *sinter_bars_new(const SinterTerminal *terminal);

/* Wipes the bars away. */
void sinter_bars_free(SinterBars *bars);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterBars, sinter_bars_free)

/* Adds the bar @id or changes it; @bar is copied. The next drawing shows it. */
void sinter_bars_set(SinterBars *bars, guint id, const SinterBar *bar);

/* Takes the bar @id away, if it is there. */
void sinter_bars_remove(SinterBars *bars, guint id);

/* Draws all bars anew, unless they are hidden. */
void sinter_bars_draw(SinterBars *bars);

void sinter_bars_hide(SinterBars *bars);
void sinter_bars_show(SinterBars *bars);

G_END_DECLS
