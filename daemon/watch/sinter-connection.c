/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The life cycle of the connection: opening in a worker → open → broken → opening …, until it is
 * stopped. Invariant: everything except the pointer under the lock belongs to the main context;
 * CONNECTED and DISCONNECTED alternate; events are passed on only between the two, and only from
 * the source of the open connection.
 */

#include "sinter-connection.h"
#include "sinter-error.h"
#include "sinter-event-source.h"
#include "sinter-log.h"

#include <libvirt-glib/libvirt-glib-event.h>
#include <libvirt/virterror.h>

/* A peer that does not respond to three of these in a row is considered gone. */
#define KEEPALIVE_INTERVAL_SEC 30
#define KEEPALIVE_COUNT 3

#define LONGEST_PAUSE_SEC 30

/* A connection that broke earlier is not reopened at once. */
#define STEADY_USEC (10 * G_USEC_PER_SEC)

struct _SinterConnection {
    GObject parent_instance;
    char *uri;
    gboolean use_qmp_events;
    SinterEventSource *source; /* of the open connection, else NULL */
    gint64 opened_usec;        /* monotonic */
    guint pause_sec;           /* before the next attempt */
    guint retry_id;            /* the timer of the next attempt, or 0 */
    char *early_break;         /* why the connection being opened already broke, or NULL */
    char *last_problem;        /* the last logged problem of the attempts so far, or NULL */
    gboolean started;
    gboolean stopped;

    SinterLinePool *lines;

    GMutex lock;
    virConnectPtr connection; /* guarded by lock: workers take references */
    gboolean has_lines;       /* likewise: a daemon is at the other end */
};

G_DEFINE_TYPE(SinterConnection, sinter_connection, G_TYPE_OBJECT)

enum { SIGNAL_EVENT, N_SIGNALS };
static guint signals[N_SIGNALS];

/* A connection with its event source, passed between a worker and the main context. */
typedef struct {
    virConnectPtr connection;
    SinterEventSource *source;
    gboolean in_process; /* the driver is in this process */
} Link;

static void
link_free(gpointer data)
{
    Link *link = data;

    sinter_event_source_free(link->source);
    if (link->connection)
        virConnectClose(link->connection);
    g_free(link);
}

static void
ignore_error(void *user_data, virErrorPtr error)
{
    /* libvirt would print the error; the caller reads it with virGetLastError() */
}

void
sinter_connection_init_events(void)
{
    gvir_event_register();
    virSetErrorFunc(NULL, ignore_error);
    virInitialize();
}

static void open_soon(SinterConnection *self);

static void
connection_emit(SinterConnection *self, const SinterEvent *event)
{
    g_signal_emit(self, signals[SIGNAL_EVENT], 0, event);
}

static gpointer
release_in_thread(gpointer data)
{
    link_free(data);
    return NULL;
}

/* Releases a link's members; that may block, so it runs in a thread. */
static void
release_link(Link *link)
{
    if (link->source)
        sinter_event_source_mute(link->source);
    g_thread_unref(g_thread_new("sinter-release", release_in_thread, link));
}

/* Removes the connection so that no caller can get it. (nullable) */
static Link *
take_link(SinterConnection *self)
{
    Link *link;

    if (!self->source)
        return NULL;
    link = g_new0(Link, 1);
    link->source = g_steal_pointer(&self->source);
    g_mutex_lock(&self->lock);
    link->connection = g_steal_pointer(&self->connection);
    g_mutex_unlock(&self->lock);
    return link;
}

/* 0, 1, 2, 4 … seconds */
static void
lengthen_pause(SinterConnection *self)
{
    self->pause_sec = self->pause_sec == 0 ? 1 : MIN(self->pause_sec * 2, LONGEST_PAUSE_SEC);
}

static void
handle_broken(SinterConnection *self, const char *why)
{
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_DISCONNECTED);

    if (g_get_monotonic_time() - self->opened_usec >= STEADY_USEC)
        self->pause_sec = 0;
    event->text = g_strdup(why);
    release_link(take_link(self));
    sinter_log(G_LOG_LEVEL_WARNING, NULL, "the connection to libvirt at '%s' was lost: %s",
               self->uri, why);
    connection_emit(self, event);
    if (!self->stopped)
        open_soon(self);
}

static void
set_early_break(SinterConnection *self, const char *why)
{
    g_free(self->early_break);
    self->early_break = g_strdup(why);
}

static void
on_source_event(const SinterEvent *event, gpointer user_data)
{
    SinterConnection *self = user_data;

    if (!self->source) {
        /* not announced yet: a handler of CONNECTED reads everything anyway */
        if (event->kind == SINTER_EVENT_DISCONNECTED)
            set_early_break(self, event->text);
    } else if (event->kind == SINTER_EVENT_DISCONNECTED) {
        handle_broken(self, event->text);
    } else {
        connection_emit(self, event);
    }
}

static void
adopt_link(SinterConnection *self, Link *link)
{
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_CONNECTED);

    g_mutex_lock(&self->lock);
    self->connection = g_steal_pointer(&link->connection);
    self->has_lines = !link->in_process;
    g_mutex_unlock(&self->lock);
    self->source = g_steal_pointer(&link->source);
    link_free(link);
    self->opened_usec = g_get_monotonic_time();
    lengthen_pause(self); /* in case it breaks at once */
    g_clear_pointer(&self->last_problem, g_free);
    sinter_log(G_LOG_LEVEL_MESSAGE, NULL, "connected to libvirt at '%s'", self->uri);
    connection_emit(self, event);
    /* a handler of CONNECTED may have stopped the connection */
    if (self->source && self->early_break)
        handle_broken(self, self->early_break);
}

static void
handle_failed(SinterConnection *self, const GError *error)
{
    g_autoptr(SinterEvent) event = sinter_event_new(SINTER_EVENT_DISCONNECTED);
    gboolean is_news = g_strcmp0(self->last_problem, error->message) != 0;

    if (is_news) {
        g_free(self->last_problem);
        self->last_problem = g_strdup(error->message);
        sinter_log(G_LOG_LEVEL_WARNING, NULL, "cannot connect to libvirt at '%s', trying again: %s",
                   self->uri, error->message);
    }
    lengthen_pause(self);
    open_soon(self);
    if (is_news) {
        event->text = g_strdup(error->message);
        connection_emit(self, event);
    }
}

static void
open_in_thread(GTask *task, gpointer source_object, gpointer task_data, GCancellable *cancellable)
{
    SinterConnection *self = source_object;
    Link *link = g_new0(Link, 1);
    GError *error = NULL;

    link->connection = virConnectOpen(self->uri);
    if (!link->connection)
        sinter_connection_set_error(&error, "opening the connection");
    else
        /* a driver in this process has no keepalive */
        link->in_process =
            virConnectSetKeepAlive(link->connection, KEEPALIVE_INTERVAL_SEC, KEEPALIVE_COUNT) < 0;
    if (link->connection)
        link->source = sinter_event_source_new(link->connection, self->use_qmp_events,
                                               on_source_event, self, &error);
    /* it may have broken before the callback was registered */
    if (link->source && virConnectIsAlive(link->connection) != 0) {
        g_task_return_pointer(task, link, link_free);
        return;
    }
    if (link->source)
        g_set_error_literal(&error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED,
                            "the connection was lost immediately");
    link_free(link);
    g_task_return_error(task, error);
}

static void
on_opened(GObject *object, GAsyncResult *result, gpointer user_data)
{
    SinterConnection *self = SINTER_CONNECTION(object);
    g_autoptr(GError) error = NULL;
    Link *link = g_task_propagate_pointer(G_TASK(result), &error);

    if (self->stopped && link)
        release_link(link);
    else if (link)
        adopt_link(self, link);
    else if (!self->stopped)
        handle_failed(self, error);
}

static gboolean
open_now(gpointer user_data)
{
    SinterConnection *self = user_data;
    g_autoptr(GTask) task = g_task_new(self, NULL, on_opened, NULL);

    self->retry_id = 0;
    g_clear_pointer(&self->early_break, g_free);
    g_task_run_in_thread(task, open_in_thread);
    return G_SOURCE_REMOVE;
}

static void
open_soon(SinterConnection *self)
{
    if (self->pause_sec == 0)
        open_now(self);
    else
        self->retry_id = g_timeout_add_seconds(self->pause_sec, open_now, self);
}

void
sinter_connection_start(SinterConnection *self)
{
    g_return_if_fail(!self->started);
    self->started = TRUE;
    open_now(self);
}

void
sinter_connection_stop(SinterConnection *self)
{
    Link *link = take_link(self);

    self->stopped = TRUE;
    g_clear_handle_id(&self->retry_id, g_source_remove);
    if (link)
        release_link(link);
}

const char *
sinter_connection_get_uri(SinterConnection *self)
{
    return self->uri;
}

gboolean
sinter_connection_is_open(SinterConnection *self)
{
    return self->source != NULL;
}

SinterLinePool *
sinter_connection_get_lines(SinterConnection *self)
{
    gboolean has_lines;

    g_mutex_lock(&self->lock);
    has_lines = self->has_lines;
    g_mutex_unlock(&self->lock);
    return has_lines ? self->lines : NULL;
}

virConnectPtr
sinter_connection_dup(SinterConnection *self, GError **error)
{
    virConnectPtr connection;

    g_mutex_lock(&self->lock);
    connection = self->connection;
    if (connection)
        virConnectRef(connection);
    g_mutex_unlock(&self->lock);
    if (!connection)
        sinter_connection_set_absent(error, self->uri);
    return connection;
}

SinterConnection *
sinter_connection_new(const char *uri, gboolean use_qmp_events)
{
    SinterConnection *self = g_object_new(SINTER_TYPE_CONNECTION, NULL);

    self->uri = g_strdup(uri);
    self->lines = sinter_line_pool_new(uri);
    self->use_qmp_events = use_qmp_events;
    return self;
}

static void
sinter_connection_dispose(GObject *object)
{
    sinter_connection_stop(SINTER_CONNECTION(object));
    G_OBJECT_CLASS(sinter_connection_parent_class)->dispose(object);
}

static void
sinter_connection_finalize(GObject *object)
{
    SinterConnection *self = SINTER_CONNECTION(object);

    g_free(self->uri);
    sinter_line_pool_unref(self->lines);
    g_free(self->early_break);
    g_free(self->last_problem);
    g_mutex_clear(&self->lock);
    G_OBJECT_CLASS(sinter_connection_parent_class)->finalize(object);
}

static void
sinter_connection_class_init(SinterConnectionClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->dispose = sinter_connection_dispose;
    object_class->finalize = sinter_connection_finalize;
    signals[SIGNAL_EVENT] = g_signal_new("event", SINTER_TYPE_CONNECTION, G_SIGNAL_RUN_LAST, 0,
                                         NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
}

static void
sinter_connection_init(SinterConnection *self)
{
    g_mutex_init(&self->lock);
}
