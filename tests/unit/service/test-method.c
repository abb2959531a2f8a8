/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The table of methods has exactly the methods of the XML, each with the options that the XML
 * describes; errors and objects have the names that the contract gives them. */

#include "sinter-method.h"

#include <gio/gio.h>

#include "sinter-dbus-error.h"
#include "sinter-object-path.h"

static GDBusNodeInfo *
read_xml(char **ret_text)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    GDBusNodeInfo *node;

    g_assert_true(g_file_get_contents(g_getenv("SINTER_DBUS_XML"), &text, NULL, NULL));
    node = g_dbus_node_info_new_for_xml(text, &error);
    g_assert_no_error(error);
    if (ret_text)
        *ret_text = g_steal_pointer(&text);
    return node;
}

static guint
count_methods(const GDBusNodeInfo *node)
{
    guint n = 0;

    for (guint i = 0; node->interfaces[i]; i++) {
        GDBusMethodInfo **methods = node->interfaces[i]->methods;

        for (guint j = 0; methods && methods[j]; j++)
            n++;
    }
    return n;
}

static void
test_table_is_the_xml(void)
{
    g_autoptr(GDBusNodeInfo) node = read_xml(NULL);
    const SinterMethod *rows;
    gsize n_rows;

    rows = sinter_method_table(&n_rows);
    g_assert_cmpuint(n_rows, ==, count_methods(node));
    for (gsize i = 0; i < n_rows; i++) {
        GDBusInterfaceInfo *interface = g_dbus_node_info_lookup_interface(node, rows[i].interface);

        g_assert_nonnull(interface);
        g_assert_nonnull(g_dbus_interface_info_lookup_method(interface, rows[i].method));
        g_assert_true(sinter_method_lookup(rows[i].interface, rows[i].method) == &rows[i]);
        g_assert_true(g_str_has_prefix(rows[i].action, "org.sinter."));
        g_assert_true(rows[i].options & SINTER_OPTION_NO_INTERACTION);
    }
    g_assert_null(sinter_method_lookup("org.sinter.Sinter1.Manager", "Forgotten"));
    g_assert_null(sinter_method_lookup("org.sinter.Sinter1.Other", "Rescan"));
}

/* What the comment above each method says of polkit is what the table says. */
static void
test_documented_actions(void)
{
    g_autofree char *text = NULL;
    g_autoptr(GDBusNodeInfo) node = read_xml(&text);
    const SinterMethod *rows;
    gsize n_rows;

    rows = sinter_method_table(&n_rows);
    for (gsize i = 0; i < n_rows; i++) {
        g_autofree char *interface = g_strdup_printf("<interface name=\"%s\">", rows[i].interface);
        g_autofree char *method = g_strdup_printf("<method name=\"%s\">", rows[i].method);
        const char *begin = strstr(text, interface);
        const char *end = strstr(begin, method);
        const char *said = g_strrstr_len(begin, end - begin, "polkit: ");

        g_assert_nonnull(said);
        g_assert_true(g_str_has_prefix(said + strlen("polkit: "), rows[i].action));
    }
}

static void
test_error_names(void)
{
    static const char *const names[] = {
        "NotAuthorized", "SharedBase",   "Locked",    "NoSpace", "ChainChanged",    "Corrupt",
        "Unsupported",   "NotFound",     "Busy",      "Failed",  "InvalidArgument", "Cancelled",
        "TimedOut",      "Disconnected", "ShortRead", "Denied"
    };

    g_assert_cmpuint(G_N_ELEMENTS(names), ==, SINTER_N_ERRORS);
    sinter_dbus_error_register();
    sinter_dbus_error_register(); /* twice does no harm */
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *full = g_strconcat("org.sinter.Sinter1.Error.", names[i], NULL);
        g_autoptr(GError) sent =
            g_error_new(SINTER_ERROR, sinter_error_from_name(names[i]), "because");
        g_autofree char *wire = g_dbus_error_encode_gerror(sent);
        g_autoptr(GError) received = g_dbus_error_new_for_dbus_error(full, "because");

        g_assert_cmpstr(wire, ==, full);
        g_assert_error(received, SINTER_ERROR, sent->code);
        g_assert_true(g_dbus_error_strip_remote_error(received));
        g_assert_cmpstr(received->message, ==, "because");
    }
}

static void
test_object_paths(void)
{
    g_autofree char *domain = sinter_object_path_domain("6f2c2f0e-0b7a-4a57-9a2e-0123456789ab");
    g_autofree char *disk = sinter_object_path_disk("6f2c2f0e-0b7a-4a57-9a2e-0123456789ab", "vda");
    g_autofree char *plan = sinter_object_path_plan("0badcafe");
    g_autofree char *job = sinter_object_path_job("12");
    static const char *const odd[] = { "", "../x", "a-b", "a_b", "a_2db", "ä", "a/b", "vda[3]" };
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    g_assert_cmpstr(domain, ==,
                    "/org/sinter/Sinter1/domains/_6f2c2f0e_0b7a_4a57_9a2e_0123456789ab");
    g_assert_cmpstr(disk, ==,
                    "/org/sinter/Sinter1/domains/_6f2c2f0e_0b7a_4a57_9a2e_0123456789ab/disks/vda");
    g_assert_cmpstr(plan, ==, "/org/sinter/Sinter1/plans/0badcafe");
    g_assert_cmpstr(job, ==, "/org/sinter/Sinter1/jobs/12");
    for (gsize i = 0; i < G_N_ELEMENTS(odd); i++) {
        char *path = sinter_object_path_disk(odd[i], odd[i]);

        g_assert_true(g_variant_is_object_path(path));
        g_assert_true(g_hash_table_add(seen, path));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/method/table-is-the-xml", test_table_is_the_xml);
    g_test_add_func("/method/documented-actions", test_documented_actions);
    g_test_add_func("/method/error-names", test_error_names);
    g_test_add_func("/method/object-paths", test_object_paths);
    return g_test_run();
}
