/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A job on the bus. A running job changes often; its properties are set, and so emitted, at most
 * once per MIN_INTERVAL. Invariant: the end is shown only after the domain has been read again, so
 * a client that sees the end finds the disk object with the chain that the job left; the properties
 * show the end before the Completed signal is sent.
 */

#include "sinter-job-object.h"

#include "sinter-authority.h"
#include "sinter-dbus-error.h"
#include "sinter-report-view.h"

#define MIN_INTERVAL_USEC (G_USEC_PER_SEC / 4)

struct _SinterJobObject {
    SinterDBusJobSkeleton parent_instance;
    SinterServiceContext *context;
    SinterJobRecord *record; /* as last updated, like the two below */
    SinterJobProgress progress;
    GPtrArray *reports; /* (nullable): as last shown */
    gboolean cancelable;
    gint64 shown_usec; /* when the properties were last set, monotonic */
    guint timeout_id;  /* the timeout of a delayed change */
    gboolean finished; /* Completed was sent, or the job had ended before this object was created */
};

static void job_iface_init(SinterDBusJobIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SinterJobObject, sinter_job_object, SINTER_DBUS_TYPE_JOB_SKELETON,
                              G_IMPLEMENT_INTERFACE(SINTER_DBUS_TYPE_JOB, job_iface_init))

enum { FINISHING, N_SIGNALS };

static guint signals[N_SIGNALS];

static void
show_progress(SinterDBusJob *iface, const SinterJobProgress *progress, SinterPhase phase)
{
    gboolean known = progress->total_bytes > 0;
    double fraction = known ? (double)progress->done_bytes / (double)progress->total_bytes : 0;

    if (phase == SINTER_PHASE_DONE) {
        known = TRUE;
        fraction = 1;
    }
    sinter_dbus_job_set_progress(iface, CLAMP(fraction, 0.0, 1.0));
    sinter_dbus_job_set_progress_valid(iface, known);
    sinter_dbus_job_set_bytes(iface, progress->total_bytes);
    sinter_dbus_job_set_processed_bytes(iface, progress->done_bytes);
    sinter_dbus_job_set_rate(iface, progress->rate_bytes_per_sec);
    sinter_dbus_job_set_expected_end_time(iface, (guint64)MAX(progress->expected_end_usec, 0));
}

/* (transfer full): why the job did not end as done; empty if it did, or has not ended */
static char *
failure_text(const SinterJobRecord *record)
{
    gboolean failed = sinter_phase_is_final(record->phase) && record->phase != SINTER_PHASE_DONE;

    return sinter_dbus_text(failed ? record->error_message : NULL);
}

static void
show_undo_files(SinterDBusJob *iface, const SinterJobRecord *record)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; record->undo_files && record->undo_files[i]; i++)
        g_ptr_array_add(paths, sinter_dbus_text(record->undo_files[i]));
    g_ptr_array_add(paths, NULL);
    sinter_dbus_job_set_undo_files(iface, (const char *const *)paths->pdata);
}

static void
show_record(SinterDBusJob *iface, const SinterJobRecord *record)
{
    gboolean failed = sinter_phase_is_final(record->phase) && record->phase != SINTER_PHASE_DONE;
    g_autoptr(GPtrArray) warnings = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *message = failure_text(record);
    g_autofree char *waiting_for = sinter_dbus_text(record->waiting_for);

    for (guint i = 0; record->warnings && i < record->warnings->len; i++)
        g_ptr_array_add(warnings, sinter_dbus_text(g_ptr_array_index(record->warnings, i)));
    if (record->obstacle)
        g_ptr_array_add(warnings, sinter_dbus_text(record->obstacle));
    g_ptr_array_add(warnings, NULL);
    sinter_dbus_job_set_phase(iface, sinter_phase_name(record->phase));
    sinter_dbus_job_set_waiting_for(iface, waiting_for);
    sinter_dbus_job_set_bandwidth_limit(iface, record->bandwidth_bytes_per_sec);
    sinter_dbus_job_set_holds(iface, record->n_holds);
    sinter_dbus_job_set_longest_hold(iface, record->longest_hold_usec);
    sinter_dbus_job_set_held_time(iface, record->total_hold_usec);
    sinter_dbus_job_set_start_time(iface, (guint64)MAX(record->started_usec, 0));
    sinter_dbus_job_set_end_time(iface, (guint64)MAX(record->ended_usec, 0));
    sinter_dbus_job_set_error_name(iface, failed ? sinter_error_name(record->error_code) : "");
    sinter_dbus_job_set_error_message(iface, message);
    sinter_dbus_job_set_warnings(iface, (const char *const *)warnings->pdata);
    sinter_dbus_job_set_in_doubt(iface, record->in_doubt);
    sinter_dbus_job_set_resolution(iface,
                                   record->choice && !record->in_doubt ? record->choice : "");
    show_undo_files(iface, record);
}

/* The reports are replaced at most twice in the life of a job. */
static void
show_reports(SinterJobObject *self)
{
    SinterDBusJob *iface = SINTER_DBUS_JOB(self);
    GPtrArray *reports = self->record->reports;

    if (reports == self->reports && sinter_dbus_job_get_images(iface))
        return;
    g_clear_pointer(&self->reports, g_ptr_array_unref);
    self->reports = reports ? g_ptr_array_ref(reports) : NULL;
    sinter_dbus_job_set_images(iface, sinter_report_view_images(reports));
    sinter_dbus_job_set_findings(iface, sinter_report_view_findings(reports));
}

static void
show_constants(SinterDBusJob *iface, const SinterJobRecord *record)
{
    sinter_dbus_job_set_id(iface, record->id);
    sinter_dbus_job_set_operation(iface, sinter_operation_name(record->plan->operation));
    sinter_dbus_job_set_started_by_uid(iface, record->uid);
    sinter_dbus_job_set_policy(iface, record->plan->policy ? record->plan->policy : "");
    sinter_dbus_job_set_reason(iface, record->plan->reason ? record->plan->reason : "");
    sinter_dbus_job_set_domain_uuid(iface, record->domain_uuid);
    sinter_dbus_job_set_domain_name(iface, record->domain_name);
    sinter_dbus_job_set_disk(iface, record->plan->disk);
}

void
sinter_job_object_set_disk_path(SinterJobObject *self, const char *path)
{
    const char *objects[] = { path, NULL };

    sinter_dbus_job_set_objects(SINTER_DBUS_JOB(self), objects);
}

static void
show(SinterJobObject *self)
{
    SinterDBusJob *iface = SINTER_DBUS_JOB(self);

    g_clear_handle_id(&self->timeout_id, g_source_remove);
    self->shown_usec = g_get_monotonic_time();
    show_record(iface, self->record);
    show_reports(self);
    show_progress(iface, &self->progress, self->record->phase);
    sinter_dbus_job_set_cancelable(iface, self->cancelable);
}

static gboolean
on_time(gpointer user_data)
{
    SinterJobObject *self = user_data;

    self->timeout_id = 0;
    if (!sinter_phase_is_final(self->record->phase))
        show(self);
    return G_SOURCE_REMOVE;
}

static void
show_in_time(SinterJobObject *self)
{
    gint64 wait_usec = self->shown_usec + MIN_INTERVAL_USEC - g_get_monotonic_time();

    if (self->timeout_id != 0 || sinter_phase_is_final(self->record->phase))
        return; /* sinter_job_object_finish() shows the end */
    if (wait_usec <= 0)
        show(self);
    else
        self->timeout_id = g_timeout_add((guint)(wait_usec / 1000 + 1), on_time, self);
}

static void
keep_state(SinterJobObject *self, const SinterJobState *state)
{
    SinterJobRecord *record = sinter_job_record_copy(state->record);

    g_clear_pointer(&self->record, sinter_job_record_free);
    self->record = record;
    self->progress = *state->progress;
    self->cancelable = state->cancelable;
}

void
sinter_job_object_update(SinterJobObject *self, const SinterJobState *state)
{
    gboolean continued = self->finished && !sinter_phase_is_final(state->record->phase);

    keep_state(self, state);
    if (continued) {
        self->finished = FALSE;
        show(self);
    } else {
        show_in_time(self);
    }
}

void
sinter_job_object_finish(SinterJobObject *self)
{
    g_autofree char *message = failure_text(self->record);
    gboolean success = self->record->phase == SINTER_PHASE_DONE;

    if (self->finished || !sinter_phase_is_final(self->record->phase))
        return;
    self->finished = TRUE;
    show(self);
    g_signal_emit(self, signals[FINISHING], 0);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self));
    sinter_dbus_job_emit_completed(SINTER_DBUS_JOB(self), success, message);
}

/* If the domain could not be read, there is no newer state to show. */
static void
on_refreshed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree GWeakRef *place = user_data;
    g_autoptr(SinterJobObject) self = g_weak_ref_get(place);

    g_weak_ref_clear(place);
    if (self)
        sinter_job_object_finish(self);
}

/* Removing files changes what is free on their file system, which nothing announces. */
static gboolean
removes_files(const SinterJobRecord *record)
{
    return record->plan->remove_files && record->plan->remove_files[0];
}

/* The domain must have been read since the job changed it, because not every libvirt version sends
 * an event when a merge changes the chain. */
void
sinter_job_object_end(SinterJobObject *self)
{
    const char *uuid = self->record->domain_uuid;
    GWeakRef *place;

    if (uuid[0] == '\0') {
        sinter_job_object_finish(self);
        return;
    }
    place = g_new0(GWeakRef, 1);
    g_weak_ref_init(place, self);
    if (removes_files(self->record))
        sinter_service_context_refresh_async(self->context, uuid, on_refreshed, place);
    else
        sinter_service_context_settle_async(self->context, uuid, on_refreshed, place);
}

SinterJobObject *
sinter_job_object_new(SinterServiceContext *context, const SinterJobState *state)
{
    SinterJobObject *self = g_object_new(SINTER_TYPE_JOB_OBJECT, NULL);

    self->context = g_object_ref(context);
    keep_state(self, state);
    self->finished = sinter_phase_is_final(self->record->phase);
    show_constants(SINTER_DBUS_JOB(self), self->record);
    show(self);
    sinter_authority_set_owner(G_DBUS_INTERFACE_SKELETON(self), self->record->uid);
    return self;
}

const SinterJobRecord *
sinter_job_object_get_record(SinterJobObject *self)
{
    return self->record;
}

static gboolean
handle_cancel(SinterDBusJob *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    SinterJobObject *self = SINTER_JOB_OBJECT(iface);
    g_autoptr(GError) error = NULL;

    if (sinter_service_context_cancel_job(self->context, self->record->id, &error))
        sinter_dbus_job_complete_cancel(iface, invocation);
    else
        sinter_dbus_return_error(invocation, g_steal_pointer(&error));
    return TRUE;
}

static gboolean
handle_set_bandwidth(SinterDBusJob *iface, GDBusMethodInvocation *invocation, guint64 bytes_per_sec,
                     GVariant *options)
{
    SinterJobObject *self = SINTER_JOB_OBJECT(iface);
    g_autoptr(GError) error = NULL;

    if (sinter_service_context_set_job_bandwidth(self->context, self->record->id, bytes_per_sec,
                                                 &error))
        sinter_dbus_job_complete_set_bandwidth(iface, invocation);
    else
        sinter_dbus_return_error(invocation, g_steal_pointer(&error));
    return TRUE;
}

static void
resolve(SinterJobObject *self, GDBusMethodInvocation *invocation, const char *choice)
{
    GError *error = NULL;

    if (sinter_service_context_resolve_job(self->context, self->record->id, choice, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        sinter_dbus_return_error(invocation, error);
}

static gboolean
handle_compare(SinterDBusJob *iface, GDBusMethodInvocation *invocation, GVariant *options)
{
    resolve(SINTER_JOB_OBJECT(iface), invocation, SINTER_JOB_CHOICE_COMPARE);
    return TRUE;
}

/* The comparison is no choice of an image. */
static gboolean
handle_resolve(SinterDBusJob *iface, GDBusMethodInvocation *invocation, const char *choice,
               GVariant *options)
{
    gboolean image = !g_str_equal(choice, SINTER_JOB_CHOICE_COMPARE);

    resolve(SINTER_JOB_OBJECT(iface), invocation, image ? choice : "");
    return TRUE;
}

static void
job_iface_init(SinterDBusJobIface *iface)
{
    iface->handle_cancel = handle_cancel;
    iface->handle_set_bandwidth = handle_set_bandwidth;
    iface->handle_compare = handle_compare;
    iface->handle_resolve = handle_resolve;
}

static void
sinter_job_object_finalize(GObject *object)
{
    SinterJobObject *self = SINTER_JOB_OBJECT(object);

    g_clear_handle_id(&self->timeout_id, g_source_remove);
    g_clear_pointer(&self->record, sinter_job_record_free);
    g_clear_pointer(&self->reports, g_ptr_array_unref);
    g_clear_object(&self->context);
    G_OBJECT_CLASS(sinter_job_object_parent_class)->finalize(object);
}

static void
sinter_job_object_class_init(SinterJobObjectClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_job_object_finalize;
    signals[FINISHING] = g_signal_new("finishing", SINTER_TYPE_JOB_OBJECT, G_SIGNAL_RUN_LAST, 0,
                                      NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sinter_job_object_init(SinterJobObject *self)
{
}
