/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inventory names the disks of events. libvirt's test driver has no event of a disk, so the
 * connection's signal is emitted by hand; the domains, scans and their order are real. */

#include "image-fixture.h"
#include "sinter-inventory.h"
#include "virt-fixture.h"

typedef struct {
    char *folder;
    SinterConnection *connection;
    SinterInventory *inventory;
    GPtrArray *events; /* of SinterEvent, as they came: those that name a device */
    gboolean connected;
    guint n_scans;
} Fixture;

static void
on_event(SinterInventory *inventory, const SinterEvent *event, gpointer data)
{
    Fixture *f = data;

    if (event->kind == SINTER_EVENT_CONNECTED)
        f->connected = TRUE;
    if (event->device)
        g_ptr_array_add(f->events, sinter_event_copy(event));
}

static void
on_scanned(SinterInventory *inventory, gpointer data)
{
    ((Fixture *)data)->n_scans++;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->folder = fixture_make_folder();
    f->events = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_event_free);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_connection_stop(f->connection);
    fixture_unref_and_wait(f->inventory);
    fixture_unref_and_wait(f->connection);
    g_ptr_array_unref(f->events);
    fixture_remove_folder(f->folder);
}

/* Starts on a node with @domains in it, and waits until the first scan is under way. */
static void
begin(Fixture *f, const char *domains)
{
    g_autofree char *uri = fixture_node(f->folder, domains);

    f->connection = sinter_connection_new(uri, FALSE);
    f->inventory = fixture_inventory(f->connection);
    g_signal_connect(f->inventory, "event", G_CALLBACK(on_event), f);
    g_signal_connect(f->inventory, "scanned", G_CALLBACK(on_scanned), f);
    sinter_connection_start(f->connection);
    fixture_wait_until(f->connected);
    g_assert_cmpuint(f->n_scans, ==, 0);
}

/* Likewise, and waits for its end. */
static void
start(Fixture *f, const char *domains)
{
    begin(f, domains);
    fixture_wait_until(f->n_scans == 1);
}

static gboolean
is_shown(Fixture *f, const char *name)
{
    g_autoptr(SinterDomain) domain = sinter_inventory_lookup(f->inventory, name);

    return domain != NULL;
}

/* The domain of fixture_domain_xml() with an alias of its own for the disk. */
static char *
aliased_xml(Fixture *f, const char *name, const char *alias)
{
    g_autofree char *path = fixture_path(f->folder, "image");
    g_autofree char *xml = fixture_domain_xml(name, path);
    g_auto(GStrv) parts = g_strsplit(xml, "</disk>", 2);

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        fixture_qcow2(f->folder, "image", NULL, NULL);
    return g_strdup_printf("%s<alias name='%s'/></disk>%s", parts[0], alias, parts[1]);
}

static void
post(Fixture *f, SinterEventKind kind, const char *device)
{
    g_autoptr(SinterEvent) event = sinter_event_new(kind);

    event->uuid = g_strdup_printf("5a17e000-0000-4000-8000-0000%08x", g_str_hash("web"));
    event->name = g_strdup("web");
    event->device = g_strdup(device);
    g_signal_emit_by_name(f->connection, "event", event);
}

static void
assert_event(Fixture *f, guint place, const char *device, const char *disk)
{
    const SinterEvent *event;

    g_assert_cmpuint(place, <, f->events->len);
    event = g_ptr_array_index(f->events, place);
    g_assert_cmpstr(event->device, ==, device);
    g_assert_cmpstr(event->disk, ==, disk);
}

/* Of what is known already, an event passes on while it is told. */
static void
test_event_at_once(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = aliased_xml(f, "web", "ua-root");

    start(f, xml);
    post(f, SINTER_EVENT_IO_ERROR, "ua-root");
    assert_event(f, 0, "ua-root", "vda");
    post(f, SINTER_EVENT_IO_ERROR, "ua-none"); /* and no scan is on the way that might know it */
    assert_event(f, 1, "ua-none", NULL);
    post(f, SINTER_EVENT_BLOCK_JOB, "vdz");
    assert_event(f, 2, "vdz", "vdz");
}

/* While the host is read for the first time the device's name says nothing yet: the event waits for
 * the end of that, and passes after the domain; one that needs no domain does not wait. */
static void
test_event_during_scan(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = aliased_xml(f, "web", "ua-root");

    begin(f, xml);
    post(f, SINTER_EVENT_IO_ERROR, "ua-root");
    post(f, SINTER_EVENT_IO_ERROR, "ua-none");
    g_assert_cmpuint(f->events->len, ==, 0);
    post(f, SINTER_EVENT_BLOCK_JOB, "vda");
    assert_event(f, 0, "vda", "vda");
    fixture_wait_until(f->events->len == 3);
    g_assert_true(is_shown(f, "web"));
    assert_event(f, 1, "ua-root", "vda");
    assert_event(f, 2, "ua-none", NULL);
}

/* An added device is known when its domain was read anew, also where an alias is used again. */
static void
test_event_of_added(Fixture *f, gconstpointer data)
{
    g_autofree char *before = aliased_xml(f, "web", "ua-root");
    g_auto(GStrv) parts = g_strsplit(before, "vda", 2);
    g_autofree char *after = g_strjoinv("vdb", parts);
    virConnectPtr connection;
    virDomainPtr domain;

    start(f, "");
    connection = sinter_connection_dup(f->connection, NULL);
    domain = virDomainDefineXML(connection, before);
    g_assert_nonnull(domain);
    fixture_wait_until(is_shown(f, "web"));
    virDomainFree(domain);
    domain = virDomainDefineXML(connection, after);
    g_assert_nonnull(domain);
    post(f, SINTER_EVENT_DEVICE_ADDED, "ua-root");
    post(f, SINTER_EVENT_DEVICE_ADDED, "net0");
    g_assert_cmpuint(f->events->len, ==, 0);
    fixture_wait_until(f->events->len == 2);
    assert_event(f, 0, "ua-root", "vdb");
    assert_event(f, 1, "net0", NULL);
    virDomainFree(domain);
    virConnectClose(connection);
}

/* However many come meanwhile, those that wait are bounded; the rest passes unnamed, none is lost.
 */
static void
test_event_storm(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = aliased_xml(f, "web", "ua-root");
    const guint n_events = 10000;
    guint n_named = 0;

    begin(f, xml);
    for (guint i = 0; i < n_events; i++)
        post(f, SINTER_EVENT_IO_ERROR, "ua-root");
    g_assert_cmpuint(f->events->len, >, n_events / 2);
    fixture_wait_until(f->events->len == n_events);
    for (guint i = 0; i < n_events; i++) {
        if (((const SinterEvent *)f->events->pdata[i])->disk)
            n_named++;
    }
    g_assert_cmpuint(n_named, >, 0);
    g_assert_cmpuint(n_named, <, n_events / 2);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_init();
#define ADD(name, func) g_test_add("/inventory-event/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("at-once", test_event_at_once);
    ADD("during-scan", test_event_during_scan);
    ADD("of-added", test_event_of_added);
    ADD("storm", test_event_storm);
#undef ADD
    return g_test_run();
}
