/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The publisher: objects that are exported without a bus appear when it is opened, all of them
 * disappear when it is closed, each is guarded, and flattened properties keep their values. */

#include "sinter-publisher.h"

#include "service-stage.h"
#include "sinter-dbus.h"
#include "sinter-error.h"

#define PLAN_PATH "/org/sinter/Sinter1/plans/1"
#define JOB_PATH "/org/sinter/Sinter1/jobs/1"

typedef struct {
    ServiceStage stage;
    SinterDBusPlan *plan;
    SinterDBusJob *job;
    guint n_cancels;
} Fixture;

static gboolean
on_cancel(SinterDBusJob *job, GDBusMethodInvocation *invocation, GVariant *options, Fixture *f)
{
    f->n_cancels++;
    sinter_dbus_job_complete_cancel(job, invocation);
    return TRUE;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    service_stage_set_up(&f->stage, NULL);
    f->plan = sinter_dbus_plan_skeleton_new();
    f->job = sinter_dbus_job_skeleton_new();
    g_signal_connect(f->job, "handle-cancel", G_CALLBACK(on_cancel), f);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    service_stage_tear_down(&f->stage);
    g_assert_finalize_object(f->plan);
    g_assert_finalize_object(f->job);
}

static void
export_both(Fixture *f)
{
    sinter_publisher_export(f->stage.publisher, PLAN_PATH, G_DBUS_INTERFACE_SKELETON(f->plan));
    sinter_publisher_export(f->stage.publisher, JOB_PATH, G_DBUS_INTERFACE_SKELETON(f->job));
}

static void
test_open_and_close(Fixture *f, gconstpointer data)
{
    sinter_publisher_close(f->stage.publisher);
    export_both(f);
    g_assert_null(g_dbus_interface_skeleton_get_object_path(G_DBUS_INTERFACE_SKELETON(f->job)));
    sinter_publisher_open(f->stage.publisher, f->stage.bus.server);
    g_assert_true(service_stage_has_object(&f->stage, PLAN_PATH));
    g_assert_true(service_stage_has_object(&f->stage, JOB_PATH));
    sinter_publisher_close(f->stage.publisher);
    sinter_publisher_open(f->stage.publisher, f->stage.bus.server);
    g_assert_false(service_stage_has_object(&f->stage, PLAN_PATH));
    g_assert_false(service_stage_has_object(&f->stage, JOB_PATH));
}

static void
test_unexport(Fixture *f, gconstpointer data)
{
    export_both(f);
    sinter_publisher_unexport(f->stage.publisher, PLAN_PATH);
    sinter_publisher_unexport(f->stage.publisher, PLAN_PATH);
    g_assert_false(service_stage_has_object(&f->stage, PLAN_PATH));
    g_assert_true(service_stage_has_object(&f->stage, JOB_PATH));
}

/* The authority is asked before the handler: it refuses options that the method does not have. */
static void
test_guarded(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *reply = NULL;

    export_both(f);
    g_assert_null(service_stage_call(&f->stage, JOB_PATH, "Job.Cancel",
                                     "({'bandwidth': <uint64 1>},)", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_cmpuint(f->n_cancels, ==, 0);
    reply = service_stage_ask(&f->stage, JOB_PATH, "Job.Cancel", "(@a{sv} {},)");
    g_assert_cmpstr(reply, ==, "()");
    g_assert_cmpuint(f->n_cancels, ==, 1);
}

static void
test_flatten(Fixture *f, gconstpointer data)
{
    g_autoptr(GVariant) properties =
        g_variant_ref_sink(g_variant_new_parsed("{'A': <'text'>, 'B': <[uint64 1, 2]>}"));
    g_autofree char *before = g_variant_print(properties, TRUE);
    g_autofree char *after = NULL;

    /* more than the number of objects after which memory is returned */
    for (guint i = 0; i < 600; i++)
        g_assert_true(sinter_publisher_flatten(f->stage.publisher, properties) == properties);
    after = g_variant_print(properties, TRUE);
    g_assert_cmpstr(after, ==, before);
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/publisher/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("open-and-close", test_open_and_close);
    ADD("unexport", test_unexport);
    ADD("guarded", test_guarded);
    ADD("flatten", test_flatten);
    return g_test_run();
}
