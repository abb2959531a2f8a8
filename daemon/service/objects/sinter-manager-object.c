/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The manager object on the bus. Look-ups are answered from the inventory; while it is incomplete
 * (just started or just reconnected) they wait for a scan, so that NotFound always means that the
 * domain does not exist.
 */

#include "sinter-manager-object.h"

#include <string.h>

#include "sinter-authority.h"
#include "sinter-check-planner.h"
#include "sinter-dbus-error.h"
#include "sinter-event-gate.h"
#include "sinter-object-path.h"
#include "sinter-policy-view.h"

/* The minimum interval between I/O errors reported for one disk. */
#define EVENT_INTERVAL_MSEC 1000

struct _SinterManagerObject {
    SinterDBusManagerSkeleton parent_instance;
    SinterServiceContext *context;
    SinterPlanTable *plans;
    SinterJobTable *jobs;
    SinterIncidentTable *incidents;
    SinterReloadFunc reload;
    gpointer reload_data;
    SinterEventGate *gate;
};

static void manager_iface_init(SinterDBusManagerIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterManagerObject, sinter_manager_object,
                              SINTER_DBUS_TYPE_MANAGER_SKELETON,
                              G_IMPLEMENT_INTERFACE(SINTER_DBUS_TYPE_MANAGER, manager_iface_init))

/* The numbers that an event of a kind carries. */
enum {
    HAS_STATUS = 1 << 0,
    HAS_DETAIL = 1 << 1,
    HAS_JOB_TYPE = 1 << 2,
    HAS_THRESHOLD = 1 << 3,
};

static const guint event_numbers[] = {
    [SINTER_EVENT_LIFECYCLE] = HAS_STATUS | HAS_DETAIL,
    [SINTER_EVENT_BLOCK_JOB] = HAS_STATUS | HAS_JOB_TYPE,
    [SINTER_EVENT_IO_ERROR] = HAS_DETAIL,
    [SINTER_EVENT_BLOCK_THRESHOLD] = HAS_THRESHOLD,
    [SINTER_EVENT_METADATA_CHANGE] = HAS_DETAIL,
    [SINTER_EVENT_DISCONNECTED] = 0,
};

static void
add_int(GVariantBuilder *builder, const char *key, int value)
{
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_int32(value));
}

static void
add_text(GVariantBuilder *builder, const char *key, const char *value)
{
    if (value && *value != '\0')
        g_variant_builder_add(builder, "{sv}", key,
                              g_variant_new_take_string(sinter_dbus_text(value)));
}

static GVariant *
event_details(const SinterEvent *event, guint64 n_events)
{
    guint numbers =
        (gsize)event->kind < G_N_ELEMENTS(event_numbers) ? event_numbers[event->kind] : 0;
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    if (numbers & HAS_STATUS)
        add_int(&builder, "status", event->status);
    if (numbers & HAS_DETAIL)
        add_int(&builder, "detail", event->detail);
    if (numbers & HAS_JOB_TYPE)
        add_int(&builder, "job-type", event->job_type);
    if (numbers & HAS_THRESHOLD) {
        g_variant_builder_add(&builder, "{sv}", "threshold-bytes",
                              g_variant_new_uint64(event->threshold_bytes));
        g_variant_builder_add(&builder, "{sv}", "excess-bytes",
                              g_variant_new_uint64(event->excess_bytes));
    }
    if (event->layer_index > 0)
        g_variant_builder_add(&builder, "{sv}", "layer-index",
                              g_variant_new_uint32(event->layer_index));
    add_text(&builder, "device", event->device);
    add_text(&builder, "node", event->node);
    add_text(&builder, "path", event->path);
    add_text(&builder, "text", event->text);
    if (n_events > 1)
        g_variant_builder_add(&builder, "{sv}", "times", g_variant_new_uint64(n_events));
    return g_variant_builder_end(&builder);
}

static void
on_passed(const SinterEvent *event, guint64 n_events, gpointer user_data)
{
    sinter_dbus_manager_emit_event(SINTER_DBUS_MANAGER(user_data), event->time_usec,
                                   sinter_event_kind_name(event->kind),
                                   event->name ? event->name : "", event->disk ? event->disk : "",
                                   event_details(event, n_events));
}

void
sinter_manager_object_tell(SinterManagerObject *self, const SinterEvent *event)
{
    sinter_event_gate_take(self->gate, event);
}

void
sinter_manager_object_update(SinterManagerObject *self, gboolean connected)
{
    SinterDBusManager *iface = SINTER_DBUS_MANAGER(self);

    sinter_dbus_manager_set_connected(iface, connected);
    sinter_dbus_manager_set_ready(iface, sinter_service_context_is_scanned(self->context));
}

SinterManagerObject *
sinter_manager_object_new(const SinterManagerObjectParts *parts)
{
    SinterManagerObject *self = g_object_new(SINTER_TYPE_MANAGER_OBJECT, NULL);
    SinterDBusManager *iface = SINTER_DBUS_MANAGER(self);

    self->context = g_object_ref(parts->context);
    self->plans = g_object_ref(parts->plans);
    self->jobs = g_object_ref(parts->jobs);
    self->incidents = g_object_ref(parts->incidents);
    self->reload = parts->reload;
    self->reload_data = parts->reload_data;
    sinter_dbus_manager_set_version(iface, SINTER_VERSION);
    sinter_dbus_manager_set_connection_uri(iface, parts->uri);
    return self;
}

/* A call that waits for a scan. */
typedef struct {
    SinterServiceContext *context;
    GDBusMethodInvocation *invocation;
    char *name; /* the domain to look up, NULL for Rescan */
} Waiting;

static Waiting *
waiting_new(SinterManagerObject *self, GDBusMethodInvocation *invocation, const char *name)
{
    Waiting *waiting = g_new0(Waiting, 1);

    waiting->context = g_object_ref(self->context);
    waiting->invocation = invocation;
    waiting->name = g_strdup(name);
    return waiting;
}

static void
waiting_free(Waiting *waiting)
{
    g_object_unref(waiting->context);
    g_free(waiting->name);
    g_free(waiting);
}

static void
answer_lookup(SinterServiceContext *context, GDBusMethodInvocation *invocation, const char *name)
{
    g_autoptr(SinterDomain) domain = sinter_service_context_lookup_domain(context, name);
    g_autofree char *path = NULL;

    if (!domain) {
        sinter_dbus_return_error(invocation, g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                                                         "no domain '%.256s'", name));
        return;
    }
    sinter_service_context_request_update(context);
    path = sinter_object_path_domain(domain->uuid);
    sinter_dbus_manager_complete_lookup_domain(NULL, invocation, path);
}

static void
on_scanned(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Waiting *waiting = user_data;
    GError *error = NULL;

    if (!sinter_service_context_refresh_finish(waiting->context, result, &error)) {
        sinter_dbus_return_error(waiting->invocation, error);
    } else if (waiting->name) {
        answer_lookup(waiting->context, waiting->invocation, waiting->name);
    } else {
        sinter_service_context_request_update(waiting->context);
        sinter_dbus_manager_complete_rescan(NULL, waiting->invocation);
    }
    waiting_free(waiting);
}

static void
scan_then_answer(SinterManagerObject *self, GDBusMethodInvocation *invocation, const char *name)
{
    sinter_service_context_refresh_async(self->context, NULL, on_scanned,
                                         waiting_new(self, invocation, name));
}

static gboolean
handle_lookup_domain(SinterDBusManager *iface, GDBusMethodInvocation *invocation, const char *name,
                     GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);

    if (sinter_service_context_is_scanned(self->context))
        answer_lookup(self->context, invocation, name);
    else
        scan_then_answer(self, invocation, name);
    return TRUE;
}

static gboolean
handle_rescan(SinterDBusManager *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    scan_then_answer(SINTER_MANAGER_OBJECT(iface), invocation, NULL);
    return TRUE;
}

static gboolean
handle_lookup_job(SinterDBusManager *iface, GDBusMethodInvocation *invocation, const char *id,
                  GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);
    GError *error = NULL;
    g_autofree char *path = sinter_job_table_lookup(self->jobs, id, &error);

    if (path)
        sinter_dbus_manager_complete_lookup_job(iface, invocation, path);
    else
        sinter_dbus_return_error(invocation, error);
    return TRUE;
}

static gboolean
handle_lookup_plan(SinterDBusManager *iface, GDBusMethodInvocation *invocation, const char *id,
                   GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);
    GError *error = NULL;
    g_autofree char *path = sinter_plan_table_lookup(self->plans, id, &error);

    if (path)
        sinter_dbus_manager_complete_lookup_plan(iface, invocation, path);
    else
        sinter_dbus_return_error(invocation, error);
    return TRUE;
}

static gboolean
handle_lookup_incident(SinterDBusManager *iface, GDBusMethodInvocation *invocation, const char *id,
                       GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);
    GError *error = NULL;
    g_autofree char *path = sinter_incident_table_lookup(self->incidents, id, &error);

    if (path)
        sinter_dbus_manager_complete_lookup_incident(iface, invocation, path);
    else
        sinter_dbus_return_error(invocation, error);
    return TRUE;
}

static GVariant *
findings_to_variant(GPtrArray *findings)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < findings->len; i++) {
        const SinterDoctorFinding *finding = g_ptr_array_index(findings, i);

        g_variant_builder_open(&builder, G_VARIANT_TYPE_VARDICT);
        add_text(&builder, "check", finding->check);
        add_text(&builder, "subject", finding->subject);
        add_text(&builder, "problem", finding->problem);
        add_text(&builder, "remedy", finding->remedy);
        g_variant_builder_close(&builder);
    }
    return g_variant_builder_end(&builder);
}

static void
on_examined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GPtrArray) findings = NULL;
    GError *error = NULL;

    findings = sinter_service_context_examine_host_finish(result, &error);
    if (findings)
        sinter_dbus_manager_complete_examine_host(NULL, invocation, findings_to_variant(findings));
    else
        sinter_dbus_return_error(invocation, error);
}

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Waiting *waiting = user_data;
    GError *error = NULL;

    if (sinter_service_context_refresh_finish(waiting->context, result, &error))
        sinter_service_context_examine_host_async(waiting->context, on_examined,
                                                  waiting->invocation);
    else
        sinter_dbus_return_error(waiting->invocation, error);
    waiting_free(waiting);
}

static gboolean
handle_examine_host(SinterDBusManager *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);

    sinter_service_context_refresh_async(self->context, NULL, on_read,
                                         waiting_new(self, invocation, NULL));
    return TRUE;
}

static void
on_reloaded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;

    if (g_task_propagate_boolean(G_TASK(result), &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        sinter_dbus_return_error(invocation, error);
}

static gboolean
handle_reload(SinterDBusManager *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);

    self->reload(self->reload_data, on_reloaded, invocation);
    return TRUE;
}

/* (transfer full) (nullable): the job */
static char *
submit_check_of_file(SinterManagerObject *self, GDBusMethodInvocation *invocation, const char *path,
                     GError **error)
{
    g_autoptr(SinterPlan) plan = sinter_check_planner_plan_file(path, g_get_real_time());
    const SinterJobOptions options = { .uid = sinter_authority_get_call(invocation)->uid };
    g_auto(GStrv) ids = sinter_service_context_submit(self->context, plan, &options, error);

    return ids ? sinter_object_path_job(ids[0]) : NULL;
}

static gboolean
is_plain_path(const char *path)
{
    g_autofree char *plain = NULL;

    if (!g_path_is_absolute(path) || strlen(path) > SINTER_OPTION_MAX_STRING)
        return FALSE;
    plain = g_canonicalize_filename(path, NULL);
    return strcmp(plain, path) == 0;
}

static gboolean
handle_check_file(SinterDBusManager *iface, GDBusMethodInvocation *invocation, const char *path,
                  GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);
    g_autoptr(GError) error = NULL;
    g_autofree char *job = NULL;

    if (is_plain_path(path))
        job = submit_check_of_file(self, invocation, path, &error);
    else
        g_set_error(&error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "'%.256s' is not a plain absolute path of a file", path);
    if (job)
        sinter_dbus_manager_complete_check_file(iface, invocation, job);
    else
        sinter_dbus_return_error(invocation, g_steal_pointer(&error));
    return TRUE;
}

/* A call that waits for the planner. */
typedef struct {
    SinterServiceContext *context;
    GDBusMethodInvocation *invocation;
} Preview;

static void
on_previewed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree Preview *preview = user_data;
    g_autoptr(SinterServiceContext) context = preview->context;
    GError *error = NULL;
    g_autoptr(GPtrArray) forecasts =
        sinter_service_context_preview_policies_finish(context, result, &error);

    if (forecasts)
        sinter_dbus_manager_complete_preview_policies(NULL, preview->invocation,
                                                      sinter_policy_view_forecasts(forecasts));
    else
        sinter_dbus_return_error(preview->invocation, error);
}

static gboolean
handle_preview_policies(SinterDBusManager *iface, GDBusMethodInvocation *invocation,
                        const char *name, GVariant *options)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(iface);
    g_autoptr(SinterDomain) only =
        *name != '\0' ? sinter_service_context_lookup_domain(self->context, name) : NULL;
    Preview *preview;

    if (*name != '\0' && !only) {
        sinter_dbus_return_error(invocation, g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                                                         "no domain '%.256s'", name));
        return TRUE;
    }
    preview = g_new(Preview, 1);
    *preview = (Preview){ g_object_ref(self->context), invocation };
    sinter_service_context_preview_policies_async(self->context, only, on_previewed, preview);
    return TRUE;
}

static void
manager_iface_init(SinterDBusManagerIface *iface)
{
    iface->handle_lookup_domain = handle_lookup_domain;
    iface->handle_lookup_job = handle_lookup_job;
    iface->handle_lookup_plan = handle_lookup_plan;
    iface->handle_lookup_incident = handle_lookup_incident;
    iface->handle_examine_host = handle_examine_host;
    iface->handle_rescan = handle_rescan;
    iface->handle_reload = handle_reload;
    iface->handle_check_file = handle_check_file;
    iface->handle_preview_policies = handle_preview_policies;
}

static void
sinter_manager_object_finalize(GObject *object)
{
    SinterManagerObject *self = SINTER_MANAGER_OBJECT(object);

    sinter_event_gate_free(self->gate);
    g_clear_object(&self->incidents);
    g_clear_object(&self->jobs);
    g_clear_object(&self->plans);
    g_clear_object(&self->context);
    G_OBJECT_CLASS(sinter_manager_object_parent_class)->finalize(object);
}

static void
sinter_manager_object_class_init(SinterManagerObjectClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_manager_object_finalize;
}

static void
sinter_manager_object_init(SinterManagerObject *self)
{
    self->gate = sinter_event_gate_new(EVENT_INTERVAL_MSEC, on_passed, self);
}
