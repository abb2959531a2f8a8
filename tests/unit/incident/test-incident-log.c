/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Incidents from their first event to their outcome, with real files: when they are opened,
 * counted, diagnosed, closed and reopened, and that they survive a restart. */

#include "sinter-incident-log.h"

#include "plan-world.h"
#include "sinter-error.h"
#include "sinter-log.h"

#include <glib/gstdio.h>
#include <libvirt/libvirt.h>

#define UUID "uuid-of-web"

typedef struct {
    char *folder;
    char *records;
    GPtrArray *world; /* of SinterDomain */
    SinterIncidentLog *log;
    guint n_added;
    guint n_removed;
    gint64 now_usec; /* of the next event */
} Fixture;

static SinterDomain *
lookup(const char *uuid, gpointer user_data)
{
    Fixture *f = user_data;

    for (guint i = 0; i < f->world->len; i++) {
        SinterDomain *domain = f->world->pdata[i];

        if (g_strcmp0(domain->uuid, uuid) == 0)
            return sinter_domain_ref(domain);
    }
    return NULL;
}

static void
count(SinterIncidentLog *log, const SinterIncident *incident, guint *n)
{
    (*n)++;
}

static void
start(Fixture *f, guint keep)
{
    g_autoptr(GError) error = NULL;

    f->log = sinter_incident_log_new("test:///default", keep, lookup, f);
    sinter_incident_log_load(f->log, f->records, &error);
    g_assert_no_error(error);
    g_signal_connect(f->log, "incident-added", G_CALLBACK(count), &f->n_added);
    g_signal_connect(f->log, "incident-removed", G_CALLBACK(count), &f->n_removed);
}

static void
stop(Fixture *f)
{
    sinter_incident_log_stop(f->log);
    g_clear_object(&f->log);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autofree char *image = NULL;
    g_autofree char *absent = NULL;

    f->folder = g_dir_make_tmp("sinter-incident-XXXXXX", NULL);
    f->records = g_build_filename(f->folder, "incidents", NULL);
    image = g_build_filename(f->folder, "top", NULL);
    g_assert_true(g_file_set_contents(image, "bytes", -1, NULL));
    absent = g_build_filename(f->folder, "absent", NULL);
    g_assert_true(g_file_set_contents(absent, "bytes", -1, NULL));
    f->world = plan_world_parse("web | vda: $D/top | vdb: $D/absent", f->folder);
    g_assert_cmpint(g_unlink(absent), ==, 0);
    f->now_usec = g_get_real_time();
    start(f, 10);
}

static void
remove_folder(const char *path)
{
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        g_remove(child);
    }
    g_rmdir(path);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    if (f->log)
        stop(f);
    g_ptr_array_unref(f->world);
    remove_folder(f->records);
    remove_folder(f->folder);
    g_free(f->records);
    g_free(f->folder);
}

static SinterEvent *
new_event(Fixture *f, SinterEventKind kind)
{
    SinterEvent *event = sinter_event_new(kind);

    event->time_usec = f->now_usec;
    event->uuid = g_strdup(UUID);
    event->name = g_strdup("web");
    f->now_usec += G_USEC_PER_SEC;
    return event;
}

static void
fail(Fixture *f, const char *disk, const char *reason)
{
    g_autoptr(SinterEvent) event = new_event(f, SINTER_EVENT_IO_ERROR);

    event->disk = g_strdup(disk);
    event->text = g_strdup(reason);
    event->detail = VIR_DOMAIN_EVENT_IO_ERROR_PAUSE;
    sinter_incident_log_take(f->log, event);
}

static void
corrupt(Fixture *f)
{
    g_autoptr(SinterEvent) event = new_event(f, SINTER_EVENT_QMP_CORRUPTED);

    event->disk = g_strdup("vda");
    event->text = g_strdup("Preventing invalid write");
    sinter_incident_log_take(f->log, event);
}

static void
live(Fixture *f, int status, int detail)
{
    g_autoptr(SinterEvent) event = new_event(f, SINTER_EVENT_LIFECYCLE);

    event->status = status;
    event->detail = detail;
    sinter_incident_log_take(f->log, event);
}

/* (transfer none): the only incident */
static const SinterIncident *
only(Fixture *f)
{
    g_autoptr(GPtrArray) list = sinter_incident_log_list(f->log);

    g_assert_cmpuint(list->len, ==, 1);
    return list->pdata[0];
}

/* A busy machine may make the storage look silent first: only the events are counted. */
static guint
count_entries(const SinterIncident *incident, const char *kind)
{
    guint n = 0;

    for (guint i = 0; i < incident->timeline->len; i++) {
        const SinterIncidentEntry *entry = incident->timeline->pdata[i];

        n += g_strcmp0(entry->kind, kind) == 0;
    }
    return n;
}

static void
wait_for_cause(Fixture *f, const SinterIncident *incident, const char *cause)
{
    while (g_strcmp0(incident->cause, cause) != 0)
        g_main_context_iteration(NULL, TRUE);
}

static void
test_from_event_to_outcome(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;

    fail(f, "vdb", "");
    incident = only(f);
    g_assert_true(sinter_incident_is_open(incident));
    g_assert_true(incident->paused);
    g_assert_cmpstr(incident->domain_name, ==, "web");
    g_assert_cmpstr(incident->disk, ==, "vdb");
    wait_for_cause(f, incident, "image-missing");
    g_assert_true(g_str_has_suffix(incident->layer, "/absent"));
    g_assert_cmpuint(count_entries(incident, "event"), ==, 1);
    g_assert_cmpuint(count_entries(incident, "diagnosis"), >=, 1);
    live(f, VIR_DOMAIN_EVENT_SUSPENDED, VIR_DOMAIN_EVENT_SUSPENDED_IOERROR);
    only(f); /* the pause belongs to it */
    live(f, VIR_DOMAIN_EVENT_RESUMED, 0);
    g_assert_false(sinter_incident_is_open(incident));
    g_assert_cmpstr(incident->outcome, ==, "the guest was resumed");
    g_assert_cmpuint(f->n_added, ==, 1);
}

/* Ten thousand errors: one incident, counted, and one change in the first moment. */
static void
test_flood(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;

    for (guint i = 0; i < 10000; i++)
        fail(f, "vda", "");
    incident = only(f);
    g_assert_cmpuint(incident->n_events, ==, 1);
    while (incident->n_events < 10000)
        g_main_context_iteration(NULL, TRUE);
    g_assert_cmpuint(incident->n_events, ==, 10000);
    wait_for_cause(f, incident, "unknown");
    g_assert_cmpuint(count_entries(incident, "event"), ==, 1);
    g_assert_cmpuint(count_entries(incident, "diagnosis"), >=, 1);
}

static void
test_flapping(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;

    fail(f, "vda", "enospc");
    incident = only(f);
    live(f, VIR_DOMAIN_EVENT_RESUMED, 0);
    g_assert_false(sinter_incident_is_open(incident));
    /* the gate passes the next one after its interval */
    fail(f, "vda", "enospc");
    while (incident->n_events < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_true(sinter_incident_is_open(incident));
    g_assert_cmpstr(incident->outcome, ==, "");
    /* and no more after the time in which a failure counts as the same */
    live(f, VIR_DOMAIN_EVENT_RESUMED, 0);
    f->now_usec += 11 * 60 * (gint64)G_USEC_PER_SEC;
    fail(f, "vda", "enospc");
    while (f->n_added < 2)
        g_main_context_iteration(NULL, TRUE);
}

/* The gate may pass an old failure after the guest was resumed: it counts, and opens nothing. */
static void
test_late_failure(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;

    fail(f, "vda", "");
    fail(f, "vda", "");
    incident = only(f);
    live(f, VIR_DOMAIN_EVENT_RESUMED, 0);
    while (incident->n_events < 2)
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(sinter_incident_is_open(incident));
}

/* Damage stays in the image, whatever becomes of the guest. */
static void
test_damage(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;

    corrupt(f);
    incident = only(f);
    wait_for_cause(f, incident, "image-corrupted");
    live(f, VIR_DOMAIN_EVENT_RESUMED, 0);
    live(f, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    g_assert_true(sinter_incident_is_open(incident));
    live(f, VIR_DOMAIN_EVENT_STARTED, 0);
    g_assert_false(sinter_incident_is_open(incident));
}

static void
test_crash(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;

    live(f, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN);
    g_assert_cmpuint(f->n_added, ==, 0);
    live(f, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_FAILED);
    incident = only(f);
    g_assert_cmpstr(incident->disk, ==, "");
    wait_for_cause(f, incident, "qemu-crashed");
}

static void
test_missed_event(Fixture *f, gconstpointer data)
{
    SinterDomain *domain = f->world->pdata[0];

    sinter_incident_log_see(f->log, domain);
    g_assert_cmpuint(f->n_added, ==, 0);
    domain->state = SINTER_DOMAIN_PAUSED;
    domain->reason = VIR_DOMAIN_PAUSED_USER;
    sinter_incident_log_see(f->log, domain);
    g_assert_cmpuint(f->n_added, ==, 0);
    domain->reason = VIR_DOMAIN_PAUSED_IOERROR;
    sinter_incident_log_see(f->log, domain);
    sinter_incident_log_see(f->log, domain);
    g_assert_true(only(f)->paused);
    wait_for_cause(f, only(f), "image-missing");
}

static void
test_restart(Fixture *f, gconstpointer data)
{
    const SinterIncident *incident;
    g_autofree char *id = NULL;

    fail(f, "vdb", "");
    incident = only(f);
    wait_for_cause(f, incident, "image-missing");
    id = g_strdup(incident->id);
    stop(f);
    start(f, 10);
    incident = only(f);
    g_assert_cmpstr(incident->id, ==, id);
    g_assert_cmpstr(incident->cause, ==, "image-missing");
    g_assert_cmpuint(count_entries(incident, "event"), ==, 1);
    g_assert_cmpuint(count_entries(incident, "diagnosis"), >=, 1);
    g_assert_cmpuint(incident->evidence->len, ==, 1);
    fail(f, "vda", "");
    g_assert_cmpuint(f->n_added, ==, 2);
    g_assert_true(sinter_incident_log_resolve(f->log, id, "by hand", NULL));
    stop(f);
    start(f, 10);
    g_assert_cmpstr(sinter_incident_log_lookup(f->log, id, NULL)->outcome, ==, "by hand");
}

static void
test_bad_record(Fixture *f, gconstpointer data)
{
    g_autofree char *path = g_build_filename(f->records, "3.json", NULL);
    g_autofree char *bad = g_strconcat(path, ".bad", NULL);

    stop(f);
    g_assert_true(g_file_set_contents(path, "{ \"version\": 1, \"id\": \"3\" }", -1, NULL));
    start(f, 10);
    g_assert_true(g_file_test(bad, G_FILE_TEST_EXISTS));
    fail(f, "vda", "");
    g_assert_cmpstr(only(f)->id, ==, "4");
}

static void
test_rotation(Fixture *f, gconstpointer data)
{
    stop(f);
    start(f, 1);
    fail(f, "vda", "");
    fail(f, "vdb", "");
    live(f, VIR_DOMAIN_EVENT_STOPPED, VIR_DOMAIN_EVENT_STOPPED_DESTROYED);
    g_assert_cmpuint(f->n_removed, ==, 1);
    g_assert_cmpstr(only(f)->disk, ==, "vdb");
    stop(f);
    start(f, 1);
    g_assert_cmpstr(only(f)->disk, ==, "vdb");
}

static void
test_requests(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    const char *id;

    fail(f, "vda", "");
    id = only(f)->id;
    wait_for_cause(f, only(f), "unknown");
    g_assert_true(sinter_incident_log_retry(f->log, id, &error));
    g_assert_cmpstr(sinter_incident_log_find_open(f->log, only(f)->domain_uuid), ==, id);
    g_assert_null(sinter_incident_log_find_open(f->log, "another"));
    g_assert_true(sinter_incident_log_resolve(f->log, id, "by hand", &error));
    g_assert_null(sinter_incident_log_find_open(f->log, only(f)->domain_uuid));
    g_assert_false(sinter_incident_log_resolve(f->log, id, "by hand", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_false(sinter_incident_log_retry(f->log, id, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_false(sinter_incident_log_retry(f->log, "99", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    sinter_log_init("test-incident-log", FALSE);
#define ADD(name, func) g_test_add("/incident-log/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("from-event-to-outcome", test_from_event_to_outcome);
    ADD("flood", test_flood);
    ADD("flapping", test_flapping);
    ADD("late-failure", test_late_failure);
    ADD("damage", test_damage);
    ADD("crash", test_crash);
    ADD("missed-event", test_missed_event);
    ADD("restart", test_restart);
    ADD("bad-record", test_bad_record);
    ADD("rotation", test_rotation);
    ADD("requests", test_requests);
    return g_test_run();
}
