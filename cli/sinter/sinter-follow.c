/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Starting jobs and following them. One loop, driven by the bus:
 *
 *   queued calls ─► one at a time ─► jobs ─► read each ─► its changes … ─► its end ─► told
 *
 * What holds: we listen before the first call is made, so no end is missed: a job that ends before
 * it was read shows its end when it is read; the command ends when no call is queued or under way
 * and every job is closed; only the daemon that is there is believed.
 */

#include "sinter-follow.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

#include "sinter-command.h"
#include "sinter-disk-text.h"
#include "sinter-error.h"
#include "sinter-follow-view.h"
#include "sinter-job-text.h"

/* How long a daemon that went away may take to come back: a restart, not a repair. */
#define COME_BACK_SEC 10

/* How long after a job's end its disk may take to show the new chain. */
#define DISK_SHOWS_SEC 2

/* A call that starts jobs. */
typedef struct {
    char *what;
    char *path;
    const char *interface;
    const char *method;
    GVariant *arguments;
    GVariant *options;
    const char *reply_type;
} Start;

/* What a user's wish to end has come to. */
typedef enum {
    END_NOT_WANTED,
    END_CANCEL, /* the daemon was asked to cancel */
    END_LEAVE,  /* the jobs are left to the daemon */
} EndWish;

struct _SinterFollow {
    SinterClient *client;
    const SinterWaitOptions *options;
    SinterFollowView *view;
    GMainLoop *loop;
    GQueue starts;      /* of Start, not yet called */
    gboolean starting;  /* a call is under way */
    GPtrArray *tracks;  /* of SinterJobTrack */
    GHashTable *disks;  /* object path → SinterDiskTrack */
    char *owner;        /* the daemon's unique name; NULL while it is away */
    guint watch_id;     /* of the daemon's name */
    guint interrupt_id; /* SIGINT */
    guint deadline_id;
    guint away_id; /* while the daemon is away */
    EndWish wish;
    guint n_cancelling; /* requests to cancel that have no answer */
    int status;
};

static void cancel_job(SinterFollow *self, SinterJobTrack *track);
static void read_job(SinterFollow *self, SinterJobTrack *track);
static void start_next(SinterFollow *self);

static void
start_free(gpointer data)
{
    Start *start = data;

    g_free(start->what);
    g_free(start->path);
    g_clear_pointer(&start->arguments, g_variant_unref);
    g_clear_pointer(&start->options, g_variant_unref);
    g_free(start);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Start, start_free)

static gboolean
waits(const SinterFollow *self)
{
    return !self->options->async || self->options->wait || self->options->timeout_sec > 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* The worst of several outcomes is the command's: failed, refused, cancelled, done. */
static void
note_status(SinterFollow *self, int status)
{
    static const int worst_first[] = { SINTER_EXIT_FAILED, SINTER_EXIT_REFUSED,
                                       SINTER_EXIT_CANCELLED };

    for (gsize i = 0; i < G_N_ELEMENTS(worst_first); i++) {
        if (self->status == worst_first[i])
            return;
        if (status == worst_first[i]) {
            self->status = status;
            return;
        }
    }
}

/* (transfer full): "job 7", "jobs 7, 8" */
static char *
name_open_jobs(SinterFollow *self)
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

static guint
count_open(SinterFollow *self)
{
    guint n = 0;

    for (guint i = 0; i < self->tracks->len; i++)
        n += !((SinterJobTrack *)g_ptr_array_index(self->tracks, i))->closed;
    return n;
}

/* Ends the command now, whatever goes on. */
static void
leave(SinterFollow *self, int status)
{
    note_status(self, status);
    g_main_loop_quit(self->loop);
}

static void
finish_when_idle(SinterFollow *self)
{
    if (!self->starting && g_queue_is_empty(&self->starts) && count_open(self) == 0)
        g_main_loop_quit(self->loop);
}

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
    return sinter_disk_text_merged(
        track->disk->depth_before, sinter_properties_get_number(now, "Depth"),
        track->disk->bytes_before, sinter_properties_get_number(now, "AllocatedBytes"));
}

static void
close_job(SinterFollow *self, SinterJobTrack *track)
{
    int status = sinter_job_text_exit_status(track->properties);
    g_autofree char *text = describe_end(track, status);

    g_clear_handle_id(&track->timeout_id, g_source_remove);
    track->closed = TRUE;
    sinter_follow_view_drop(self->view, track);
    note_status(self, status);
    if (status == SINTER_EXIT_DONE)
        sinter_follow_view_print(self->view, "%s: %s", track->label, text);
    else
        sinter_follow_view_say(self->view, "%s: %s", track->label, text);
    say_warnings(self, track);
    finish_when_idle(self);
}

typedef struct {
    SinterFollow *self;
    SinterJobTrack *track;
} Timeout;

static gboolean
on_disk_time(gpointer user_data)
{
    Timeout *timeout = user_data;

    timeout->track->timeout_id = 0;
    close_job(timeout->self, timeout->track);
    return G_SOURCE_REMOVE;
}

/* The daemon reads the domain anew after a job's end; the line at the end is about that. */
static gboolean
must_wait_for_disk(SinterFollow *self, SinterJobTrack *track)
{
    Timeout *timeout;

    if (!track->disk || sinter_disk_track_has_changed(track->disk) ||
        self->client->globals->quiet ||
        sinter_job_text_exit_status(track->properties) != SINTER_EXIT_DONE)
        return FALSE;
    if (track->timeout_id != 0)
        return TRUE;
    timeout = g_new0(Timeout, 1);
    timeout->self = self;
    timeout->track = track;
    track->timeout_id = g_timeout_add_seconds_full(G_PRIORITY_DEFAULT, DISK_SHOWS_SEC, on_disk_time,
                                                   timeout, g_free);
    return TRUE;
}

static void
find_disk(SinterFollow *self, SinterJobTrack *track)
{
    g_autofree const char **objects = sinter_properties_get_strings(track->properties, "Objects");

    if (!track->disk && objects[0])
        track->disk = g_hash_table_lookup(self->disks, objects[0]);
}

/* After anything new on @track. */
static void
look_at(SinterFollow *self, SinterJobTrack *track)
{
    if (track->closed || !track->fresh)
        return;
    if (!waits(self)) {
        track->closed = TRUE;
        sinter_follow_view_print(self->view, "%s: job %s started", track->label, track->id);
        finish_when_idle(self);
        return;
    }
    find_disk(self, track);
    sinter_follow_view_show(self->view, track);
    if (sinter_job_track_has_ended(track) && !must_wait_for_disk(self, track))
        close_job(self, track);
}

/* --- what the daemon tells -------------------------------------------------------------------- */

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

/* Completed: the properties show the end already. Should a daemon ever say it without, the signal
 * is believed. */
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

static void
on_job_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
              const char *signal, GVariant *parameters, gpointer user_data)
{
    SinterFollow *self = user_data;
    SinterJobTrack *track = find_track(self, path);
    g_autoptr(GVariant) changed = NULL;

    /* before it was read: what is read then is newer */
    if (!track || !track->fresh || g_strcmp0(sender, self->owner) != 0)
        return;
    changed = get_changed(signal, parameters, SINTER_IFACE("Job"));
    if (changed)
        sinter_properties_update(track->properties, changed);
    else if (strcmp(signal, "Completed") == 0)
        take_completed(track, parameters);
    look_at(self, track);
}

static void
on_disk_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
               const char *signal, GVariant *parameters, gpointer user_data)
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
    for (guint i = 0; i < self->tracks->len; i++) {
        SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        if (track->disk == disk && track->timeout_id != 0)
            look_at(self, track);
    }
}

/* --- reading jobs ----------------------------------------------------------------------------- */

/* A reply belongs to a job of a follow that lives until no reply is due. */
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

/* We shall not learn how it ended. */
static void
lose_job(SinterFollow *self, SinterJobTrack *track, const GError *error)
{
    track->closed = TRUE;
    sinter_follow_view_drop(self->view, track);
    sinter_follow_view_say(self->view, "job %s: how it ended is not known: %s",
                           strrchr(track->path, '/') + 1, error->message);
    note_status(self, SINTER_EXIT_FAILED);
    finish_when_idle(self);
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
        if (self->wish == END_CANCEL && !sinter_job_track_has_ended(track))
            cancel_job(self, track);
        look_at(self, track);
    } else if (self->owner) {
        lose_job(self, track, error);
    }
    /* without an owner: it is read again when the daemon is back */
}

static void
read_job(SinterFollow *self, SinterJobTrack *track)
{
    sinter_client_get_all_async(self->client, track->path, SINTER_IFACE("Job"), on_job_read,
                                reply_new(self, track));
}

/* --- starting --------------------------------------------------------------------------------- */

static void
take_jobs(SinterFollow *self, const Start *start, GVariant *reply)
{
    g_autoptr(GVariant) child = g_variant_get_child_value(reply, 0);
    g_autofree const char **paths = NULL;

    if (g_variant_is_of_type(child, G_VARIANT_TYPE_OBJECT_PATH)) {
        paths = g_new0(const char *, 2);
        paths[0] = g_variant_get_string(child, NULL);
    } else {
        paths = g_variant_get_objv(child, NULL);
    }
    if (!paths[0])
        sinter_follow_view_print(self->view, "%s: nothing to consolidate", start->what);
    for (guint i = 0; paths[i]; i++) {
        SinterJobTrack *track = sinter_job_track_new(self->tracks->len, paths[i]);

        g_ptr_array_add(self->tracks, track);
        read_job(self, track);
    }
}

typedef struct {
    SinterFollow *self;
    Start *start;
} Starting;

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Starting *starting = user_data;
    SinterFollow *self = starting->self;
    g_autoptr(Start) start = starting->start;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = sinter_client_call_finish(result, &error);

    self->starting = FALSE;
    if (reply) {
        take_jobs(self, start, reply);
    } else {
        sinter_follow_view_say(self->view, "%s", error->message);
        note_status(self, sinter_client_exit_status(error));
    }
    start_next(self);
    finish_when_idle(self);
}

/* One after the other: the daemon reads a domain before it plans, and polkit asks for one password
 * at a time. */
static void
start_next(SinterFollow *self)
{
    Start *start = g_queue_pop_head(&self->starts);
    Starting *starting;

    if (!start)
        return;
    self->starting = TRUE;
    starting = g_new0(Starting, 1);
    starting->self = self;
    starting->start = start;
    sinter_client_call_async(self->client, start->path, start->interface, start->method,
                             start->arguments, start->options, G_VARIANT_TYPE(start->reply_type),
                             on_started, starting);
}

/* --- the wish to end -------------------------------------------------------------------------- */

static void
on_cancel_replied(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Reply *reply = user_data;
    SinterFollow *self = reply->self;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer = sinter_client_call_finish(result, &error);

    self->n_cancelling--;
    /* FAILED: it has ended meanwhile, as we shall see */
    if (!answer && self->owner && !g_error_matches(error, SINTER_ERROR, SINTER_ERROR_FAILED))
        sinter_follow_view_say(self->view, "%s", error->message);
    if (self->n_cancelling == 0 && self->options->async && count_open(self) > 0) {
        g_autofree char *jobs = name_open_jobs(self);

        sinter_follow_view_say(self->view, "%s: cancellation was asked for", jobs);
        leave(self, SINTER_EXIT_CANCELLED);
    }
}

static void
cancel_job(SinterFollow *self, SinterJobTrack *track)
{
    self->n_cancelling++;
    sinter_client_call_async(self->client, track->path, SINTER_IFACE("Job"), "Cancel", NULL, NULL,
                             G_VARIANT_TYPE("()"), on_cancel_replied, reply_new(self, track));
}

static void
cancel_all(SinterFollow *self)
{
    self->wish = END_CANCEL;
    if (!g_queue_is_empty(&self->starts))
        note_status(self, SINTER_EXIT_CANCELLED);
    g_queue_clear_full(&self->starts, start_free);
    for (guint i = 0; i < self->tracks->len; i++) {
        SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        /* one that was not read yet is cancelled when it is */
        if (!track->closed && track->fresh && !sinter_job_track_has_ended(track))
            cancel_job(self, track);
    }
    finish_when_idle(self);
}

static gboolean
on_interrupt(gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = name_open_jobs(self);
    gboolean any = count_open(self) > 0;

    if (self->wish == END_NOT_WANTED) {
        sinter_follow_view_say(self->view,
                               "cancelling %s; Ctrl-C once more leaves %s to the daemon",
                               any ? jobs : "what is being started", any ? "it" : "that");
        cancel_all(self);
        return G_SOURCE_CONTINUE;
    }
    self->wish = END_LEAVE;
    if (any)
        sinter_follow_view_say(self->view, "%s left to the daemon; 'sinter jobs' shows the rest",
                               jobs);
    else
        sinter_follow_view_say(self->view, "left to the daemon; 'sinter jobs' shows what it began");
    leave(self, SINTER_EXIT_CANCELLED);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_deadline(gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = name_open_jobs(self);

    self->deadline_id = 0;
    if (self->wish == END_NOT_WANTED) {
        sinter_follow_view_say(self->view, "not done within %d s: cancelling %s",
                               self->options->timeout_sec,
                               count_open(self) > 0 ? jobs : "what is being started");
        cancel_all(self);
    }
    return G_SOURCE_REMOVE;
}

/* --- a daemon that goes and comes ------------------------------------------------------------- */

static gboolean
on_away_too_long(gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = name_open_jobs(self);

    self->away_id = 0;
    sinter_follow_view_say(self->view,
                           "the daemon has not come back within %d s; once it has been started, "
                           "'sinter jobs' shows %s",
                           COME_BACK_SEC, jobs);
    leave(self, SINTER_EXIT_FAILED);
    return G_SOURCE_REMOVE;
}

static void
on_vanished(GDBusConnection *bus, const char *name, gpointer user_data)
{
    SinterFollow *self = user_data;
    g_autofree char *jobs = name_open_jobs(self);

    if (!bus) {
        sinter_follow_view_say(self->view, "the bus went away; 'sinter jobs' shows %s", jobs);
        leave(self, SINTER_EXIT_FAILED);
        return;
    }
    g_clear_pointer(&self->owner, g_free);
    for (guint i = 0; i < self->tracks->len; i++)
        ((SinterJobTrack *)g_ptr_array_index(self->tracks, i))->fresh = FALSE;
    if (count_open(self) == 0 || self->away_id != 0)
        return;
    sinter_follow_view_say(self->view,
                           "the daemon went away: %s will go on in libvirt, and the daemon takes "
                           "over when it is started again; waiting for it",
                           jobs);
    self->away_id = g_timeout_add_seconds(COME_BACK_SEC, on_away_too_long, self);
}

static void
on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer user_data)
{
    SinterFollow *self = user_data;
    gboolean was_away = self->away_id != 0;

    g_free(self->owner);
    self->owner = g_strdup(owner);
    g_clear_handle_id(&self->away_id, g_source_remove);
    if (!was_away)
        return;
    sinter_follow_view_say(self->view, "the daemon is back");
    for (guint i = 0; i < self->tracks->len; i++) {
        SinterJobTrack *track = g_ptr_array_index(self->tracks, i);

        if (!track->closed)
            read_job(self, track);
    }
}

/* --- outside ---------------------------------------------------------------------------------- */

SinterFollow *
sinter_follow_new(SinterClient *client, const SinterWaitOptions *options, GError **error)
{
    SinterFollow *self;

    if (options->timeout_sec < 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "--timeout is a number of seconds, not %d", options->timeout_sec);
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
    g_queue_clear_full(&self->starts, start_free);
    g_ptr_array_unref(self->tracks);
    g_hash_table_unref(self->disks);
    sinter_follow_view_free(self->view);
    g_main_loop_unref(self->loop);
    g_free(self->owner);
    g_free(self);
}

void
sinter_follow_add(SinterFollow *self, const char *what, const char *path, const char *interface,
                  const char *method, GVariant *arguments, GVariant *options,
                  const char *reply_type)
{
    Start *start = g_new0(Start, 1);

    start->what = g_strdup(what);
    start->path = g_strdup(path);
    start->interface = interface;
    start->method = method;
    start->arguments = arguments ? g_variant_ref_sink(arguments) : NULL;
    start->options = options ? g_variant_ref_sink(options) : NULL;
    start->reply_type = reply_type;
    g_queue_push_tail(&self->starts, start);
}

void
sinter_follow_add_disk(SinterFollow *self, SinterObject *disk)
{
    SinterDiskTrack *track = sinter_disk_track_new(disk);

    g_hash_table_replace(self->disks, track->now->path, track);
}

/* From here until run() returns, everything comes through the main loop. */
static void
listen(SinterFollow *self)
{
    self->owner = g_dbus_proxy_get_name_owner(G_DBUS_PROXY(self->client->manager));
    sinter_client_subscribe(self->client, SINTER_BUS_JOBS, on_job_signal, self);
    if (g_hash_table_size(self->disks) > 0)
        sinter_client_subscribe(self->client, SINTER_BUS_DOMAINS, on_disk_signal, self);
    self->watch_id = g_bus_watch_name_on_connection(self->client->bus, SINTER_BUS_NAME,
                                                    G_BUS_NAME_WATCHER_FLAGS_NONE, on_appeared,
                                                    on_vanished, self, NULL);
    if (!waits(self))
        return;
    self->interrupt_id = g_unix_signal_add(SIGINT, on_interrupt, self);
    if (self->options->timeout_sec > 0)
        self->deadline_id =
            g_timeout_add_seconds((guint)self->options->timeout_sec, on_deadline, self);
}

/* Replies that are still due find nobody: the main loop does not run again. */
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
