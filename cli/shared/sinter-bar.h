/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The content of a progress bar. */
typedef struct {
    const char *label; /* "vm1 vda" */
    const char *phase; /* "copying" */
    gboolean known;    /* whether the numbers below are valid yet */
    double fraction;   /* 0 to 1 */
    guint64 done_bytes;
    guint64 total_bytes;        /* 0: unknown */
    guint64 rate_bytes_per_sec; /* 0: unknown */
    gint64 remaining_usec;      /* until the end; negative: unknown */
} SinterBar;

/**
 * sinter_bar_format:
 * @label_columns: width of the label, so that several bars are aligned
 * @columns: maximum width of the line; less important parts are dropped if it is too wide
 *
 * Returns: (transfer full): one line, without a line end
 */
char *sinter_bar_format(const SinterBar *bar, guint label_columns, guint columns, gboolean utf8);

/**
 * SinterTerminal:
 *
 * The output of bars: standard error, or a replacement in a test.
 *
 * @write: writes immediately
 * @get_size: the current size in characters
 */
typedef struct {
    void (*write)(const char *text, gpointer user_data);
    void (*get_size)(guint *ret_columns, guint *ret_rows, gpointer user_data);
    gpointer user_data;
    gboolean utf8;
} SinterTerminal;

/* Returns FALSE if standard error is not a terminal on which bars can be drawn. */
gboolean sinter_terminal_get_stderr(SinterTerminal *ret_terminal);

/**
 * SinterBars:
 *
 * Progress bars one below the other at the bottom of a terminal, redrawn in place. If there are
 * more bars than rows, bars with known numbers come first, and a last line shows the number of the
 * others. %NULL is a valid SinterBars that shows nothing.
 *
 * All other output to the terminal must be written between sinter_bars_hide() and
 * sinter_bars_show().
 */
typedef struct _SinterBars SinterBars;

SinterBars *sinter_bars_new(const SinterTerminal *terminal);

/* Clears the bars from the terminal and frees them. */
void sinter_bars_free(SinterBars *bars);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterBars, sinter_bars_free)

/* Adds the bar @id or changes it; @bar is copied. The change becomes visible when the bars are
 * drawn. */
void sinter_bars_set(SinterBars *bars, guint id, const SinterBar *bar);

/* Removes the bar @id if it exists. */
void sinter_bars_remove(SinterBars *bars, guint id);

/* Redraws all bars, unless they are hidden. */
void sinter_bars_draw(SinterBars *bars);

void sinter_bars_hide(SinterBars *bars);
void sinter_bars_show(SinterBars *bars);

G_END_DECLS
