/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Formats one progress bar as a line of text. A pure function: the line is composed of parts, and
 * while it is too wide, the least important remaining part is dropped.
 *
 *   vm1 vda  copying     45%  [########----------]  1.2 GiB / 2.6 GiB   120 MiB/s  12 s left
 */

#include "sinter-bar.h"

#include <math.h>
#include <string.h>

#include "sinter-text.h"
#include "sinter-units.h"

#define MIN_BAR_CELLS 8
#define MAX_BAR_CELLS 30
#define GAP "  "

/* Most important first: the last ones are dropped first if the line is too wide. */
typedef enum {
    PART_LABEL,
    PART_PERCENT,
    PART_PHASE,
    PART_LEFT,
    PART_BAR,
    PART_RATE,
    PART_BYTES,
    N_PARTS,
} Part;

/* The order on the line. */
static const Part line_order[] = {
    PART_LABEL, PART_PHASE, PART_PERCENT, PART_BAR, PART_BYTES, PART_RATE, PART_LEFT,
};

typedef struct {
    const char *left, *right;
    const char *full, *empty;
} Strokes;

static const Strokes utf8_strokes = { "", "", "█", "░" };
static const Strokes ascii_strokes = { "[", "]", "#", "-" };

static char *
padded(const char *text, guint columns, SinterAlign align)
{
    GString *string = g_string_new(NULL);

    sinter_text_append_padded(string, text, columns, align);
    return g_string_free(string, FALSE);
}

static char *
format_label(const SinterBar *bar, guint label_columns, guint columns)
{
    g_autofree char *label = sinter_text_printable(bar->label);
    g_autoptr(GString) cut = g_string_new(NULL);

    sinter_text_append_cut(cut, label, columns);
    return padded(cut->str, MIN(label_columns, columns), SINTER_ALIGN_LEFT);
}

static char *
format_bytes(const SinterBar *bar)
{
    g_autofree char *done = sinter_units_format_bytes(bar->done_bytes);
    g_autofree char *total = sinter_units_format_bytes(bar->total_bytes);
    g_autofree char *both = g_strdup_printf("%s / %s", done, total);

    return padded(both, 17, SINTER_ALIGN_RIGHT); /* longer texts are rare */
}

static char *
format_rate(const SinterBar *bar)
{
    g_autofree char *rate = sinter_units_format_rate(bar->rate_bytes_per_sec);

    return padded(rate, 10, SINTER_ALIGN_RIGHT);
}

static char *
format_left(const SinterBar *bar)
{
    g_autofree char *span = sinter_units_format_duration((guint64)bar->remaining_usec);

    g_autofree char *left = g_strconcat(span, " left", NULL);

    return padded(left, 9, SINTER_ALIGN_LEFT);
}

static char *
format_cells(const SinterBar *bar, guint cells, gboolean utf8)
{
    const Strokes *strokes = utf8 ? &utf8_strokes : &ascii_strokes;
    GString *text = g_string_new(strokes->left);
    guint full = (guint)floor(CLAMP(bar->fraction, 0.0, 1.0) * cells);

    for (guint i = 0; i < cells; i++)
        g_string_append(text, i < full ? strokes->full : strokes->empty);
    g_string_append(text, strokes->right);
    return g_string_free(text, FALSE);
}

/* All parts except the bar itself, which takes the remaining width. */
static void
fill_parts(const SinterBar *bar, guint label_columns, guint columns, gboolean utf8, char **parts)
{
    guint percent = (guint)floor(CLAMP(bar->fraction, 0.0, 1.0) * 100);

    parts[PART_LABEL] = format_label(bar, label_columns, columns);
    parts[PART_PHASE] = padded(bar->phase, 9, SINTER_ALIGN_LEFT);
    if (!bar->known)
        return;
    parts[PART_PERCENT] = g_strdup_printf("%3u%%", percent);
    if (bar->total_bytes > 0)
        parts[PART_BYTES] = format_bytes(bar);
    if (bar->rate_bytes_per_sec > 0)
        parts[PART_RATE] = format_rate(bar);
    if (bar->remaining_usec >= 0)
        parts[PART_LEFT] = format_left(bar);
    parts[PART_BAR] = format_cells(bar, MIN_BAR_CELLS, utf8);
}

static guint
line_width(char **parts)
{
    guint width = 0;

    for (guint i = 0; i < N_PARTS; i++) {
        if (parts[i])
            width += sinter_text_width(parts[i]) + (width > 0 ? sizeof GAP - 1 : 0);
    }
    return width;
}

char *
sinter_bar_format(const SinterBar *bar, guint label_columns, guint columns, gboolean utf8)
{
    char *parts[N_PARTS] = { NULL };
    GString *line = g_string_new(NULL);
    guint width;

    fill_parts(bar, label_columns, columns, utf8, parts);
    for (guint i = N_PARTS - 1; i > 0 && line_width(parts) > columns; i--)
        g_clear_pointer(&parts[i], g_free);
    width = line_width(parts);
    if (parts[PART_BAR]) {
        guint room = columns > width ? columns - width : 0;

        g_free(parts[PART_BAR]);
        parts[PART_BAR] = format_cells(bar, MIN(MIN_BAR_CELLS + room, MAX_BAR_CELLS), utf8);
    }
    for (guint i = 0; i < G_N_ELEMENTS(line_order); i++) {
        const char *part = parts[line_order[i]];

        if (part)
            g_string_append_printf(line, "%s%s", line->len > 0 ? GAP : "", part);
    }
    for (guint i = 0; i < N_PARTS; i++)
        g_free(parts[i]);
    return g_string_free(g_string_truncate(line, strlen(g_strchomp(line->str))), FALSE);
}
