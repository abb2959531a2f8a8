/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "service-stage.h"

#include "sinter-dbus-error.h"
#include "sinter-log.h"

void
service_stage_init(int *argc, char ***argv)
{
    bus_fixture_init(*argc, *argv);
    g_test_init(argc, argv, NULL);
    sinter_log_init("test-service", FALSE); /* what the daemon complains of is no failure */
    sinter_dbus_error_register();
}

void
service_stage_set_up(ServiceStage *stage, const char *world)
{
    bus_fixture_set_up(&stage->bus);
    stage->context = played_context_new();
    played_context_set_world(stage->context, world);
    stage->publisher = sinter_publisher_new(FALSE);
    sinter_publisher_open(stage->publisher, stage->bus.server);
}

void
service_stage_tear_down(ServiceStage *stage)
{
    sinter_publisher_close(stage->publisher);
    /* changes of properties that were not sent yet hold their objects, and these the context */
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_finalize_object(stage->publisher);
    g_assert_finalize_object(stage->context);
    bus_fixture_tear_down(&stage->bus);
}

SinterServiceContext *
service_stage_get_context(ServiceStage *stage)
{
    return SINTER_SERVICE_CONTEXT(stage->context);
}

static GVariant *
call(ServiceStage *stage, const char *path, const char *interface, const char *method,
     GVariant *arguments, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    GVariant *reply;

    g_dbus_connection_call(stage->bus.client, g_dbus_connection_get_unique_name(stage->bus.server),
                           path, interface, method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE, -1,
                           NULL, bus_fixture_keep_result, &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    reply = g_dbus_connection_call_finish(stage->bus.client, result, error);
    if (!reply && error)
        g_dbus_error_strip_remote_error(*error);
    return reply;
}

GVariant *
service_stage_call(ServiceStage *stage, const char *path, const char *method, const char *arguments,
                   GError **error)
{
    g_auto(GStrv) words = g_strsplit(method, ".", 2);
    g_autofree char *interface = g_strconcat("org.sinter.Sinter1.", words[0], NULL);

    return call(stage, path, interface, words[1], g_variant_new_parsed(arguments), error);
}

char *
service_stage_ask(ServiceStage *stage, const char *path, const char *method, const char *arguments)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = service_stage_call(stage, path, method, arguments, &error);

    g_assert_no_error(error);
    return g_variant_print(reply, FALSE);
}

gboolean
service_stage_has_object(ServiceStage *stage, const char *path)
{
    g_autoptr(GVariant) reply =
        call(stage, "/org/sinter/Sinter1", "org.freedesktop.DBus.ObjectManager",
             "GetManagedObjects", NULL, NULL);
    g_autoptr(GVariant) objects = g_variant_get_child_value(reply, 0);
    g_autoptr(GVariant) object = g_variant_lookup_value(objects, path, NULL);

    return object != NULL;
}
