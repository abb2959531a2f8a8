/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A host of the test driver, and the test's own main context. */

#include "virt-fixture.h"

static guint n_warnings;
static char *last_warning;
static GMutex warnings_lock; /* guards the two above: workers log as well */

/* Debug lines are not wanted; what is worse than a warning ends the test and is shown. */
static GLogWriterOutput
count_warnings(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL)) {
        g_log_writer_standard_streams(level, fields, n_fields, user_data);
        abort();
    }
    if (!(level & G_LOG_LEVEL_WARNING))
        return G_LOG_WRITER_HANDLED;
    g_mutex_lock(&warnings_lock);
    n_warnings++;
    for (gsize i = 0; i < n_fields; i++) {
        if (g_strcmp0(fields[i].key, "MESSAGE") == 0) {
            g_free(last_warning);
            last_warning = g_strdup(fields[i].value);
        }
    }
    g_mutex_unlock(&warnings_lock);
    return G_LOG_WRITER_HANDLED;
}

void
fixture_init(void)
{
    g_log_set_writer_func(count_warnings, NULL, NULL);
    sinter_connection_init_events();
}

guint
fixture_take_warnings(const char **ret_last)
{
    static char *taken;
    guint n;

    g_mutex_lock(&warnings_lock);
    n = n_warnings;
    n_warnings = 0;
    g_free(taken);
    taken = g_steal_pointer(&last_warning);
    g_mutex_unlock(&warnings_lock);
    if (ret_last)
        *ret_last = taken;
    return n;
}

char *
fixture_domain_xml(const char *name, const char *path)
{
    g_autofree char *disk =
        path ? g_strdup_printf("<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
                               "<source file='%s'/><target dev='vda' bus='virtio'/></disk>",
                               path)
             : g_strdup("");

    /* the same name always has the same UUID */
    return g_strdup_printf("<domain type='test'><name>%s</name>"
                           "<uuid>5a17e000-0000-4000-8000-0000%08x</uuid><memory>8192</memory>"
                           "<os><type>hvm</type></os><devices>%s</devices></domain>",
                           name, g_str_hash(name), disk);
}

char *
fixture_node(const char *folder, const char *content)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(folder, "node.xml", NULL);
    g_autofree char *text = g_strdup_printf("<node>%s</node>", content);

    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    return g_strconcat("test://", path, NULL);
}

typedef struct {
    const char *where;
    const char *condition;
} Wait;

static gboolean
give_up(gpointer data)
{
    const Wait *wait = data;

    g_printerr("%s: '%s' does not come true\n", wait->where, wait->condition);
    abort();
}

guint
fixture_begin_wait(const char *where, const char *condition)
{
    Wait *wait = g_new0(Wait, 1);

    wait->where = where;
    wait->condition = condition;
    return g_timeout_add_seconds_full(G_PRIORITY_HIGH, 60, give_up, wait, g_free);
}

static void
on_gone(gpointer data, GObject *object)
{
    g_atomic_int_set((int *)data, TRUE);
    g_main_context_wakeup(NULL);
}

void
fixture_unref_and_wait(gpointer object)
{
    int gone = FALSE;

    g_object_weak_ref(object, on_gone, &gone);
    g_object_unref(object);
    fixture_wait_until(g_atomic_int_get(&gone));
}

SinterInventory *
fixture_inventory(SinterConnection *connection)
{
    g_autoptr(SinterScanSettings) settings = sinter_scan_settings_new();

    return sinter_inventory_new(connection, settings, 0);
}
