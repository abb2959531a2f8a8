/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starts jobs and follows them. One loop, driven by the bus:
 *
 *   queued calls ─► one at a time ─► jobs ─► read each ─► its changes … ─► its end ─► printed
 *
 * Invariant: signals are subscribed before the first call, so no end is missed: if a job ends
 * before it is read, its end is in the data that is read. The command ends when no call is queued
 * or in progress and every job is closed. Only signals of the current daemon are used.
 */

#include "sinter-follow.h"

#include "sinter-follow-end.h"
#include "sinter-follow-jobs.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "sinter-command.h"
#include "sinter-error.h"

/* --- starting --------------------------------------------------------------------------------- */

/* (transfer full): the object path or paths of the jobs of a reply */
static GVariant *
get_jobs(const SinterFollowStart *start, GVariant *reply)
{
    if (g_variant_n_children(reply) > 0)
        return g_variant_get_child_value(reply, 0);
    return g_variant_ref_sink(g_variant_new_object_path(start->method.path));
}

static void
take_jobs(SinterFollow *self, const SinterFollowStart *start, GVariant *reply)
{
    g_autoptr(GVariant) child = get_jobs(start, reply);
    g_autofree const char **paths = NULL;

    if (g_variant_is_of_type(child, G_VARIANT_TYPE_OBJECT_PATH)) {
        paths = g_new0(const char *, 2);
        paths[0] = g_variant_get_string(child, NULL);
    } else {
        paths = g_variant_get_objv(child, NULL);
    }
    if (!paths[0])
        sinter_follow_view_print(self->view, "%s: nothing to %s", start->what,
                                 g_str_has_prefix(start->method.method, "Check") ? "check"
                                 : strcmp(start->method.method, "Repair") == 0   ? "repair"
                                                                                 : "consolidate");
    for (guint i = 0; paths[i]; i++) {
        SinterJobTrack *track = sinter_job_track_new(self->tracks->len, paths[i]);

        g_ptr_array_add(self->tracks, track);
        sinter_follow_read_job(self, track);
    }
}

static void start_next(SinterFollow *self);

typedef struct {
    SinterFollow *self;
    SinterFollowStart *start;
} Starting;

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Starting *starting = user_data;
    SinterFollow *self = starting->self;
    SinterFollowStart *start = starting->start;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = sinter_client_call_finish(result, &error);

    self->starting = FALSE;
    if (reply) {
        take_jobs(self, start, reply);
    } else {
        sinter_follow_view_say(self->view, "%s", error->message);
        sinter_follow_note_status(self, sinter_client_exit_status(error));
    }
    sinter_follow_start_free(start);
    start_next(self);
    sinter_follow_finish_when_idle(self);
}

/* One call at a time: the daemon reads a domain before it plans, and polkit asks for one password
 * at a time. */
static void
start_next(SinterFollow *self)
{
    SinterFollowStart *start = g_queue_pop_head(&self->starts);
    Starting *starting;

    if (!start)
        return;
    self->starting = TRUE;
    starting = g_new0(Starting, 1);
    starting->self = self;
    starting->start = start;
    sinter_client_call_async(self->client, &start->method, on_started, starting);
}

/* --- public functions ------------------------------------------------------------------------- */

SinterFollow *
sinter_follow_new(SinterClient *client, const SinterWaitOptions *options, GError **error)
{
    SinterFollow *self;

    if (options->timeout_sec < 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "invalid value %d of --timeout: expected a number of seconds",
                    options->timeout_sec);
        return NULL;
    }
    self = g_new0(SinterFollow, 1);
    self->client = client;
    self->options = options;
    self->view = sinter_follow_view_new(client, options->verbose);
    self->loop = g_main_loop_new(NULL, FALSE);
    g_queue_init(&self->starts);
    self->tracks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_job_track_free);
    self->disks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
                                        (GDestroyNotify)sinter_disk_track_free);
    return self;
}

void
sinter_follow_free(SinterFollow *self)
{
    if (!self)
        return;
    g_queue_clear_full(&self->starts, sinter_follow_start_free);
    g_ptr_array_unref(self->tracks);
    g_hash_table_unref(self->disks);
    sinter_follow_view_free(self->view);
    g_main_loop_unref(self->loop);
    g_free(self->owner);
    g_free(self);
}

void
sinter_follow_add(SinterFollow *self, const char *what, const SinterMethod *method)
{
    SinterFollowStart *start = g_new0(SinterFollowStart, 1);

    start->what = g_strdup(what);
    sinter_method_init_copy(&start->method, method);
    g_queue_push_tail(&self->starts, start);
}

void
sinter_follow_add_disk(SinterFollow *self, SinterObject *disk)
{
    SinterDiskTrack *track = sinter_disk_track_new(disk);

    g_hash_table_replace(self->disks, track->now->path, track);
}

/* From here until run() returns, everything is driven by the main loop. */
static void
listen(SinterFollow *self)
{
    self->owner = g_dbus_proxy_get_name_owner(G_DBUS_PROXY(self->client->manager));
    sinter_client_subscribe(self->client, SINTER_BUS_JOBS, sinter_follow_on_job_signal, self);
    if (g_hash_table_size(self->disks) > 0)
        sinter_client_subscribe(self->client, SINTER_BUS_DOMAINS, sinter_follow_on_disk_signal,
                                self);
    self->watch_id = g_bus_watch_name_on_connection(
        self->client->bus, SINTER_BUS_NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
        sinter_follow_on_appeared, sinter_follow_on_vanished, self, NULL);
    if (!sinter_follow_waits(self))
        return;
    self->interrupt_id = g_unix_signal_add(SIGINT, sinter_follow_on_interrupt, self);
    if (self->options->timeout_sec > 0)
        self->deadline_id = g_timeout_add_seconds((guint)self->options->timeout_sec,
                                                  sinter_follow_on_deadline, self);
}

/* Replies that are still pending are ignored: the main loop does not run again. */
static void
stop_listening(SinterFollow *self)
{
    g_bus_unwatch_name(self->watch_id);
    g_clear_handle_id(&self->interrupt_id, g_source_remove);
    g_clear_handle_id(&self->deadline_id, g_source_remove);
    g_clear_handle_id(&self->away_id, g_source_remove);
    g_dbus_connection_flush_sync(self->client->bus, NULL, NULL);
}

int
sinter_follow_run(SinterFollow *self)
{
    if (g_queue_is_empty(&self->starts))
        return SINTER_EXIT_DONE;
    listen(self);
    start_next(self);
    g_main_loop_run(self->loop);
    stop_listening(self);
    return self->status;
}

guint
sinter_follow_get_n_jobs(const SinterFollow *self)
{
    return self->tracks->len;
}

const SinterProperties *
sinter_follow_get_job(const SinterFollow *self, guint i)
{
    return ((const SinterJobTrack *)g_ptr_array_index(self->tracks, i))->properties;
}

static void
add_disk_members(JsonObject *object, const SinterDiskTrack *disk)
{
    guint64 bytes = sinter_properties_get_number(disk->now->properties, "AllocatedBytes");

    json_object_set_int_member(object, "layers-before", (gint64)disk->depth_before);
    json_object_set_int_member(
        object, "layers-after",
        (gint64)sinter_properties_get_number(disk->now->properties, "Depth"));
    json_object_set_int_member(object, "freed-bytes", (gint64)(disk->bytes_before - bytes));
}

JsonNode *
sinter_follow_to_json(SinterFollow *self)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();

    for (guint i = 0; i < self->tracks->len; i++) {
        const SinterJobTrack *track = g_ptr_array_index(self->tracks, i);
        JsonObject *object;

        if (!track->properties)
            continue;
        object = sinter_properties_to_json(track->properties);
        if (track->disk && track->closed)
            add_disk_members(object, track->disk);
        json_array_add_object_element(array, object);
    }
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
}
