/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The connection against libvirt's test driver: it opens, tells, tries again, and stops. */

#include "image-fixture.h"
#include "sinter-error.h"
#include "virt-fixture.h"

#include <libvirt/virterror.h>

typedef struct {
    char *folder;
    char *uri;
    SinterConnection *connection;
    GPtrArray *events; /* of SinterEvent, as they came */
} Fixture;

static void
on_event(SinterConnection *connection, const SinterEvent *event, gpointer data)
{
    g_ptr_array_add(((Fixture *)data)->events, sinter_event_copy(event));
}

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = fixture_domain_xml("web", NULL);

    f->folder = fixture_make_folder();
    f->uri = fixture_node(f->folder, xml);
    f->connection = sinter_connection_new(f->uri, TRUE);
    f->events = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_event_free);
    g_signal_connect(f->connection, "event", G_CALLBACK(on_event), f);
    fixture_take_warnings(NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_connection_stop(f->connection);
    fixture_unref_and_wait(f->connection);
    g_ptr_array_unref(f->events);
    g_free(f->uri);
    fixture_remove_folder(f->folder);
}

static const SinterEvent *
find_event(Fixture *f, SinterEventKind kind)
{
    for (guint i = 0; i < f->events->len; i++) {
        const SinterEvent *event = g_ptr_array_index(f->events, i);

        if (event->kind == kind)
            return event;
    }
    return NULL;
}

static virDomainPtr
find_domain(Fixture *f)
{
    g_autoptr(GError) error = NULL;
    virConnectPtr connection = sinter_connection_dup(f->connection, &error);
    virDomainPtr domain;

    g_assert_no_error(error);
    domain = virDomainLookupByName(connection, "web");
    g_assert_nonnull(domain);
    virConnectClose(connection);
    return domain;
}

static void
test_opens(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(sinter_connection_is_open(f->connection));
    g_assert_null(sinter_connection_dup(f->connection, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED);
    g_assert_nonnull(strstr(error->message, f->uri));
    sinter_connection_start(f->connection);
    fixture_wait_until(f->events->len > 0);
    g_assert_nonnull(find_event(f, SINTER_EVENT_CONNECTED));
    g_assert_true(sinter_connection_is_open(f->connection));
    g_assert_cmpstr(sinter_connection_get_uri(f->connection), ==, f->uri);
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 0);
}

static void
test_events(Fixture *f, gconstpointer data)
{
    const SinterEvent *event;
    virDomainPtr domain;

    sinter_connection_start(f->connection);
    fixture_wait_until(sinter_connection_is_open(f->connection));
    domain = find_domain(f);
    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    fixture_wait_until(find_event(f, SINTER_EVENT_LIFECYCLE));
    event = find_event(f, SINTER_EVENT_LIFECYCLE);
    g_assert_cmpint(event->status, ==, VIR_DOMAIN_EVENT_SUSPENDED);
    g_assert_cmpint(event->detail, ==, VIR_DOMAIN_EVENT_SUSPENDED_PAUSED);
    g_assert_cmpstr(event->name, ==, "web");
    g_assert_cmpuint(strlen(event->uuid), ==, VIR_UUID_STRING_BUFLEN - 1);
    g_assert_cmpint(event->time_usec, >, 0);
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, "<policy/>", "s",
                                         "urn:sinter:policy:1", VIR_DOMAIN_AFFECT_LIVE),
                    ==, 0);
    fixture_wait_until(find_event(f, SINTER_EVENT_METADATA_CHANGE));
    event = find_event(f, SINTER_EVENT_METADATA_CHANGE);
    g_assert_cmpint(event->detail, ==, VIR_DOMAIN_METADATA_ELEMENT);
    g_assert_cmpstr(event->text, ==, "urn:sinter:policy:1");
    virDomainFree(domain);
}

/* No event comes after stop(), though the driver goes on telling. */
static void
test_stop(Fixture *f, gconstpointer data)
{
    virDomainPtr domain;
    guint before;

    sinter_connection_start(f->connection);
    fixture_wait_until(sinter_connection_is_open(f->connection));
    domain = find_domain(f);
    g_assert_cmpint(virDomainSuspend(domain), ==, 0);
    sinter_connection_stop(f->connection);
    g_assert_false(sinter_connection_is_open(f->connection));
    before = f->events->len;
    g_assert_cmpint(virDomainResume(domain), ==, 0);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_cmpuint(f->events->len, ==, before);
    virDomainFree(domain);
}

/* Stopped before it is open: what the worker opens is given back, and nobody hears of it. */
static void
test_stop_while_opening(Fixture *f, gconstpointer data)
{
    sinter_connection_start(f->connection);
    sinter_connection_stop(f->connection);
    fixture_unref_and_wait(f->connection);
    g_assert_cmpuint(f->events->len, ==, 0);
    f->connection = sinter_connection_new(f->uri, FALSE);
}

/* What is not there yet is tried again, and complained of once. */
static void
test_tries_again(Fixture *f, gconstpointer data)
{
    g_autofree char *path = fixture_path(f->folder, "late.xml");
    g_autofree char *uri = g_strconcat("test://", path, NULL);
    g_autofree char *text = NULL;
    const char *warning;
    guint n_warnings = 0;

    g_object_unref(f->connection);
    f->connection = sinter_connection_new(uri, FALSE);
    g_signal_connect(f->connection, "event", G_CALLBACK(on_event), f);
    sinter_connection_start(f->connection);
    fixture_wait_until((n_warnings = fixture_take_warnings(&warning)) > 0);
    g_assert_cmpuint(n_warnings, ==, 1);
    g_assert_nonnull(strstr(warning, uri));
    g_assert_cmpuint(f->events->len, ==, 1); /* told once too, with the reason */
    g_assert_nonnull(strstr(find_event(f, SINTER_EVENT_DISCONNECTED)->text, "late.xml"));
    fixture_file(f->folder, "late.xml", "<node/>");
    fixture_wait_until(f->events->len > 1);
    g_assert_cmpuint(f->events->len, ==, 2);
    g_assert_nonnull(find_event(f, SINTER_EVENT_CONNECTED));
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 0);
}

static void
test_errors(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    virConnectPtr connection;
    virDomainPtr domain;

    sinter_connection_start(f->connection);
    fixture_wait_until(sinter_connection_is_open(f->connection));
    connection = sinter_connection_dup(f->connection, NULL);
    domain = find_domain(f);
    g_assert_null(virDomainLookupByName(connection, "nobody"));
    /* the name is asked of libvirt, which forgets the error of the call before */
    sinter_connection_set_error(&error, "for '%s'", virDomainGetName(domain));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_true(g_str_has_prefix(error->message, "for 'web': "));
    g_assert_null(strstr(error->message, "gave no reason"));
    g_clear_error(&error);
    virDomainFree(domain);
    g_assert_null(virDomainLookupByName(connection, "nobody"));
    g_assert_false(sinter_connection_last_error_is_lost());
    sinter_connection_set_error(&error, "looking for '%s'", "nobody");
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
    g_assert_true(g_str_has_prefix(error->message, "looking for 'nobody': "));
    g_clear_error(&error);
    virConnectClose(connection);

    g_assert_null(virDomainLookupByName(NULL, "nobody"));
    g_assert_true(sinter_connection_last_error_is_lost());
    sinter_connection_set_error(&error, "looking");
    g_prefix_error(&error, "planning: ");
    virResetLastError();
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED);
    g_clear_error(&error);
    sinter_connection_set_error(&error, "looking");
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_FAILED);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_init();
#define ADD(name, func) g_test_add("/connection/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("opens", test_opens);
    ADD("events", test_events);
    ADD("stop", test_stop);
    ADD("stop-while-opening", test_stop_while_opening);
    ADD("tries-again", test_tries_again);
    ADD("errors", test_errors);
    return g_test_run();
}
