/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The inventory against libvirt's test driver and real images: what it sees, what it tells, and
 * that nothing malformed takes it down. */

#include "image-fixture.h"
#include "sinter-error.h"
#include "sinter-inventory.h"
#include "virt-fixture.h"

#include <glib/gstdio.h>
#include <libvirt/virterror.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
    char *folder;
    SinterConnection *connection;
    SinterInventory *inventory;
    GPtrArray *changes; /* of char*: "+web", "~web", "-web" */
    guint n_scans;
    guint n_refreshed;
    GError *refresh_error;
} Fixture;

static void
on_changed(SinterInventory *inventory, const SinterDomain *before, const SinterDomain *now,
           gpointer data)
{
    Fixture *f = data;
    g_autoptr(SinterDomain) shown = NULL;

    g_assert_true(before || now);
    shown = sinter_inventory_lookup(inventory, before ? before->uuid : now->uuid);
    g_assert_true(shown == now); /* the inventory shows the new state already */
    g_ptr_array_add(f->changes, g_strdup_printf("%s%s",
                                                !before ? "+"
                                                : !now  ? "-"
                                                        : "~",
                                                now ? now->name : before->name));
}

static void
on_scanned(SinterInventory *inventory, gpointer data)
{
    g_assert_true(sinter_inventory_is_complete(inventory));
    ((Fixture *)data)->n_scans++;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    f->folder = fixture_make_folder();
    f->changes = g_ptr_array_new_with_free_func(g_free);
    fixture_take_warnings(NULL);
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    sinter_connection_stop(f->connection);
    fixture_unref_and_wait(f->inventory);
    fixture_unref_and_wait(f->connection);
    g_ptr_array_unref(f->changes);
    g_clear_error(&f->refresh_error);
    fixture_remove_folder(f->folder);
}

/* Starts on a node with @domains in it and waits for the first inventory. */
static void
start(Fixture *f, const char *domains)
{
    g_autofree char *uri = fixture_node(f->folder, domains);

    f->connection = sinter_connection_new(uri, FALSE);
    f->inventory = fixture_inventory(f->connection);
    g_signal_connect(f->inventory, "domain-changed", G_CALLBACK(on_changed), f);
    g_signal_connect(f->inventory, "scanned", G_CALLBACK(on_scanned), f);
    g_assert_false(sinter_inventory_is_complete(f->inventory));
    sinter_connection_start(f->connection);
    fixture_wait_until(f->n_scans == 1);
}

static void
on_refreshed(GObject *object, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;

    g_clear_error(&f->refresh_error);
    if (sinter_inventory_refresh_finish(SINTER_INVENTORY(object), result, &f->refresh_error))
        g_assert_no_error(f->refresh_error);
    f->n_refreshed++;
}

static void
refresh(Fixture *f, const char *uuid)
{
    guint before = f->n_refreshed;

    sinter_inventory_refresh_async(f->inventory, uuid, NULL, on_refreshed, f);
    fixture_wait_until(f->n_refreshed > before);
}

static gboolean
has_change(Fixture *f, const char *change)
{
    return g_ptr_array_find_with_equal_func(f->changes, change, g_str_equal, NULL);
}

/* The domain as libvirt has it; the connection that it was found by stays open through it. */
static virDomainPtr
find_handle(Fixture *f, const char *name)
{
    virConnectPtr connection = sinter_connection_dup(f->connection, NULL);
    virDomainPtr domain = virDomainLookupByName(connection, name);

    g_assert_nonnull(domain);
    virConnectClose(connection);
    return domain;
}

static const SinterLayer *
find_layer(const SinterDomain *domain, const char *target, guint depth)
{
    const SinterDisk *disk = sinter_domain_find_disk(domain, target);

    g_assert_nonnull(disk);
    g_assert_cmpuint(depth, <, disk->layers->len);
    return g_ptr_array_index(disk->layers, depth);
}

/* The domain of fixture_domain_xml() as a node holds it when it is shut off. */
static char *
stopped_xml(const char *name, const char *path)
{
    g_autofree char *xml = fixture_domain_xml(name, path);
    g_auto(GStrv) parts = g_strsplit(xml, "</domain>", 2);

    return g_strdup_printf("%s<t:runstate xmlns:t='http://libvirt.org/schemas/domain/test/1.0'>5"
                           "</t:runstate></domain>",
                           parts[0]);
}

static void
test_first(Fixture *f, gconstpointer data)
{
    g_autofree char *top = fixture_path(f->folder, "top");
    g_autofree char *other = fixture_path(f->folder, "other");
    g_autofree char *running = fixture_domain_xml("web", top);
    g_autofree char *stopped = stopped_xml("db", other);
    g_autofree char *both = g_strconcat(running, stopped, NULL);
    g_autoptr(SinterDomain) web = NULL;
    g_autoptr(SinterDomain) db = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(SinterReferenceGraph) graph = NULL;
    const SinterReference *foreign;

    fixture_qcow2(f->folder, "top", "base", "qcow2");
    fixture_qcow2(f->folder, "other", "base", "qcow2");
    fixture_qcow2(f->folder, "base", NULL, NULL);
    start(f, both);

    g_assert_cmpuint(f->changes->len, ==, 2);
    g_assert_true(has_change(f, "+web") && has_change(f, "+db"));
    list = sinter_inventory_list(f->inventory);
    g_assert_cmpuint(list->len, ==, 2);
    g_assert_cmpstr(((SinterDomain *)list->pdata[0])->name, ==, "db");
    web = sinter_inventory_lookup(f->inventory, "web");
    db = sinter_inventory_lookup(f->inventory, "db");
    g_assert_true(web->active && web->persistent);
    g_assert_cmpint(web->state, ==, VIR_DOMAIN_RUNNING);
    g_assert_false(db->active);
    g_assert_cmpint(db->state, ==, VIR_DOMAIN_SHUTOFF);
    g_assert_null(web->problem);
    g_assert_cmpstr(find_layer(web, "vda", 0)->path, ==, top);
    g_assert_nonnull(sinter_domain_find_disk(web, "vda")->inactive_layers);
    g_assert_true(sinter_domain_find_disk(db, "vda")->inactive_layers ==
                  sinter_domain_find_disk(db, "vda")->layers);

    graph = sinter_inventory_get_graph(f->inventory);
    foreign =
        sinter_reference_graph_find_foreign(graph, find_layer(web, "vda", 1), web->uuid, "vda");
    g_assert_nonnull(foreign);
    g_assert_cmpstr(foreign->domain_name, ==, "db");
    g_assert_null(
        sinter_reference_graph_find_foreign(graph, find_layer(web, "vda", 0), web->uuid, "vda"));
    g_assert_null(sinter_inventory_lookup(f->inventory, "nobody"));
}

static void
test_lifecycle(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = fixture_domain_xml("new", NULL);
    virConnectPtr connection;
    virDomainPtr domain;
    g_autoptr(SinterDomain) shown = NULL;

    start(f, "");
    connection = sinter_connection_dup(f->connection, NULL);
    domain = virDomainDefineXML(connection, xml);
    g_assert_nonnull(domain);
    fixture_wait_until(has_change(f, "+new"));
    g_ptr_array_set_size(f->changes, 0);
    g_assert_cmpint(virDomainCreate(domain), ==, 0);
    fixture_wait_until(has_change(f, "~new"));
    shown = sinter_inventory_lookup(f->inventory, "new");
    g_assert_true(shown->active);
    g_ptr_array_set_size(f->changes, 0);
    g_assert_cmpint(virDomainDestroy(domain), ==, 0);
    fixture_wait_until(has_change(f, "~new"));
    g_assert_cmpint(virDomainUndefine(domain), ==, 0);
    fixture_wait_until(has_change(f, "-new"));
    g_assert_null(sinter_inventory_lookup(f->inventory, "new"));
    virDomainFree(domain);
    virConnectClose(connection);
}

static void
test_metadata(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = fixture_domain_xml("web", NULL);
    virDomainPtr domain;

    start(f, xml);
    g_ptr_array_set_size(f->changes, 0);
    domain = find_handle(f, "web");
    g_assert_cmpint(virDomainSetMetadata(domain, VIR_DOMAIN_METADATA_ELEMENT, "<policy keep='2'/>",
                                         "sinter", "urn:sinter:policy:1", VIR_DOMAIN_AFFECT_CONFIG),
                    ==, 0);
    fixture_wait_until(has_change(f, "~web"));
    virDomainFree(domain);
}

/* A question that waits until it is released. */
typedef struct {
    GMutex lock;
    GCond cond;
    gboolean released;
    gint freed;
} Server;

static void
serve(gpointer data)
{
    Server *server = data;

    g_mutex_lock(&server->lock);
    while (!server->released)
        g_cond_wait(&server->cond, &server->lock);
    g_mutex_unlock(&server->lock);
}

static void
note_freed(gpointer data)
{
    g_atomic_int_inc(&((Server *)data)->freed);
}

/* Storage that stops for a moment. Returns when its answer waits for the main loop. */
static void
stop_and_respond(Fixture *f)
{
    const SinterScanMemory *memory = sinter_inventory_get_settings(f->inventory)->memory;
    Server server = { .released = FALSE };
    const SinterQuestion question = { serve, &server, note_freed, NULL };
    gint64 since_usec;

    g_mutex_init(&server.lock);
    g_cond_init(&server.cond);
    g_assert_false(sinter_patience_ask(memory->storage, "disk", &question, &since_usec));
    g_mutex_lock(&server.lock);
    server.released = TRUE;
    g_cond_broadcast(&server.cond);
    g_mutex_unlock(&server.lock);
    while (!g_atomic_int_get(&server.freed) || !g_main_context_pending(NULL))
        g_thread_yield();
    g_mutex_clear(&server.lock);
    g_cond_clear(&server.cond);
}

static void
run_what_is_due(void)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

/* The first answer is followed by a scan at once, the next one only after a pause. */
static void
test_responses_do_not_scan_without_pause(Fixture *f, gconstpointer data)
{
    start(f, "");
    stop_and_respond(f);
    fixture_wait_until(f->n_scans == 2);
    stop_and_respond(f);
    run_what_is_due();
    refresh(f, NULL);
    g_assert_cmpuint(f->n_scans, ==, 3);
}

/* The answer may come while the daemon stops. */
static void
test_response_after_the_end(Fixture *f, gconstpointer data)
{
    start(f, "");
    stop_and_respond(f);
    g_object_run_dispose(G_OBJECT(f->inventory));
    run_what_is_due();
    g_assert_cmpuint(f->n_scans, ==, 1);
}

/* A host on which nothing happened is no news, however often it is looked at. */
static void
test_unchanged(Fixture *f, gconstpointer data)
{
    g_autofree char *top = fixture_path(f->folder, "top");
    g_autofree char *xml = fixture_domain_xml("web", top);
    g_autoptr(SinterDomain) before = NULL;
    g_autoptr(SinterDomain) after = NULL;

    fixture_qcow2(f->folder, "top", "gone", "qcow2");
    start(f, xml);
    before = sinter_inventory_lookup(f->inventory, "web");
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 1);
    g_ptr_array_set_size(f->changes, 0);
    refresh(f, NULL);
    refresh(f, NULL);
    g_assert_cmpuint(f->n_scans, ==, 3);
    g_assert_cmpuint(f->changes->len, ==, 0);
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 0);
    after = sinter_inventory_lookup(f->inventory, "web");
    g_assert_cmpstr(after->uuid, ==, before->uuid);
}

/* An image that changes on disk is seen by the next scan, of all or of its domain. */
static void
test_refresh(Fixture *f, gconstpointer data)
{
    g_autofree char *top = fixture_path(f->folder, "top");
    g_autofree char *xml = fixture_domain_xml("web", top);
    g_autoptr(SinterDomain) before = NULL;
    g_autoptr(SinterDomain) now = NULL;
    const char *warning;

    fixture_qcow2(f->folder, "top", "base", "qcow2");
    fixture_qcow2(f->folder, "base", NULL, NULL);
    start(f, xml);
    before = sinter_inventory_lookup(f->inventory, "web");
    g_assert_cmpint(g_unlink(top), ==, 0);
    refresh(f, before->uuid);
    g_assert_no_error(f->refresh_error);
    g_assert_true(has_change(f, "~web"));
    now = sinter_inventory_lookup(f->inventory, "web");
    g_assert_true(find_layer(now, "vda", 0)->missing);
    g_assert_false(find_layer(before, "vda", 0)->missing);
    g_assert_cmpuint(fixture_take_warnings(&warning), ==, 1);
    g_assert_nonnull(strstr(warning, "domain 'web', disk vda"));
    g_assert_nonnull(strstr(warning, top));
    g_assert_cmpuint(f->n_scans, ==, 1);

    /* a problem that went and came is said again */
    fixture_qcow2(f->folder, "top", "base", "qcow2");
    refresh(f, NULL);
    g_assert_cmpint(g_unlink(top), ==, 0);
    refresh(f, NULL);
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 1);
}

/* A refresh of a domain that no longer exists succeeds: that it no longer exists is the present
 * state. */
static void
test_refresh_gone(Fixture *f, gconstpointer data)
{
    start(f, "");
    refresh(f, "00000000-0000-0000-0000-000000000001");
    g_assert_no_error(f->refresh_error);
    g_assert_cmpuint(f->changes->len, ==, 0);
}

static void
test_refresh_without_connection(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = fixture_domain_xml("web", NULL);
    g_autoptr(SinterDomain) kept = NULL;

    start(f, xml);
    sinter_connection_stop(f->connection);
    refresh(f, NULL);
    g_assert_error(f->refresh_error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED);
    kept = sinter_inventory_lookup(f->inventory, "web");
    g_assert_nonnull(kept);
}

/* Many questions at once are few scans, and each is answered. */
static void
test_joined(Fixture *f, gconstpointer data)
{
    g_autofree char *xml = fixture_domain_xml("web", NULL);

    start(f, xml);
    for (int i = 0; i < 100; i++)
        sinter_inventory_refresh_async(f->inventory, NULL, NULL, on_refreshed, f);
    fixture_wait_until(f->n_refreshed == 100);
    g_assert_cmpuint(f->n_scans, ==, 3);
}

/* Defines a snapshot of "web"; @disk is its <disk>, @frozen the disk's source when it was taken. */
static void
define_snapshot(Fixture *f, const char *name, const char *parent, const char *disk,
                const char *frozen)
{
    g_autofree char *then = fixture_domain_xml("web", frozen);
    g_autofree char *xml = g_strdup_printf(
        "<domainsnapshot><name>%s</name><state>shutoff</state>%s<creationTime>1000</creationTime>"
        "<disks>%s</disks>%s</domainsnapshot>",
        name, parent, disk, then);
    virDomainPtr domain = find_handle(f, "web");
    virDomainSnapshotPtr handle =
        virDomainSnapshotCreateXML(domain, xml, VIR_DOMAIN_SNAPSHOT_CREATE_REDEFINE);

    if (!handle)
        g_error("%s", virGetLastErrorMessage());
    virDomainSnapshotFree(handle);
    virDomainFree(domain);
}

static void
test_external_snapshot(Fixture *f, gconstpointer data)
{
    g_autofree char *base = fixture_path(f->folder, "base");
    g_autofree char *overlay = fixture_path(f->folder, "overlay");
    g_autofree char *xml = stopped_xml("web", overlay);
    g_autofree char *disk_xml = g_strdup_printf("<disk name='vda' snapshot='external' type='file'>"
                                                "<driver type='qcow2'/><source file='%s'/></disk>",
                                                overlay);
    g_autoptr(SinterDomain) shown = NULL;
    const SinterSnapshot *snapshot;
    const SinterSnapshotDisk *disk;

    fixture_qcow2(f->folder, "overlay", "base", "qcow2");
    fixture_qcow2(f->folder, "base", NULL, NULL);
    start(f, xml);
    define_snapshot(f, "first", "", disk_xml, base);
    refresh(f, NULL);

    shown = sinter_inventory_lookup(f->inventory, "web");
    g_assert_null(shown->problem);
    snapshot = sinter_domain_find_snapshot(shown, "first");
    g_assert_null(snapshot->parent);
    g_assert_cmpint(snapshot->creation_time_sec, ==, 1000);
    g_assert_false(snapshot->internal);
    disk = g_ptr_array_index(snapshot->disks, 0);
    g_assert_true(disk->external);
    g_assert_cmpstr(disk->overlay_path, ==, overlay);
    g_assert_cmpstr(disk->frozen_path, ==, base);
    g_assert_cmpuint(disk->overlay_inode, ==, find_layer(shown, "vda", 0)->inode);
    g_assert_cmpuint(disk->frozen_inode, ==, find_layer(shown, "vda", 1)->inode);
    g_assert_null(disk->frozen_layers);
    g_assert_null(find_layer(shown, "vda", 0)->snapshot_name);
    g_assert_cmpstr(find_layer(shown, "vda", 1)->snapshot_name, ==, "first");
}

/* A snapshot whose state lies in no chain of the domain: what that stands on is in use as well.
 * Two snapshots of one second: the parent comes first. */
static void
test_snapshot_apart(Fixture *f, gconstpointer data)
{
    g_autofree char *apart = fixture_path(f->folder, "apart");
    g_autofree char *under = fixture_path(f->folder, "under");
    g_autofree char *xml = stopped_xml("web", NULL);
    g_autoptr(SinterDomain) shown = NULL;
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(GPtrArray) users = NULL;
    const SinterSnapshot *snapshot;
    const SinterSnapshotDisk *disk;

    fixture_qcow2(f->folder, "apart", "under", "qcow2");
    fixture_qcow2(f->folder, "under", NULL, NULL);
    start(f, xml);
    define_snapshot(f, "z-parent", "", "<disk name='vda' snapshot='internal'/>", apart);
    define_snapshot(f, "a-child", "<parent><name>z-parent</name></parent>",
                    "<disk name='vda' snapshot='internal'/>", apart);
    refresh(f, NULL);

    shown = sinter_inventory_lookup(f->inventory, "web");
    g_assert_cmpuint(shown->snapshots->len, ==, 2);
    snapshot = g_ptr_array_index(shown->snapshots, 0);
    g_assert_cmpstr(snapshot->name, ==, "z-parent");
    g_assert_true(snapshot->internal);
    disk = g_ptr_array_index(snapshot->disks, 0);
    g_assert_cmpuint(disk->frozen_layers->len, ==, 2);
    snapshot = g_ptr_array_index(shown->snapshots, 1);
    g_assert_cmpstr(snapshot->parent, ==, "z-parent");
    graph = sinter_inventory_get_graph(f->inventory);
    users = sinter_reference_graph_lookup_path(graph, under);
    g_assert_cmpuint(users->len, ==, 2);
    g_assert_cmpstr(((SinterReference *)users->pdata[0])->snapshot, ==, "z-parent");
}

/* Things that are not as they should be: each has its problem, none takes the others down. */
static void
test_malformed(Fixture *f, gconstpointer data)
{
    g_autofree char *garbage = fixture_path(f->folder, "garbage");
    g_autofree char *loop = fixture_path(f->folder, "loop");
    g_autofree char *good = fixture_path(f->folder, "good");
    g_autofree char *garbage_xml = fixture_domain_xml("garbage", garbage);
    g_autofree char *loop_xml = fixture_domain_xml("loop", loop);
    g_autofree char *good_xml = fixture_domain_xml("good", good);
    g_autofree char *bulk = g_strnfill(5 << 20, 'x');
    g_autofree char *huge_xml = g_strdup_printf(
        "<domain type='test'><name>huge</name><description>%s</description><memory>8192</memory>"
        "<os><type>hvm</type></os></domain>",
        bulk);
    g_autofree char *all = g_strconcat(garbage_xml, loop_xml, good_xml, NULL);
    g_autoptr(SinterDomain) shown = NULL;
    virConnectPtr connection;
    virDomainPtr domain;
    const char *warning;

    fixture_file(f->folder, "garbage", "not an image");
    fixture_qcow2(f->folder, "loop", "loop", "qcow2");
    fixture_qcow2(f->folder, "good", NULL, NULL);
    start(f, all);
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 2);
    connection = sinter_connection_dup(f->connection, NULL);
    domain = virDomainDefineXML(connection, huge_xml);
    g_assert_nonnull(domain);
    fixture_wait_until(has_change(f, "+huge"));
    g_assert_cmpuint(fixture_take_warnings(&warning), ==, 1);
    g_assert_nonnull(strstr(warning, "domain 'huge'"));
    shown = sinter_inventory_lookup(f->inventory, "huge");
    g_assert_nonnull(shown->problem);
    g_assert_true(sinter_inventory_has_problems(f->inventory));
    g_assert_cmpuint(shown->disks->len, ==, 0);
    sinter_domain_unref(shown);
    shown = sinter_inventory_lookup(f->inventory, "good");
    g_assert_null(shown->problem);
    g_assert_null(find_layer(shown, "vda", 0)->problem);
    virDomainFree(domain);
    virConnectClose(connection);
}

/* A broken base below many chains is complained of once. */
static void
test_shared_problem(Fixture *f, gconstpointer data)
{
    g_autoptr(GString) domains = g_string_new(NULL);

    fixture_file(f->folder, "base", "broken");
    for (int i = 0; i < 10; i++) {
        g_autofree char *name = g_strdup_printf("d%d", i);
        g_autofree char *path = fixture_path(f->folder, name);
        g_autofree char *xml = fixture_domain_xml(name, path);

        fixture_qcow2(f->folder, name, "base", "qcow2");
        g_string_append(domains, xml);
    }
    start(f, domains->str);
    g_assert_cmpuint(f->changes->len, ==, 10);
    g_assert_cmpuint(fixture_take_warnings(NULL), ==, 1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    fixture_init();
#define ADD(name, func) g_test_add("/inventory/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("first", test_first);
    ADD("lifecycle", test_lifecycle);
    ADD("metadata", test_metadata);
    ADD("unchanged", test_unchanged);
    ADD("responses-do-not-scan-without-pause", test_responses_do_not_scan_without_pause);
    ADD("response-after-the-end", test_response_after_the_end);
    ADD("refresh", test_refresh);
    ADD("refresh-gone", test_refresh_gone);
    ADD("refresh-without-connection", test_refresh_without_connection);
    ADD("joined", test_joined);
    ADD("external-snapshot", test_external_snapshot);
    ADD("snapshot-apart", test_snapshot_apart);
    ADD("malformed", test_malformed);
    ADD("shared-problem", test_shared_problem);
    return g_test_run();
}
