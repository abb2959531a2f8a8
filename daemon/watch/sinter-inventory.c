/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The inventory: the last known state of each domain. Invariant: one scan runs at a time, in a
 * worker; requests that arrive meanwhile are combined into one further scan, so that a burst of
 * events costs two scans and an answer never shows a state older than its request. An event is
 * passed on with its disk's target; only an event whose device is unknown waits, for a scan that is
 * in progress. Everything here belongs to the main context; the worker gets plain values and
 * returns model values.
 *
 * When the connection breaks, the last known state remains; a full scan after the reconnection
 * finds the changes.
 */

#include "sinter-inventory.h"
#include "sinter-error.h"
#include "sinter-event-disk.h"
#include "sinter-log.h"
#include "sinter-problem-log.h"
#include "sinter-scan-request.h"
#include "sinter-scan-work.h"

#include <libvirt/libvirt.h>

/* How long a scan that is not urgent may wait for another reason to scan the domain. */
#define DEFER_MSEC 300

/* Between two scans because something responds again. */
#define RESPONSE_PAUSE_USEC (5 * G_USEC_PER_SEC)

struct _SinterInventory {
    GObject parent_instance;
    SinterConnection *connection;
    SinterScanSettings *settings;
    gulong event_handler;
    guint rescan_interval_sec;
    guint rescan_id;
    GHashTable *domains;         /* uuid (owned by the domain) → SinterDomain */
    GPtrArray *strays;           /* as in SinterHost, of the last full scan */
    SinterReferenceGraph *graph; /* of domains and strays, or NULL */
    SinterScanRequest *pending;  /* what the next scan is to read, or NULL */
    SinterScanRequest *running;  /* (transfer none) what the present scan reads, or NULL */
    GHashTable *deferred;        /* set of char*: domains to scan soon */
    guint responds_id;           /* the timeout of a scan because something responds, or 0 */
    gint64 responded_usec;       /* when the last such scan was due (monotonic), or 0 */
    guint deferred_id;           /* the timeout, or 0 if none are deferred */
    gboolean complete;
    SinterProblemLog *problems;
    char *last_problem; /* of a scan as a whole, as logged; NULL after one succeeded */
};

G_DEFINE_TYPE(SinterInventory, sinter_inventory, G_TYPE_OBJECT)

enum { SIGNAL_DOMAIN_CHANGED, SIGNAL_EVENT, SIGNAL_SCANNED, N_SIGNALS };
static guint signals[N_SIGNALS];

/* ---- applying the results of a scan ---- */

static void
log_scan_problem(SinterInventory *self, const GError *error)
{
    /* the connection itself reports its end */
    if (g_error_matches(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED) ||
        !sinter_connection_is_open(self->connection) ||
        g_strcmp0(self->last_problem, error->message) == 0)
        return;
    g_free(self->last_problem);
    self->last_problem = g_strdup(error->message);
    sinter_log(G_LOG_LEVEL_WARNING, NULL, "scanning the host failed: %s", error->message);
}

/* The old and the new state of a domain; both owned. */
typedef struct {
    SinterDomain *before;
    SinterDomain *now;
} Change;

static void
change_free(gpointer data)
{
    Change *change = data;

    sinter_domain_unref(change->before);
    sinter_domain_unref(change->now);
    g_free(change);
}

/* Replaces @uuid's domain with @now (full, nullable); records a change that must be signalled. */
static void
replace_domain(SinterInventory *self, const char *uuid, SinterDomain *now, GPtrArray *changes)
{
    SinterDomain *before = g_hash_table_lookup(self->domains, uuid);
    Change *change;

    if (now)
        sinter_problem_log_tell(self->problems, now);
    if (before == now) {
        sinter_domain_unref(now);
        return;
    }
    if (!before || !now || !sinter_domain_equal(before, now)) {
        change = g_new0(Change, 1);
        change->before = before ? sinter_domain_ref(before) : NULL;
        change->now = now ? sinter_domain_ref(now) : NULL;
        g_ptr_array_add(changes, change);
    }
    if (now) {
        sinter_scan_memory_remember(self->settings->memory, now);
        g_hash_table_replace(self->domains, now->uuid, now);
    } else {
        sinter_scan_memory_forget(self->settings->memory, uuid);
        g_hash_table_remove(self->domains, uuid);
    }
    g_clear_pointer(&self->graph, sinter_reference_graph_unref);
}

/* After a full scan: removes the domains that it did not find. */
static void
drop_absent(SinterInventory *self, const SinterFindings *findings, GPtrArray *changes)
{
    g_autoptr(GList) uuids = g_hash_table_get_keys(self->domains);

    for (GList *link = uuids; link; link = link->next) {
        if (!g_hash_table_contains(findings->domains, link->data))
            replace_domain(self, link->data, NULL, changes);
    }
}

static void
take_over_strays(SinterInventory *self, SinterFindings *findings)
{
    if (sinter_chains_equal(self->strays, findings->strays))
        return;
    g_ptr_array_unref(self->strays);
    self->strays = g_steal_pointer(&findings->strays);
    g_clear_pointer(&self->graph, sinter_reference_graph_unref);
}

static void
take_over(SinterInventory *self, SinterFindings *findings)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func(change_free);
    GHashTableIter iter;
    gpointer uuid;
    gpointer domain;

    if (findings->all) {
        take_over_strays(self, findings);
        drop_absent(self, findings, changes);
        sinter_problem_log_begin_round(self->problems);
    }
    g_hash_table_iter_init(&iter, findings->domains);
    while (g_hash_table_iter_next(&iter, &uuid, &domain)) {
        g_hash_table_iter_steal(&iter);
        replace_domain(self, uuid, domain, changes);
        g_free(uuid);
    }
    if (findings->all) {
        sinter_problem_log_end_round(self->problems);
        self->complete = TRUE;
    }
    for (guint i = 0; i < changes->len; i++) {
        const Change *change = g_ptr_array_index(changes, i);

        g_signal_emit(self, signals[SIGNAL_DOMAIN_CHANGED], 0, change->before, change->now);
    }
}

static void start_scan(SinterInventory *self);

static GHashTable *
deferred_new(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static const SinterDomain *
find_domain(SinterInventory *self, const char *uuid)
{
    return uuid ? g_hash_table_lookup(self->domains, uuid) : NULL;
}

/* Passes on the events that waited for this scan. A device that is still unknown is not a disk. */
static void
release_events(SinterInventory *self, const SinterScanRequest *request)
{
    for (guint i = 0; i < request->events->len; i++) {
        SinterEvent *event = g_ptr_array_index(request->events, i);

        sinter_event_name_disk(event, find_domain(self, event->uuid));
        g_signal_emit(self, signals[SIGNAL_EVENT], 0, event);
    }
}

static void
on_scanned(GObject *object, GAsyncResult *result, gpointer user_data)
{
    SinterInventory *self = SINTER_INVENTORY(object);
    const SinterScanWork *work = g_task_get_task_data(G_TASK(result));
    g_autoptr(GError) error = NULL;
    SinterFindings *findings = g_task_propagate_pointer(G_TASK(result), &error);

    self->running = NULL;
    if (findings) {
        g_clear_pointer(&self->last_problem, g_free);
        take_over(self, findings);
        if (findings->all)
            g_signal_emit(self, signals[SIGNAL_SCANNED], 0);
        sinter_findings_free(findings);
    } else {
        log_scan_problem(self, error);
    }
    sinter_scan_request_answer(work->request, error);
    release_events(self, work->request);
    start_scan(self);
}

static GHashTable *
dup_known(SinterInventory *self)
{
    GHashTable *known =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sinter_domain_unref);
    GHashTableIter iter;
    gpointer domain;

    g_hash_table_iter_init(&iter, self->domains);
    while (g_hash_table_iter_next(&iter, NULL, &domain))
        g_hash_table_insert(known, ((SinterDomain *)domain)->uuid, sinter_domain_ref(domain));
    return known;
}

/* Starts the pending scan, unless one is running: its end then starts it. */
static void
start_scan(SinterInventory *self)
{
    g_autoptr(GTask) task = NULL;
    SinterScanWork *work;

    if (self->running || !self->pending)
        return;
    work = g_new0(SinterScanWork, 1);
    work->connection = g_object_ref(self->connection);
    work->settings = sinter_scan_settings_ref(self->settings);
    work->request = self->running = g_steal_pointer(&self->pending);
    work->known = dup_known(self);
    task = g_task_new(self, NULL, on_scanned, NULL);
    g_task_set_task_data(task, work, sinter_scan_work_free);
    g_task_run_in_thread(task, sinter_scan_work_run);
}

/* @uuid: NULL for all; @since_usec, @task: as in sinter_scan_request_add() */
static void
ask_for_since(SinterInventory *self, const char *uuid, gint64 since_usec, GTask *task)
{
    if (!self->pending)
        self->pending = sinter_scan_request_new();
    sinter_scan_request_add(self->pending, uuid, since_usec, task);
    if (uuid)
        g_hash_table_remove(self->deferred, uuid);
    else
        g_hash_table_remove_all(self->deferred);
    start_scan(self);
}

static void
ask_for(SinterInventory *self, const char *uuid, GTask *task)
{
    ask_for_since(self, uuid, g_get_monotonic_time(), task);
}

static gboolean
on_deferred_due(gpointer user_data)
{
    SinterInventory *self = user_data;
    g_autoptr(GHashTable) uuids = g_steal_pointer(&self->deferred);
    GHashTableIter iter;
    gpointer uuid;

    self->deferred_id = 0;
    self->deferred = deferred_new();
    g_hash_table_iter_init(&iter, uuids);
    while (g_hash_table_iter_next(&iter, &uuid, NULL))
        ask_for(self, uuid, NULL);
    return G_SOURCE_REMOVE;
}

/* Asks for a scan of @uuid that need not begin at once; one that begins earlier for another reason
 * takes its place. */
static void
ask_later(SinterInventory *self, const char *uuid)
{
    g_hash_table_add(self->deferred, g_strdup(uuid));
    if (self->deferred_id == 0)
        self->deferred_id = g_timeout_add(DEFER_MSEC, on_deferred_due, self);
}

/* Returns whether the event changes nothing that is urgent: a block job is ready, or the definition
 * for the next boot was changed. Both happen just before a pivot, which a scan at that moment would
 * delay, and after which the domain is scanned anyway. */
static gboolean
may_defer(const SinterEvent *event)
{
    return (event->kind == SINTER_EVENT_BLOCK_JOB && event->disk &&
            event->status == VIR_DOMAIN_BLOCK_JOB_READY) ||
           (event->kind == SINTER_EVENT_LIFECYCLE && event->status == VIR_DOMAIN_EVENT_DEFINED &&
            event->detail == VIR_DOMAIN_EVENT_DEFINED_UPDATED);
}

static void
scan_domain_after(SinterInventory *self, const SinterEvent *event)
{
    sinter_scan_share_note_change(self->settings->memory->share, event->uuid, event->arrived_usec);
    if (may_defer(event))
        ask_later(self, event->uuid);
    else
        ask_for_since(self, event->uuid, event->arrived_usec, NULL);
}

/* Requests the scan that an event makes necessary. */
static void
scan_after(SinterInventory *self, const SinterEvent *event)
{
    switch (event->kind) {
    case SINTER_EVENT_CONNECTED:
        ask_for(self, NULL, NULL);
        break;
    case SINTER_EVENT_DISCONNECTED:
    case SINTER_EVENT_QMP_JOB_ERROR: /* libvirt's own event follows, after the state has changed */
    case SINTER_EVENT_IO_ERROR:      /* likewise; a guest that continues to run may cause
                                      * thousands */
    case SINTER_EVENT_BLOCK_THRESHOLD: /* changes nothing that is shown */
        break;
    default:
        if (event->uuid)
            scan_domain_after(self, event);
        break;
    }
}

/* Keeps an event until its domain has been read: by the pending scan, else by the running one. */
static gboolean
hold_event(SinterInventory *self, const SinterEvent *event)
{
    return sinter_scan_request_take_event(self->pending, event) ||
           sinter_scan_request_take_event(self->running, event);
}

static void
on_event(SinterConnection *connection, const SinterEvent *event, gpointer user_data)
{
    SinterInventory *self = user_data;
    g_autoptr(SinterEvent) named = sinter_event_copy(event);
    gboolean is_new = event->kind == SINTER_EVENT_DEVICE_ADDED; /* not in the last scan */
    gboolean is_named = sinter_event_name_disk(named, find_domain(self, event->uuid)) && !is_new;

    scan_after(self, named);
    if (is_named || !hold_event(self, event))
        g_signal_emit(self, signals[SIGNAL_EVENT], 0, named);
}

static gboolean
on_rescan_due(gpointer user_data)
{
    SinterInventory *self = user_data;

    if (sinter_connection_is_open(self->connection))
        ask_for(self, NULL, NULL);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_response_due(gpointer user_data)
{
    SinterInventory *self = user_data;

    self->responds_id = 0;
    self->responded_usec = g_get_monotonic_time();
    on_rescan_due(self);
    return G_SOURCE_REMOVE;
}

/* Storage that is merely slow stops and responds again during each scan: the scans must not follow
 * each other without a pause. */
static gboolean
on_responds(gpointer user_data)
{
    SinterInventory *self = user_data;
    gint64 pause_usec = self->responded_usec + RESPONSE_PAUSE_USEC - g_get_monotonic_time();

    if (!self->connection || self->responds_id != 0) /* disposed, or due already */
        return G_SOURCE_REMOVE;
    if (self->responded_usec == 0)
        pause_usec = 0;
    self->responds_id = g_timeout_add((guint)(MAX(pause_usec, 0) / 1000), on_response_due, self);
    return G_SOURCE_REMOVE;
}

/* Something responds again: everything is current after one scan. Any thread. */
static void
note_response(gpointer user_data)
{
    g_idle_add_full(G_PRIORITY_DEFAULT, on_responds, g_object_ref(user_data), g_object_unref);
}

static void
listen_to_memory(SinterInventory *self, gboolean listen)
{
    const SinterScanMemory *memory = self->settings->memory;
    SinterRespondsFunc func = listen ? note_response : NULL;

    sinter_patience_set_func(memory->storage, func, self);
    sinter_patience_set_func(memory->libvirt, func, self);
    sinter_patience_set_func(memory->qemu, func, self);
}

/* ---- requests of callers ---- */

SinterDomain *
sinter_inventory_lookup(SinterInventory *self, const char *name_or_uuid)
{
    SinterDomain *domain = g_hash_table_lookup(self->domains, name_or_uuid);
    GHashTableIter iter;
    gpointer value;

    if (domain)
        return sinter_domain_ref(domain);
    g_hash_table_iter_init(&iter, self->domains);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        domain = value;
        if (g_strcmp0(domain->name, name_or_uuid) == 0)
            return sinter_domain_ref(domain);
    }
    return NULL;
}

static int
compare_names(gconstpointer pa, gconstpointer pb)
{
    const SinterDomain *a = *(const SinterDomain *const *)pa;
    const SinterDomain *b = *(const SinterDomain *const *)pb;

    return g_strcmp0(a->name, b->name);
}

GPtrArray *
sinter_inventory_list(SinterInventory *self)
{
    GPtrArray *list =
        g_ptr_array_new_full(g_hash_table_size(self->domains), (GDestroyNotify)sinter_domain_unref);
    GHashTableIter iter;
    gpointer domain;

    g_hash_table_iter_init(&iter, self->domains);
    while (g_hash_table_iter_next(&iter, NULL, &domain))
        g_ptr_array_add(list, sinter_domain_ref(domain));
    g_ptr_array_sort(list, compare_names);
    return list;
}

SinterReferenceGraph *
sinter_inventory_get_graph(SinterInventory *self)
{
    g_autoptr(GPtrArray) list = NULL;

    if (!self->graph) {
        list = sinter_inventory_list(self);
        self->graph = sinter_reference_graph_new_with_strays(list, self->strays);
    }
    return sinter_reference_graph_ref(self->graph);
}

gboolean
sinter_inventory_has_problems(SinterInventory *self)
{
    GHashTableIter iter;
    gpointer domain;

    g_hash_table_iter_init(&iter, self->domains);
    while (g_hash_table_iter_next(&iter, NULL, &domain)) {
        if (((const SinterDomain *)domain)->problem)
            return TRUE;
    }
    return FALSE;
}

gboolean
sinter_inventory_is_complete(SinterInventory *self)
{
    return self->complete;
}

void
sinter_inventory_refresh_async(SinterInventory *self, const char *uuid, GCancellable *cancellable,
                               GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);

    g_task_set_source_tag(task, sinter_inventory_refresh_async);
    ask_for(self, uuid, task);
}

void
sinter_inventory_settle_async(SinterInventory *self, const char *uuid, GCancellable *cancellable,
                              GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(self, cancellable, callback, user_data);
    SinterScanShare *share = self->settings->memory->share;

    g_task_set_source_tag(task, sinter_inventory_settle_async);
    ask_for_since(self, uuid, sinter_scan_share_last_change(share, uuid), task);
}

gboolean
sinter_inventory_refresh_finish(SinterInventory *self, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, self), FALSE);
    return g_task_propagate_boolean(G_TASK(result), error);
}

SinterInventory *
sinter_inventory_new(SinterConnection *connection, SinterScanSettings *settings,
                     guint rescan_interval_sec)
{
    SinterInventory *self = g_object_new(SINTER_TYPE_INVENTORY, NULL);

    self->connection = g_object_ref(connection);
    self->settings = sinter_scan_settings_ref(settings);
    listen_to_memory(self, TRUE);
    self->event_handler = g_signal_connect(connection, "event", G_CALLBACK(on_event), self);
    self->rescan_interval_sec = rescan_interval_sec;
    if (rescan_interval_sec > 0)
        self->rescan_id = g_timeout_add_seconds(rescan_interval_sec, on_rescan_due, self);
    if (sinter_connection_is_open(connection))
        ask_for(self, NULL, NULL);
    return self;
}

SinterScanSettings *
sinter_inventory_get_settings(SinterInventory *self)
{
    return self->settings;
}

static void
sinter_inventory_dispose(GObject *object)
{
    SinterInventory *self = SINTER_INVENTORY(object);

    if (self->connection)
        listen_to_memory(self, FALSE);
    g_clear_handle_id(&self->rescan_id, g_source_remove);
    g_clear_handle_id(&self->deferred_id, g_source_remove);
    g_clear_handle_id(&self->responds_id, g_source_remove);
    if (self->connection)
        g_clear_signal_handler(&self->event_handler, self->connection);
    g_clear_object(&self->connection);
    G_OBJECT_CLASS(sinter_inventory_parent_class)->dispose(object);
}

static void
sinter_inventory_finalize(GObject *object)
{
    SinterInventory *self = SINTER_INVENTORY(object);

    g_hash_table_unref(self->domains);
    g_hash_table_unref(self->deferred);
    g_ptr_array_unref(self->strays);
    g_clear_pointer(&self->graph, sinter_reference_graph_unref);
    g_clear_pointer(&self->pending, sinter_scan_request_free);
    g_clear_pointer(&self->settings, sinter_scan_settings_unref);
    sinter_problem_log_free(self->problems);
    g_free(self->last_problem);
    G_OBJECT_CLASS(sinter_inventory_parent_class)->finalize(object);
}

static void
sinter_inventory_class_init(SinterInventoryClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->dispose = sinter_inventory_dispose;
    object_class->finalize = sinter_inventory_finalize;
    signals[SIGNAL_DOMAIN_CHANGED] =
        g_signal_new("domain-changed", SINTER_TYPE_INVENTORY, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                     NULL, G_TYPE_NONE, 2, G_TYPE_POINTER, G_TYPE_POINTER);
    signals[SIGNAL_EVENT] = g_signal_new("event", SINTER_TYPE_INVENTORY, G_SIGNAL_RUN_LAST, 0, NULL,
                                         NULL, NULL, G_TYPE_NONE, 1, G_TYPE_POINTER);
    signals[SIGNAL_SCANNED] = g_signal_new("scanned", SINTER_TYPE_INVENTORY, G_SIGNAL_RUN_LAST, 0,
                                           NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sinter_inventory_init(SinterInventory *self)
{
    self->domains =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)sinter_domain_unref);
    self->strays = g_ptr_array_new_with_free_func((GDestroyNotify)g_ptr_array_unref);
    self->deferred = deferred_new();
    self->problems = sinter_problem_log_new();
}
