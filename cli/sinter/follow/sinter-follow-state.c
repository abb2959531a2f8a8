/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The shared state of a SinterFollow: calls to make, jobs, the exit status so far. Invariant: the
 * status only becomes worse, and only this file quits the main loop.
 */

#include "sinter-follow-state.h"

#include <string.h>

#include "sinter-command.h"

void
sinter_follow_start_free(gpointer data)
{
    SinterFollowStart *start = data;

    g_free(start->what);
    sinter_method_clear(&start->method);
    g_free(start);
}

gboolean
sinter_follow_waits(const SinterFollow *self)
{
    return !self->options->async || self->options->wait || self->options->timeout_sec > 0;
}

void
sinter_follow_note_status(SinterFollow *self, int status)
{
    static const int worst_first[] = { SINTER_EXIT_FAILED,  SINTER_EXIT_DENIED,
                                       SINTER_EXIT_REFUSED, SINTER_EXIT_CANCELLED,
                                       SINTER_EXIT_CORRUPT, SINTER_EXIT_UNCHECKED,
                                       SINTER_EXIT_LEAKS };

    for (gsize i = 0; i < G_N_ELEMENTS(worst_first); i++) {
        if (self->status == worst_first[i])
            return;
        if (status == worst_first[i]) {
            self->status = status;
            return;
        }
    }
}

char *
sinter_follow_name_open_jobs(SinterFollow *self)
{
    g_autoptr(GString) ids = g_string_new(NULL);
    guint n = 0;

    for (guint i = 0; i < self->tracks->len; i++) {
        const SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        if (track->closed)
            continue;
        g_string_append_printf(ids, "%s%s", n > 0 ? ", " : "",
                               track->id ? track->id : strrchr(track->path, '/') + 1);
        n++;
    }
    return g_strdup_printf("job%s %s", n == 1 ? "" : "s", ids->str);
}

guint
sinter_follow_count_open(SinterFollow *self)
{
    guint n = 0;

    for (guint i = 0; i < self->tracks->len; i++)
        n += !((SinterJobTrack *)g_ptr_array_index(self->tracks, i))->closed;
    return n;
}

void
sinter_follow_leave(SinterFollow *self, int status)
{
    sinter_follow_note_status(self, status);
    g_main_loop_quit(self->loop);
}

void
sinter_follow_finish_when_idle(SinterFollow *self)
{
    if (!self->starting && g_queue_is_empty(&self->starts) && sinter_follow_count_open(self) == 0)
        g_main_loop_quit(self->loop);
}
