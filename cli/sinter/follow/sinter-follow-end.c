/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Events that end a command, other than the end of a job: the user's Ctrl-C, a deadline, a daemon
 * that exits. Invariant: the command never ends without printing the ids of the jobs that still
 * run.
 */

#include "sinter-follow-end.h"
#include "sinter-follow-jobs.h"

#include "sinter-command.h"

/* How long to wait for a daemon that exited: long enough for a restart, not for a repair. */
#define COME_BACK_SEC 10

/* --- interruption and deadline ---------------------------------------------------------------- */

static void
cancel_all(SinterFollow *self)
{
    self->wish = SINTER_FOLLOW_CANCEL;
    if (!g_queue_is_empty(&self->starts))
        sinter_follow_note_status(self, SINTER_EXIT_CANCELLED);
    g_queue_clear_full(&self->starts, sinter_follow_start_free);
    for (guint i = 0; i < self->tracks->len; i++) {
        SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        /* a job that was not read yet is cancelled after it is read */
        if (!track->closed && track->fresh && !sinter_job_track_has_ended(track))
            sinter_follow_cancel_job(self, track);
    }
    sinter_follow_finish_when_idle(self);
}

gboolean
sinter_follow_on_interrupt(gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = sinter_follow_name_open_jobs(self);
    gboolean any = sinter_follow_count_open(self) > 0;

    if (self->wish == SINTER_FOLLOW_ON) {
        sinter_follow_view_say(self->view,
                               "cancelling %s; press Ctrl-C again to exit while %s continues",
                               any ? jobs : "the jobs being started", any ? "it" : "that");
        cancel_all(self);
        return G_SOURCE_CONTINUE;
    }
    self->wish = SINTER_FOLLOW_LEAVE;
    if (any)
        sinter_follow_view_say(self->view, "%s continues in sinterd; use 'sinter jobs'", jobs);
    else
        sinter_follow_view_say(self->view, "the work continues in sinterd; use 'sinter jobs'");
    sinter_follow_leave(self, SINTER_EXIT_CANCELLED);
    return G_SOURCE_CONTINUE;
}

gboolean
sinter_follow_on_deadline(gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = sinter_follow_name_open_jobs(self);

    self->deadline_id = 0;
    if (self->wish == SINTER_FOLLOW_ON) {
        sinter_follow_view_say(
            self->view, "not finished within %d s: cancelling %s", self->options->timeout_sec,
            sinter_follow_count_open(self) > 0 ? jobs : "the jobs being started");
        cancel_all(self);
    }
    return G_SOURCE_REMOVE;
}

/* --- exit and restart of the daemon ----------------------------------------------------------- */

static gboolean
on_away_too_long(gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = sinter_follow_name_open_jobs(self);

    self->away_id = 0;
    sinter_follow_view_say(
        self->view,
        "sinterd did not return within %d s; after it is started, 'sinter jobs' shows %s",
        COME_BACK_SEC, jobs);
    sinter_follow_leave(self, SINTER_EXIT_FAILED);
    return G_SOURCE_REMOVE;
}

void
sinter_follow_on_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = sinter_follow_name_open_jobs(self);

    if (!bus) {
        sinter_follow_view_say(self->view, "the message bus was lost; 'sinter jobs' shows %s",
                               jobs);
        sinter_follow_leave(self, SINTER_EXIT_FAILED);
        return;
    }
    g_clear_pointer(&self->owner, g_free);
    for (guint i = 0; i < self->tracks->len; i++)
        ((SinterJobTrack *)g_ptr_array_index(self->tracks, i))->fresh = FALSE;
    if (sinter_follow_count_open(self) == 0 || self->away_id != 0)
        return;
    sinter_follow_view_say(self->view,
                           "sinterd has stopped: %s continues in libvirt and is resumed when "
                           "sinterd is started again; waiting",
                           jobs);
    self->away_id = g_timeout_add_seconds(COME_BACK_SEC, on_away_too_long, self);
}

void
sinter_follow_on_appeared(GDBusConnection *bus, const char *name, const char *owner,
                          gpointer user_data)
{
    SinterFollow *self = user_data;
    gboolean was_away = self->away_id != 0;

    g_free(self->owner);
    self->owner = g_strdup(owner);
    g_clear_handle_id(&self->away_id, g_source_remove);
    if (!was_away)
        return;
    sinter_follow_view_say(self->view, "sinterd is back");
    for (guint i = 0; i < self->tracks->len; i++) {
        SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        if (!track->closed)
            sinter_follow_read_job(self, track);
    }
}
