/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Bars, messages and results of one command. Invariant: bars are drawn only on a terminal, at most
 * once in DRAW_INTERVAL_MSEC for any number of jobs, and never while a line is written.
 */

#include "sinter-follow-view.h"

#include "text/sinter-job-text.h"

#define DRAW_INTERVAL_MSEC 100

struct _SinterFollowView {
    SinterBars *bars; /* (nullable): no terminal, or disabled */
    gboolean quiet;
    gboolean json;
    gboolean verbose;
    guint draw_id;  /* nothing is drawn until it fires */
    gboolean dirty; /* there is a change to draw */
};

SinterFollowView *
sinter_follow_view_new(const SinterClient *client, gboolean verbose)
{
    SinterFollowView *view = g_new0(SinterFollowView, 1);
    SinterTerminal terminal;

    view->quiet = client->globals->quiet;
    view->json = client->json != SINTER_JSON_OFF;
    view->verbose = verbose;
    if (!view->quiet && sinter_terminal_get_stderr(&terminal))
        view->bars = sinter_bars_new(&terminal);
    return view;
}

void
sinter_follow_view_free(SinterFollowView *view)
{
    if (!view)
        return;
    g_clear_handle_id(&view->draw_id, g_source_remove);
    sinter_bars_free(view->bars);
    g_free(view);
}

static char *
format_line(const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);

    return sinter_text_printable(text);
}

void
sinter_follow_view_say(SinterFollowView *view, const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, format);
    line = format_line(format, args);
    va_end(args);
    sinter_bars_hide(view->bars);
    g_printerr("sinter: %s\n", line);
    sinter_bars_show(view->bars);
}

void
sinter_follow_view_print(SinterFollowView *view, const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list args;

    if (view->quiet || view->json)
        return;
    va_start(args, format);
    line = format_line(format, args);
    va_end(args);
    sinter_bars_hide(view->bars);
    g_print("%s\n", line);
    sinter_bars_show(view->bars);
}

void
sinter_follow_view_print_started(SinterFollowView *view, const SinterJobTrack *track)
{
    if (view->quiet && !view->json)
        g_print("%s\n", track->id);
    else
        sinter_follow_view_print(view, "%s: job %s started", track->label, track->id);
}

static gboolean
on_draw_time(gpointer user_data)
{
    SinterFollowView *view = user_data;

    if (!view->dirty) {
        view->draw_id = 0;
        return G_SOURCE_REMOVE;
    }
    view->dirty = FALSE;
    sinter_bars_draw(view->bars);
    return G_SOURCE_CONTINUE;
}

static void
draw_soon(SinterFollowView *view)
{
    if (!view->bars)
        return;
    if (view->draw_id != 0) {
        view->dirty = TRUE;
        return;
    }
    sinter_bars_draw(view->bars);
    view->draw_id = g_timeout_add(DRAW_INTERVAL_MSEC, on_draw_time, view);
}

void
sinter_follow_view_show(SinterFollowView *view, SinterJobTrack *track)
{
    const char *phase = sinter_properties_get_string(track->properties, "Phase");
    gboolean new_phase = g_strcmp0(phase, track->last_phase) != 0;
    SinterBar bar;

    if (new_phase) {
        g_free(track->last_phase);
        track->last_phase = g_strdup(phase);
    }
    if (new_phase && view->verbose && !view->quiet)
        sinter_follow_view_say(view, "%s: job %s: %s", track->label, track->id, phase);
    if (!view->bars)
        return;
    sinter_job_text_bar(track->properties, track->label, g_get_real_time(), &bar);
    sinter_bars_set(view->bars, track->number, &bar);
    draw_soon(view);
}

void
sinter_follow_view_drop(SinterFollowView *view, const SinterJobTrack *track)
{
    sinter_bars_remove(view->bars, track->number);
    draw_soon(view);
}
