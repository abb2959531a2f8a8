/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A bus of the program's own: started before it, ended after it, never replaced in between. */

#include "bus-fixture.h"

#include <errno.h>
#include <unistd.h>

#define INSIDE "SINTER_TEST_BUS" /* set: we run below our dbus-run-session */
#define ADDRESS "DBUS_SESSION_BUS_ADDRESS"

static void
run_below_bus(int argc, char **argv)
{
    g_autofree char *option =
        g_strdup_printf("--config-file=%s/service/bus.conf", g_getenv("G_TEST_SRCDIR"));
    g_autoptr(GPtrArray) command = g_ptr_array_new();

    g_ptr_array_add(command, (gpointer) "dbus-run-session");
    g_ptr_array_add(command, option);
    g_ptr_array_add(command, (gpointer) "--");
    for (int i = 0; i < argc; i++)
        g_ptr_array_add(command, argv[i]);
    g_ptr_array_add(command, NULL);
    g_setenv(INSIDE, "1", TRUE);
    execvp("dbus-run-session", (char **)command->pdata);
    g_error("dbus-run-session cannot be run: %s", g_strerror(errno));
}

void
bus_fixture_init(int argc, char **argv)
{
    if (!g_getenv(INSIDE))
        run_below_bus(argc, argv);
    /* where polkit is looked for, and is not */
    g_setenv("DBUS_SYSTEM_BUS_ADDRESS", g_getenv(ADDRESS), TRUE);
}

static GDBusConnection *
connect_to_bus(void)
{
    g_autoptr(GError) error = NULL;
    GDBusConnection *connection =
        g_dbus_connection_new_for_address_sync(g_getenv(ADDRESS),
                                               G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                   G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                               NULL, NULL, &error);

    g_assert_no_error(error);
    return connection;
}

void
bus_fixture_set_up(BusFixture *f)
{
    f->server = connect_to_bus();
    f->client = connect_to_bus();
}

void
bus_fixture_tear_down(BusFixture *f)
{
    g_dbus_connection_close_sync(f->client, NULL, NULL);
    g_dbus_connection_close_sync(f->server, NULL, NULL);
    g_clear_object(&f->client);
    g_clear_object(&f->server);
}

void
bus_fixture_keep_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}
