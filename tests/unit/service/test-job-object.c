/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A job on the bus, seen by another connection: however often the job changes, the bus hears it
 * at most four times a second; the end is shown at once, before Completed. What the job is to be
 * like the test says; what becomes of requests the played context tells. */

#include "sinter-domain-table.h"
#include "sinter-job-table.h"
#include "service-stage.h"

#define JOB_PATH "/org/sinter/Sinter1/jobs/1"
#define WORLD "test | vda: top > base"

typedef struct {
    ServiceStage stage;
    SinterPlanTable *plans;
    SinterDomainTable *domains;
    SinterJobTable *jobs;
    SinterJobRecord *record; /* the job as it is now, with the two below */
    SinterJobProgress progress;
    gboolean cancelable;
    SinterDBusJob *proxy;
    guint n_changes;    /* PropertiesChanged of the job */
    guint n_completed;  /* Completed of the job */
    char *phase_before; /* the phase as the bus had it when Completed came */
    gboolean success;
} Fixture;

static SinterJobState
get_state(Fixture *f)
{
    return (SinterJobState){ f->record, &f->progress, f->cancelable };
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
make_job(Fixture *f)
{
    f->record = sinter_job_record_new();
    f->record->id = g_strdup("1");
    f->record->domain_uuid = g_strdup("uuid-of-test");
    f->record->domain_name = g_strdup("test");
    f->record->plan = sinter_disk_plan_new("vda");
    f->record->uid = 4711;
    f->record->phase = SINTER_PHASE_COPYING;
    f->progress.total_bytes = 1000;
    f->cancelable = TRUE;
}

static void
add_job(Fixture *f)
{
    SinterJobState state = get_state(f);

    sinter_job_table_add(f->jobs, &state);
    sinter_dbus_job_proxy_new(f->stage.bus.client, G_DBUS_PROXY_FLAGS_NONE,
                              g_dbus_connection_get_unique_name(f->stage.bus.server), JOB_PATH,
                              NULL, on_proxy, &f->proxy);
    while (!f->proxy)
        g_main_context_iteration(NULL, TRUE);
    g_signal_connect(f->proxy, "g-properties-changed", G_CALLBACK(on_properties), f);
    g_signal_connect(f->proxy, "completed", G_CALLBACK(on_completed), f);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    SinterServiceContext *context;

    service_stage_set_up(&f->stage, WORLD);
    context = service_stage_get_context(&f->stage);
    f->plans = sinter_plan_table_new(context, f->stage.publisher);
    f->domains = sinter_domain_table_new(context, f->stage.publisher, f->plans);
    f->jobs = sinter_job_table_new(context, f->stage.publisher, f->domains);
    sinter_domain_table_touch(f->domains, "uuid-of-test");
    sinter_domain_table_show(f->domains);
    make_job(f);
    add_job(f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->proxy);
    g_clear_object(&f->jobs);
    g_clear_object(&f->domains);
    g_clear_object(&f->plans);
    service_stage_tear_down(&f->stage);
    sinter_job_record_free(f->record);
    g_free(f->phase_before);
}

/* --- the tests ------------------------------------------------------------------------------- */

static gboolean
advance(gpointer user_data)
{
    Fixture *f = user_data;

    SinterJobState state = get_state(f);

    f->progress.done_bytes++;
    sinter_job_table_update(f->jobs, &state);
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
                   f->progress.done_bytes, f->n_changes);
    g_assert_cmpuint(f->progress.done_bytes, >, f->n_changes);
    /* the first may come at once, the others a quarter of a second apart */
    g_assert_cmpint(g_get_monotonic_time() - began_usec, >=, (n_wanted - 1) * (G_USEC_PER_SEC / 4));
    /* the last change arrives too */
    while (sinter_dbus_job_get_processed_bytes(f->proxy) != f->progress.done_bytes)
        g_main_context_iteration(NULL, TRUE);
}

static void
end_job(Fixture *f, SinterPhase phase)
{
    SinterJobState state = get_state(f);

    f->record->phase = phase;
    f->record->ended_usec = g_get_real_time();
    sinter_job_table_update(f->jobs, &state);
    sinter_job_table_end(f->jobs, &state);
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
    f->record->error_code = SINTER_ERROR_NO_SPACE;
    f->record->error_message = g_strdup("no room on '/x'");
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
    SinterJobState state = get_state(f);

    f->record->phase = SINTER_PHASE_DONE;
    sinter_job_table_remove(f->jobs, &state);
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
    g_assert_cmpuint(f->stage.context->n_cancels, ==, 1);
    g_assert_cmpstr(f->stage.context->asked_job, ==, "1");
    f->stage.context->job_error = g_error_new(SINTER_ERROR, SINTER_ERROR_BUSY, "can no longer");
    call_cancel(f, &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    sinter_dbus_job_call_set_bandwidth(f->proxy, 12345, g_variant_new_parsed("@a{sv} {}"), NULL,
                                       bus_fixture_keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(sinter_dbus_job_call_set_bandwidth_finish(f->proxy, result, NULL));
    g_assert_cmpuint(f->stage.context->bandwidth, ==, 12345);
}

/* A job that is in doubt goes on after its end, and ends again. */
static void
test_resolve(Fixture *f, gconstpointer data)
{
    g_autoptr(GAsyncResult) result = NULL;
    SinterJobState state = get_state(f);
    g_autoptr(GError) error = NULL;

    f->record->in_doubt = TRUE;
    end_job(f, SINTER_PHASE_QUARANTINED);
    g_assert_true(sinter_dbus_job_get_in_doubt(f->proxy));
    sinter_dbus_job_call_resolve(f->proxy, "new", g_variant_new_parsed("@a{sv} {}"), NULL,
                                 bus_fixture_keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(sinter_dbus_job_call_resolve_finish(f->proxy, result, &error));
    g_assert_no_error(error);
    g_assert_cmpstr(f->stage.context->choice, ==, "new");
    f->record->phase = SINTER_PHASE_RESOLVING;
    f->record->choice = g_strdup("new");
    sinter_job_table_update(f->jobs, &state);
    while (g_strcmp0(sinter_dbus_job_get_phase(f->proxy), "resolving") != 0)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpstr(sinter_dbus_job_get_resolution(f->proxy), ==, "");
    f->record->in_doubt = FALSE;
    f->n_completed = 0;
    g_clear_pointer(&f->phase_before, g_free);
    end_job(f, SINTER_PHASE_DONE);
    g_assert_true(f->success);
    g_assert_cmpstr(sinter_dbus_job_get_resolution(f->proxy), ==, "new");
    g_assert_false(sinter_dbus_job_get_in_doubt(f->proxy));
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

/* When its domain has no such disk any more, it says so. */
static void
test_disk_gone(Fixture *f, gconstpointer data)
{
    played_context_set_world(f->stage.context, NULL);
    sinter_domain_table_touch(f->domains, "uuid-of-test");
    sinter_domain_table_show(f->domains);
    sinter_job_table_show_domain(f->jobs, "uuid-of-test");
    while (sinter_dbus_job_get_objects(f->proxy)[0])
        g_main_context_iteration(NULL, TRUE);
}

/* Before a job completes its domain is read anew, and only that one. */
static void
test_end_reads_domain(Fixture *f, gconstpointer data)
{
    end_job(f, SINTER_PHASE_DONE);
    g_assert_cmpuint(f->stage.context->n_refreshes, ==, 1);
    g_assert_cmpstr(f->stage.context->refreshed, ==, "uuid-of-test");
}

/* A domain that cannot be read keeps no job from completing. */
static void
test_end_unread(Fixture *f, gconstpointer data)
{
    f->stage.context->refresh_error = g_error_new(SINTER_ERROR, SINTER_ERROR_FAILED, "no libvirt");
    end_job(f, SINTER_PHASE_DONE);
    g_assert_true(f->success);
}

/* What a check found, as a client reads it; and only when there is something new to read. */
static void
test_reports(Fixture *f, gconstpointer data)
{
    GPtrArray *reports = sinter_image_reports_new();
    SinterImageReport *report = sinter_image_report_new(SINTER_IMAGE_CHECKED, NULL);
    SinterImageFinding *finding = sinter_image_report_add(report);
    g_autofree char *images = NULL;
    g_autofree char *findings = NULL;
    SinterJobState state;

    report->path = g_strdup("/v/a");
    report->complete = TRUE;
    report->corruptions = 5;
    finding->code = g_strdup("some-code");
    finding->klass = g_strdup("corruption");
    finding->text = g_strdup("a text");
    finding->host_offset = 65536;
    finding->times = 5;
    g_ptr_array_add(reports, report);
    images = g_variant_print(sinter_dbus_job_get_images(f->proxy), FALSE);
    g_assert_cmpstr(images, ==, "[]");
    f->record->reports = reports;
    f->record->phase = SINTER_PHASE_DONE;
    state = get_state(f);
    sinter_job_table_end(f->jobs, &state);
    while (f->n_completed == 0)
        g_main_context_iteration(NULL, TRUE);
    g_free(images);
    images = g_variant_print(sinter_dbus_job_get_images(f->proxy), FALSE);
    findings = g_variant_print(sinter_dbus_job_get_findings(f->proxy), FALSE);
    g_assert_cmpstr(images, ==,
                    "[{'path': <'/v/a'>, 'state': <'checked'>, 'complete': <true>, "
                    "'leaks-are-safe': <false>, 'corruptions': <uint64 5>, 'leaks': <uint64 0>, "
                    "'errors': <uint64 0>, "
                    "'notes': <uint64 0>}]");
    g_assert_cmpstr(findings, ==,
                    "[{'image': <'/v/a'>, 'code': <'some-code'>, 'class': <'corruption'>, "
                    "'text': <'a text'>, 'host-offset': <uint64 65536>, 'times': <uint64 5>}]");
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/job-object/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("rate", test_rate);
    ADD("end", test_end);
    ADD("end-reads-domain", test_end_reads_domain);
    ADD("end-unread", test_end_unread);
    ADD("failed", test_failed);
    ADD("removed-at-end", test_removed_at_end);
    ADD("requests", test_requests);
    ADD("resolve", test_resolve);
    ADD("disk", test_disk);
    ADD("reports", test_reports);
    ADD("disk-gone", test_disk_gone);
    return g_test_run();
}
