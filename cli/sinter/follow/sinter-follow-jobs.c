/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Jobs that are followed: reads and cancels them, and handles their changes and their ends.
 * Invariant: signals of a job are used only after the job was read from the current daemon, so its
 * state never goes back; each job is closed once, and its end is printed at that time. The daemon
 * updates the chain of a disk before it reports the end of the job that changed it.
 */

#include "sinter-follow-jobs.h"

#include <string.h>

#include "sinter-command.h"
#include "sinter-error.h"
#include "text/sinter-disk-text.h"
#include "text/sinter-job-text.h"

/* --- a job's end ------------------------------------------------------------------------------ */

static void
say_warnings(SinterFollow *self, SinterJobTrack *track)
{
    g_autofree const char **warnings = sinter_properties_get_strings(track->properties, "Warnings");

    for (guint i = 0; warnings[i]; i++)
        sinter_follow_view_say(self->view, "%s: %s", track->label, warnings[i]);
}

static char *
describe_end(SinterJobTrack *track, int status)
{
    const SinterProperties *now;

    if (status != SINTER_EXIT_DONE || !track->disk || !sinter_disk_track_has_changed(track->disk))
        return sinter_job_text_outcome(track->properties);
    now = track->disk->now->properties;
    if (strcmp(sinter_properties_get_string(track->properties, "Operation"), "snapshot") == 0)
        return g_strdup_printf("snapshot created, the chain has %" G_GUINT64_FORMAT " layers",
                               sinter_properties_get_number(now, "Depth"));
    return sinter_disk_text_merged(
        track->disk->depth_before, sinter_properties_get_number(now, "Depth"),
        track->disk->bytes_before, sinter_properties_get_number(now, "AllocatedBytes"));
}

static void
close_job(SinterFollow *self, SinterJobTrack *track)
{
    int status = sinter_job_text_exit_status(track->properties);
    g_autofree char *text = describe_end(track, status);

    track->closed = TRUE;
    sinter_follow_view_drop(self->view, track);
    sinter_follow_note_status(self, status);
    if (status == SINTER_EXIT_DONE)
        sinter_follow_view_print(self->view, "%s: %s", track->label, text);
    else
        sinter_follow_view_say(self->view, "%s: %s", track->label, text);
    say_warnings(self, track);
    sinter_follow_finish_when_idle(self);
}

static void
find_disk(SinterFollow *self, SinterJobTrack *track)
{
    g_autofree const char **objects = sinter_properties_get_strings(track->properties, "Objects");

    if (!track->disk && objects[0])
        track->disk = g_hash_table_lookup(self->disks, objects[0]);
}

/* Called after any change of @track. */
static void
look_at(SinterFollow *self, SinterJobTrack *track)
{
    if (track->closed || !track->fresh)
        return;
    if (!sinter_follow_waits(self)) {
        track->closed = TRUE;
        sinter_follow_view_print_started(self->view, track);
        sinter_follow_finish_when_idle(self);
        return;
    }
    find_disk(self, track);
    sinter_follow_view_show(self->view, track);
    if (sinter_job_track_has_ended(track))
        close_job(self, track);
}

/* --- signals of the daemon -------------------------------------------------------------------- */

static SinterJobTrack *
find_track(SinterFollow *self, const char *path)
{
    for (guint i = 0; i < self->tracks->len; i++) {
        SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        if (strcmp(track->path, path) == 0)
            return track;
    }
    return NULL;
}

/* Completed: the properties normally show the end already. If they do not, the signal is used. */
static void
take_completed(SinterJobTrack *track, GVariant *parameters)
{
    g_autoptr(GVariant) end = NULL;
    const char *message;
    gboolean success;

    if (sinter_job_track_has_ended(track) ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(bs)")))
        return;
    g_variant_get(parameters, "(b&s)", &success, &message);
    end = g_variant_ref_sink(g_variant_new_parsed("{'Phase': <%s>, 'ErrorMessage': <%s>}",
                                                  success ? "done" : "failed", message));
    sinter_properties_update(track->properties, end);
}

/* (nullable) (transfer full): the a{sv} of a PropertiesChanged of @interface */
static GVariant *
get_changed(const char *signal, GVariant *parameters, const char *interface)
{
    g_autoptr(GVariant) changed = NULL;
    const char *of;

    if (strcmp(signal, "PropertiesChanged") != 0 ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(sa{sv}as)")))
        return NULL;
    g_variant_get(parameters, "(&s@a{sv}as)", &of, &changed, NULL);
    return strcmp(of, interface) == 0 ? g_steal_pointer(&changed) : NULL;
}

void
sinter_follow_on_job_signal(GDBusConnection *bus, const char *sender, const char *path,
                            const char *interface, const char *signal, GVariant *parameters,
                            gpointer user_data)
{
    SinterFollow *self = user_data;
    SinterJobTrack *track = find_track(self, path);
    g_autoptr(GVariant) changed = NULL;

    /* ignored before the job was read: the data that is read then is newer */
    if (!track || !track->fresh || g_strcmp0(sender, self->owner) != 0)
        return;
    changed = get_changed(signal, parameters, SINTER_IFACE("Job"));
    if (changed)
        sinter_properties_update(track->properties, changed);
    else if (strcmp(signal, "Completed") == 0)
        take_completed(track, parameters);
    look_at(self, track);
}

void
sinter_follow_on_disk_signal(GDBusConnection *bus, const char *sender, const char *path,
                             const char *interface, const char *signal, GVariant *parameters,
                             gpointer user_data)
{
    SinterFollow *self = user_data;
    SinterDiskTrack *disk = g_hash_table_lookup(self->disks, path);
    g_autoptr(GVariant) changed = NULL;

    if (!disk || g_strcmp0(sender, self->owner) != 0)
        return;
    changed = get_changed(signal, parameters, SINTER_IFACE("Disk"));
    if (!changed)
        return;
    sinter_properties_update(disk->now->properties, changed);
}

/* --- requests about jobs ---------------------------------------------------------------------- */

/* The context of a reply about a job. It keeps the follow and the job alive until the reply
 * arrives. */
typedef struct {
    SinterFollow *self;
    SinterJobTrack *track;
} Reply;

static Reply *
reply_new(SinterFollow *self, SinterJobTrack *track)
{
    Reply *reply = g_new0(Reply, 1);

    reply->self = self;
    reply->track = track;
    return reply;
}

static void
on_cancel_replied(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Reply *reply = user_data;
    SinterFollow *self = reply->self;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer = sinter_client_call_finish(result, &error);

    self->n_cancelling--;
    /* FAILED: the job has ended in the meantime; a signal will report it */
    if (!answer && self->owner && !g_error_matches(error, SINTER_ERROR, SINTER_ERROR_FAILED))
        sinter_follow_view_say(self->view, "%s", error->message);
    if (self->n_cancelling == 0 && self->options->async && sinter_follow_count_open(self) > 0) {
        g_autofree char *jobs = sinter_follow_name_open_jobs(self);

        sinter_follow_view_say(self->view, "%s: cancellation requested", jobs);
        sinter_follow_leave(self, SINTER_EXIT_CANCELLED);
    }
}

void
sinter_follow_cancel_job(SinterFollow *self, SinterJobTrack *track)
{
    self->n_cancelling++;
    sinter_client_call_async(self->client,
                             &(SinterMethod){
                                 .path = track->path,
                                 .interface = SINTER_IFACE("Job"),
                                 .method = "Cancel",
                                 .reply_type = "()",
                             },
                             on_cancel_replied, reply_new(self, track));
}

/* Closes a job whose result cannot be determined. */
static void
lose_job(SinterFollow *self, SinterJobTrack *track, const GError *error)
{
    track->closed = TRUE;
    sinter_follow_view_drop(self->view, track);
    sinter_follow_view_say(self->view, "job %s: its result is unknown: %s",
                           strrchr(track->path, '/') + 1, error->message);
    sinter_follow_note_status(self, SINTER_EXIT_FAILED);
    sinter_follow_finish_when_idle(self);
}

static void
on_job_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Reply *reply = user_data;
    SinterFollow *self = reply->self;
    SinterJobTrack *track = reply->track;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dictionary = sinter_client_get_all_finish(result, &error);

    if (track->closed)
        return;
    if (dictionary) {
        sinter_job_track_take(track, dictionary);
        if (self->wish == SINTER_FOLLOW_CANCEL && !sinter_job_track_has_ended(track))
            sinter_follow_cancel_job(self, track);
        look_at(self, track);
    } else if (self->owner) {
        lose_job(self, track, error);
    }
    /* without an owner: the job is read again when the daemon is back */
}

void
sinter_follow_read_job(SinterFollow *self, SinterJobTrack *track)
{
    sinter_client_get_all_async(self->client, track->path, SINTER_IFACE("Job"), on_job_read,
                                reply_new(self, track));
}
