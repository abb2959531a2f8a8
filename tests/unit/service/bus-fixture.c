/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bus of the test's own. */

#include "bus-fixture.h"

static GDBusConnection *
connect_to(GTestDBus *bus)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection =
        g_dbus_connection_new_for_address_sync(g_test_dbus_get_bus_address(bus),
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, &error);

    g_assert_no_error(error);
    return connection;
}

void
bus_fixture_set_up(BusFixture *f)
{
    f->bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(f->bus);
    f->server = connect_to(f->bus);
    f->client = connect_to(f->bus);
}

void
bus_fixture_tear_down(BusFixture *f)
{
    g_dbus_connection_close_sync(f->client, NULL, NULL);
    g_dbus_connection_close_sync(f->server, NULL, NULL);
    g_clear_object(&f->client);
    g_clear_object(&f->server);
    g_test_dbus_stop(f->bus);
    g_clear_object(&f->bus);
}

void
bus_fixture_keep_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}
