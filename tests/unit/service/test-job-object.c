/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job on the bus, seen by another connection: however often the job changes, the bus hears it
 * at most four times a second; the end is shown at once, before Completed. The job is played: this
 * program has its own SinterJob in place of the daemon's. */

#include <glib/gstdio.h>

#include "bus-fixture.h"
#include "sinter-dbus-error.h"
#include "sinter-dbus.h"
#include "sinter-job-private.h"
#include "sinter-job.h"
#include "sinter-log.h"
#include "sinter-service.h"

struct _SinterJob {
    GObject parent_instance;
    SinterJobRecord *record;
    SinterJobProgress progress;
    guint n_cancels;
    guint64 bandwidth;
};

G_DEFINE_FINAL_TYPE(SinterJob, sinter_job, G_TYPE_OBJECT)

static void
sinter_job_finalize(GObject *object)
{
    sinter_job_record_free(SINTER_JOB(object)->record);
    G_OBJECT_CLASS(sinter_job_parent_class)->finalize(object);
}

static void
sinter_job_class_init(SinterJobClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_job_finalize;
    g_signal_new("changed", SINTER_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE,
                 0);
    g_signal_new("ended", SINTER_TYPE_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
sinter_job_init(SinterJob *self)
{
}

SinterJob *
sinter_job_new(const SinterJobContext *context, SinterJobRecord *record)
{
    SinterJob *self = g_object_new(SINTER_TYPE_JOB, NULL);

    self->record = record;
    return self;
}

void
sinter_job_admit(SinterJob *self)
{
}

gboolean
sinter_job_is_admitted(SinterJob *self)
{
    return TRUE;
}

void
sinter_job_post_event(SinterJob *self, const SinterEvent *event)
{
}

void
sinter_job_ask_to_stop(SinterJob *self)
{
}

gboolean
sinter_job_stop(SinterJob *self, gint64 deadline_usec)
{
    return TRUE;
}

const SinterJobRecord *
sinter_job_get_record(SinterJob *self)
{
    return self->record;
}

const SinterJobProgress *
sinter_job_get_progress(SinterJob *self)
{
    return &self->progress;
}

gboolean
sinter_job_is_cancelable(SinterJob *self)
{
    return self->record->phase < SINTER_PHASE_PIVOTING;
}

gboolean
sinter_job_cancel(SinterJob *self, GError **error)
{
    self->n_cancels++;
    if (sinter_job_is_cancelable(self))
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY, "too late");
    return FALSE;
}

gboolean
sinter_job_set_bandwidth(SinterJob *self, guint64 bytes_per_sec, GError **error)
{
    self->bandwidth = bytes_per_sec;
    return TRUE;
}

/* --- the stage ------------------------------------------------------------------------------- */

typedef struct {
    BusFixture bus;
    char *state_dir;
    SinterConnection *connection;
    SinterInventory *inventory;
    SinterExecutor *executor;
    SinterService *service;
    SinterJob *job;
    SinterDBusJob *proxy;
    guint n_changes;    /* PropertiesChanged of the job */
    guint n_completed;  /* Completed of the job */
    char *phase_before; /* the phase as the bus had it when Completed came */
    gboolean success;
} Fixture;

static void
on_name(GDBusConnection *connection, const char *name, const char *owner, gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
}

static void
wait_for_name(Fixture *f)
{
    gboolean there = FALSE;
    guint id = g_bus_watch_name_on_connection(f->bus.client, SINTER_BUS_NAME, 0, on_name, NULL,
                                              &there, NULL);

    while (!there)
        g_main_context_iteration(NULL, TRUE);
    g_bus_unwatch_name(id);
}

static void
start_service(Fixture *f)
{
    SinterConfig *config = sinter_config_new();
    SinterServiceParts parts = { f->bus.server, FALSE,        NULL,       config,
                                 f->connection, f->inventory, f->executor };

    f->service = sinter_service_new(&parts);
    sinter_service_start(f->service);
    sinter_connection_start(f->connection);
    wait_for_name(f);
}

static void
on_properties(GDBusProxy *proxy, GVariant *changed, const char *const *invalidated, Fixture *f)
{
    f->n_changes++;
}

static void
on_completed(SinterDBusJob *proxy, gboolean success, const char *message, Fixture *f)
{
    f->n_completed++;
    f->success = success;
    f->phase_before = g_strdup(sinter_dbus_job_get_phase(proxy));
}

static void
on_proxy(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    *(SinterDBusJob **)user_data = sinter_dbus_job_proxy_new_finish(result, &error);
    g_assert_no_error(error);
}

static void
add_job(Fixture *f)
{
    SinterJobRecord *record = sinter_job_record_new();

    record->id = g_strdup("1");
    record->domain_uuid = g_strdup("6695eb01-f6a4-8304-79aa-97f2502e193f"); /* of test:///default */
    record->domain_name = g_strdup("test");
    record->plan = sinter_disk_plan_new("vda");
    record->uid = 4711;
    record->phase = SINTER_PHASE_COPYING;
    f->job = sinter_job_new(NULL, record);
    f->job->progress.total_bytes = 1000;
    g_signal_emit_by_name(f->executor, "job-added", f->job);
    sinter_dbus_job_proxy_new(f->bus.client, G_DBUS_PROXY_FLAGS_NONE, SINTER_BUS_NAME,
                              "/org/sinter/Sinter1/jobs/1", NULL, on_proxy, &f->proxy);
    while (!f->proxy)
        g_main_context_iteration(NULL, TRUE);
    g_signal_connect(f->proxy, "g-properties-changed", G_CALLBACK(on_properties), f);
    g_signal_connect(f->proxy, "completed", G_CALLBACK(on_completed), f);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    SinterJobLimits limits = { .max_jobs_per_host = 1, .max_jobs_per_storage = 1 };

    bus_fixture_set_up(&f->bus);
    f->state_dir = g_dir_make_tmp("sinter-job-XXXXXX", NULL);
    f->connection = sinter_connection_new("test:///default", FALSE);
    f->inventory = sinter_inventory_new(f->connection, 0);
    f->executor = sinter_executor_new(f->connection, f->inventory, f->state_dir, &limits);
    g_assert_true(sinter_executor_load(f->executor, NULL));
    start_service(f);
    add_job(f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_autofree char *jobs_dir = g_build_filename(f->state_dir, "jobs", NULL);

    sinter_executor_stop(f->executor);
    sinter_service_stop(f->service);
    sinter_connection_stop(f->connection);
    g_clear_object(&f->proxy);
    g_clear_object(&f->job);
    g_clear_object(&f->service);
    g_clear_object(&f->executor);
    g_clear_object(&f->inventory);
    g_clear_object(&f->connection);
    bus_fixture_tear_down(&f->bus);
    g_rmdir(jobs_dir);
    g_rmdir(f->state_dir);
    g_free(f->state_dir);
    g_free(f->phase_before);
}

/* --- the tests ------------------------------------------------------------------------------- */

static gboolean
advance(gpointer user_data)
{
    Fixture *f = user_data;

    f->job->progress.done_bytes++;
    g_signal_emit_by_name(f->job, "changed");
    return G_SOURCE_CONTINUE;
}

static gboolean
set_flag(gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
    return G_SOURCE_REMOVE;
}

static void
run_for(guint msec)
{
    gboolean over = FALSE;

    g_timeout_add(msec, set_flag, &over);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
}

/* The bound is on the time that so many changes take: a busy machine makes it longer, never
 * shorter. */
static void
test_rate(Fixture *f, gconstpointer data)
{
    const guint n_wanted = 6;
    gint64 began_usec = g_get_monotonic_time();
    guint source = g_timeout_add(2, advance, f);

    while (f->n_changes < n_wanted)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(source);
    g_test_message("%" G_GUINT64_FORMAT " changes of the job, %u on the bus",
                   f->job->progress.done_bytes, f->n_changes);
    g_assert_cmpuint(f->job->progress.done_bytes, >, f->n_changes);
    /* the first may come at once, the others a quarter of a second apart */
    g_assert_cmpint(g_get_monotonic_time() - began_usec, >=, (n_wanted - 1) * (G_USEC_PER_SEC / 4));
    /* the last change arrives too */
    while (sinter_dbus_job_get_processed_bytes(f->proxy) != f->job->progress.done_bytes)
        g_main_context_iteration(NULL, TRUE);
}

static void
end_job(Fixture *f, SinterPhase phase)
{
    f->job->record->phase = phase;
    f->job->record->ended_usec = g_get_real_time();
    g_signal_emit_by_name(f->job, "changed");
    g_signal_emit_by_name(f->job, "ended");
    while (f->n_completed == 0)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_end(Fixture *f, gconstpointer data)
{
    advance(f);
    end_job(f, SINTER_PHASE_DONE);
    g_assert_true(f->success);
    g_assert_cmpstr(f->phase_before, ==, "done");
    g_assert_cmpfloat(sinter_dbus_job_get_progress(f->proxy), ==, 1.0);
    g_assert_cmpuint(sinter_dbus_job_get_end_time(f->proxy), >, 0);
    run_for(300);
    g_assert_cmpuint(f->n_completed, ==, 1);
}

static void
test_failed(Fixture *f, gconstpointer data)
{
    f->job->record->error_code = SINTER_ERROR_NO_SPACE;
    f->job->record->error_message = g_strdup("no room on '/x'");
    end_job(f, SINTER_PHASE_FAILED);
    g_assert_false(f->success);
    g_assert_cmpstr(f->phase_before, ==, "failed");
    g_assert_cmpstr(sinter_dbus_job_get_error_name(f->proxy), ==, "NoSpace");
    g_assert_cmpstr(sinter_dbus_job_get_error_message(f->proxy), ==, "no room on '/x'");
}

/* A job that is forgotten at the very moment of its end still completes first. */
static void
test_removed_at_end(Fixture *f, gconstpointer data)
{
    f->job->record->phase = SINTER_PHASE_DONE;
    g_signal_emit_by_name(f->executor, "job-removed", f->job);
    while (f->n_completed == 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(f->success);
    g_assert_cmpstr(f->phase_before, ==, "done");
}

static void
call_cancel(Fixture *f, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    sinter_dbus_job_call_cancel(f->proxy, g_variant_new_parsed("@a{sv} {}"), NULL,
                                bus_fixture_keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    sinter_dbus_job_call_cancel_finish(f->proxy, result, error);
}

static void
test_requests(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GAsyncResult) result = NULL;

    g_assert_cmpuint(sinter_dbus_job_get_started_by_uid(f->proxy), ==, 4711);
    call_cancel(f, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(f->job->n_cancels, ==, 1);
    f->job->record->phase = SINTER_PHASE_PIVOTING;
    call_cancel(f, &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    sinter_dbus_job_call_set_bandwidth(f->proxy, 12345, g_variant_new_parsed("@a{sv} {}"), NULL,
                                       bus_fixture_keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(sinter_dbus_job_call_set_bandwidth_finish(f->proxy, result, NULL));
    g_assert_cmpuint(f->job->bandwidth, ==, 12345);
}

/* The disk that it works on, and the disk's word of it. */
static void
test_disk(Fixture *f, gconstpointer data)
{
    const char *const *objects = sinter_dbus_job_get_objects(f->proxy);

    g_assert_nonnull(objects[0]);
    g_assert_true(g_str_has_suffix(objects[0], "/disks/vda"));
    g_assert_null(objects[1]);
}

int
main(int argc, char **argv)
{
    bus_fixture_init(argc, argv);
    g_test_init(&argc, &argv, NULL);
    sinter_log_init("test-job-object", FALSE); /* what the daemon complains of is no failure */
    sinter_dbus_error_register();
    sinter_connection_init_events();
#define ADD(name, func) g_test_add("/job-object/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("rate", test_rate);
    ADD("end", test_end);
    ADD("failed", test_failed);
    ADD("removed-at-end", test_removed_at_end);
    ADD("requests", test_requests);
    ADD("disk", test_disk);
    return g_test_run();
}
