/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gate without a bus policy's or polkit's help: what the table does not have is denied, even
 * where a handler stands ready; on a session bus our own user is let in, and its options are
 * checked before the handler. */

#include "sinter-authority.h"

#include <unistd.h>

#include "bus-fixture.h"
#include "sinter-dbus-error.h"

/* --- a skeleton with one method of the contract and one that was forgotten in the table ------ */

#define TYPE_PROBE (probe_get_type())
G_DECLARE_FINAL_TYPE(Probe, probe, TEST, PROBE, GDBusInterfaceSkeleton)

struct _Probe {
    GDBusInterfaceSkeleton parent_instance;
    guint n_calls;
    guint uid;
};

G_DEFINE_FINAL_TYPE(Probe, probe, G_TYPE_DBUS_INTERFACE_SKELETON)

static const char probe_xml[] =
    "<node><interface name='org.sinter.Sinter1.Manager'>"
    "<method name='Rescan'><arg name='options' type='a{sv}' direction='in'/></method>"
    "<method name='Forgotten'><arg name='options' type='a{sv}' direction='in'/></method>"
    "</interface></node>";

static void
on_call(GDBusConnection *connection, const char *sender, const char *path, const char *interface,
        const char *method, GVariant *parameters, GDBusMethodInvocation *invocation,
        gpointer user_data)
{
    Probe *probe = user_data;

    probe->n_calls++;
    probe->uid = sinter_authority_get_call(invocation)->uid;
    g_dbus_method_invocation_return_value(invocation, NULL);
}

static GDBusInterfaceInfo *
probe_get_info(GDBusInterfaceSkeleton *skeleton)
{
    static GDBusNodeInfo *node;

    if (!node)
        node = g_dbus_node_info_new_for_xml(probe_xml, NULL);
    return node->interfaces[0];
}

static GDBusInterfaceVTable *
probe_get_vtable(GDBusInterfaceSkeleton *skeleton)
{
    static GDBusInterfaceVTable vtable = { .method_call = on_call };

    return &vtable;
}

static GVariant *
probe_get_properties(GDBusInterfaceSkeleton *skeleton)
{
    return g_variant_new_parsed("@a{sv} {}");
}

static void
probe_flush(GDBusInterfaceSkeleton *skeleton)
{
}

static void
probe_class_init(ProbeClass *klass)
{
    GDBusInterfaceSkeletonClass *skeleton = G_DBUS_INTERFACE_SKELETON_CLASS(klass);

    skeleton->get_info = probe_get_info;
    skeleton->get_vtable = probe_get_vtable;
    skeleton->get_properties = probe_get_properties;
    skeleton->flush = probe_flush;
}

static void
probe_init(Probe *self)
{
}

/* --- the stage ------------------------------------------------------------------------------- */

typedef struct {
    BusFixture bus;
    SinterAuthority *authority;
    Probe *probe;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    gboolean use_polkit = GPOINTER_TO_INT(data);
    g_autoptr(GError) error = NULL;

    bus_fixture_set_up(&f->bus);
    f->authority = sinter_authority_new(use_polkit);
    f->probe = g_object_new(TYPE_PROBE, NULL);
    sinter_authority_guard(f->authority, G_DBUS_INTERFACE_SKELETON(f->probe));
    g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(f->probe), f->bus.server, "/probe",
                                     &error);
    g_assert_no_error(error);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(f->probe));
    g_clear_object(&f->probe);
    g_clear_object(&f->authority);
    bus_fixture_tear_down(&f->bus);
}

static void
call(Fixture *f, const char *method, const char *options, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) reply = NULL;

    g_dbus_connection_call(f->bus.client, g_dbus_connection_get_unique_name(f->bus.server),
                           "/probe", "org.sinter.Sinter1.Manager", method,
                           g_variant_new("(@a{sv})", g_variant_parse(G_VARIANT_TYPE_VARDICT,
                                                                     options, NULL, NULL, NULL)),
                           NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, bus_fixture_keep_result,
                           &result);
    while (!result)
        g_main_context_iteration(NULL, TRUE);
    reply = g_dbus_connection_call_finish(f->bus.client, result, error);
}

static void
test_own_user(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    call(f, "Rescan", "{}", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(f->probe->n_calls, ==, 1);
    g_assert_cmpuint(f->probe->uid, ==, getuid());
}

static void
test_forgotten(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    call(f, "Forgotten", "{}", &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_assert_nonnull(strstr(error->message, "Manager.Forgotten"));
    g_assert_cmpuint(f->probe->n_calls, ==, 0);
}

static void
test_options(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    call(f, "Rescan", "{'disk': <'vda'>}", &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    call(f, "Rescan", "{'no-interaction': <true>}", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(f->probe->n_calls, ==, 1);
}

/* With nobody there to say yes, the answer is no; bad options do not change that. */
static void
test_no_polkit(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    call(f, "Rescan", "{}", &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_clear_error(&error);
    call(f, "Rescan", "{'disk': <'vda'>}", &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_assert_cmpuint(f->probe->n_calls, ==, 0);
}

/* A method's owner rule holds only for methods that have it. */
static void
test_owner(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    sinter_authority_set_owner(G_DBUS_INTERFACE_SKELETON(f->probe), getuid());
    call(f, "Rescan", "{}", &error);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_AUTHORIZED);
    g_assert_cmpuint(f->probe->n_calls, ==, 0);
}

int
main(int argc, char **argv)
{
    bus_fixture_init(argc, argv);
    g_test_init(&argc, &argv, NULL);
    sinter_dbus_error_register();
#define ADD(name, polkit, func)                                                                    \
    g_test_add("/authority/" name, Fixture, GINT_TO_POINTER(polkit), set_up, func, tear_down)
    ADD("own-user", FALSE, test_own_user);
    ADD("forgotten", FALSE, test_forgotten);
    ADD("options", FALSE, test_options);
    ADD("no-polkit", TRUE, test_no_polkit);
    ADD("owner", TRUE, test_owner);
    return g_test_run();
}
