/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Incidents on the bus: their objects come and go, show the state, and pass requests on. */

#include "sinter-incident-table.h"

#include "service-stage.h"
#include "sinter-error.h"

#define PATH "/org/sinter/Sinter1/incidents/7"

typedef struct {
    ServiceStage stage;
    SinterIncidentTable *table;
    SinterIncident *incident;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    SinterServiceContext *context;

    service_stage_set_up(&f->stage, "web | vda: top > base");
    context = service_stage_get_context(&f->stage);
    f->table = sinter_incident_table_new(context, f->stage.publisher);
    f->incident = sinter_incident_new("7", f->stage.context->domains->pdata[0], "vda");
    f->incident->first_usec = 1000;
    f->incident->n_events = 1;
    sinter_incident_note(f->incident, 1000, "event", "an I/O error");
    sinter_incident_table_add(f->table, f->incident);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_clear_object(&f->table);
    sinter_incident_free(f->incident);
    service_stage_tear_down(&f->stage);
}

/* (transfer full): a property as a client reads it, as GVariant text */
static char *
read_property(Fixture *f, const char *name)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GError) error = NULL;

    g_dbus_connection_call(f->stage.bus.client,
                           g_dbus_connection_get_unique_name(f->stage.bus.server), PATH,
                           "org.freedesktop.DBus.Properties", "Get",
                           g_variant_new("(ss)", "org.sinter.Sinter1.Incident", name), NULL,
                           G_DBUS_CALL_FLAGS_NONE, -1, NULL, bus_fixture_keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    reply = g_dbus_connection_call_finish(f->stage.bus.client, result, &error);
    g_assert_no_error(error);
    return g_variant_print(reply, FALSE);
}

#define ASSERT_PROPERTY(f, name, text)                                                             \
    G_STMT_START                                                                                   \
    {                                                                                              \
        g_autofree char *value = read_property(f, name);                                           \
        g_assert_cmpstr(value, ==, text);                                                          \
    }                                                                                              \
    G_STMT_END

static void
test_state(Fixture *f, gconstpointer data)
{
    ASSERT_PROPERTY(f, "State", "(<'open'>,)");
    ASSERT_PROPERTY(f, "DomainName", "(<'web'>,)");
    ASSERT_PROPERTY(f, "Disk", "(<'vda'>,)");
    ASSERT_PROPERTY(f, "Timeline", "(<[(int64 1000, 'event', 'an I/O error')]>,)");
    sinter_incident_resolve(f->incident, 2000, "the guest was resumed");
    sinter_incident_table_update(f->table, f->incident);
    ASSERT_PROPERTY(f, "State", "(<'resolved'>,)");
    ASSERT_PROPERTY(f, "ResolvedTime", "(<uint64 2000>,)");
    ASSERT_PROPERTY(f, "Outcome", "(<'the guest was resumed'>,)");
}

/* Names of files need not be UTF-8, but the bus carries nothing else. */
static void
test_bad_names(Fixture *f, gconstpointer data)
{
    g_free(f->incident->layer);
    f->incident->layer = g_strdup("/images/\xff.qcow2");
    g_ptr_array_add(f->incident->evidence, g_strdup("reading '\xff'"));
    sinter_incident_table_update(f->table, f->incident);
    ASSERT_PROPERTY(f, "Image", "(<'/images/\xef\xbf\xbd.qcow2'>,)");
    ASSERT_PROPERTY(f, "Evidence", "(<[\"reading '\xef\xbf\xbd'\"]>,)");
}

static void
test_requests(Fixture *f, gconstpointer data)
{
    PlayedContext *played = f->stage.context;
    g_autoptr(GError) error = NULL;
    g_autofree char *resolved =
        service_stage_ask(&f->stage, PATH, "Incident.Resolve", "(@a{sv} {},)");
    g_autofree char *retried = service_stage_ask(&f->stage, PATH, "Incident.Retry", "(@a{sv} {},)");
    g_autofree char *chosen = NULL;

    g_assert_cmpuint(played->n_resolves, ==, 1);
    g_assert_cmpuint(played->n_retries, ==, 1);
    g_assert_cmpstr(played->asked_incident, ==, "7");
    chosen = service_stage_ask(&f->stage, PATH, "Incident.Choose", "('transient', @a{sv} {})");
    g_assert_cmpstr(chosen, ==, "('/org/sinter/Sinter1/jobs/7',)");
    g_assert_cmpstr(played->remedy, ==, "transient");
    played->incident_error = g_error_new(SINTER_ERROR, SINTER_ERROR_BUSY, "it is resolved");
    g_assert_null(service_stage_call(&f->stage, PATH, "Incident.Resolve", "(@a{sv} {},)", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_BUSY);
}

static void
test_lookup_and_remove(Fixture *f, gconstpointer data)
{
    g_autofree char *path = sinter_incident_table_lookup(f->table, "7", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_cmpstr(path, ==, PATH);
    g_assert_true(service_stage_has_object(&f->stage, PATH));
    sinter_incident_table_remove(f->table, f->incident);
    g_assert_false(service_stage_has_object(&f->stage, PATH));
    g_assert_null(sinter_incident_table_lookup(f->table, "7", &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

int
main(int argc, char **argv)
{
    service_stage_init(&argc, &argv);
#define ADD(name, func) g_test_add("/incident-table/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("state", test_state);
    ADD("bad-names", test_bad_names);
    ADD("requests", test_requests);
    ADD("lookup-and-remove", test_lookup_and_remove);
    return g_test_run();
}
