/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a host of many domains costs the watch room: time to the first inventory, time of a rescan
 * that finds nothing new, resident memory, and wake-ups while nothing happens. The domains are
 * those of libvirt's test driver, which lives in this process and counts into its memory; the
 * images are real, every tenth domain has a chain of six with a snapshot for each.
 *
 * bench-inventory [N_DOMAINS] prints figures as comments and judges the limits (TAP).
 */

#include "image-fixture.h"
#include "sinter-inventory.h"
#include "virt-fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHAIN_EVERY 10
#define CHAIN_DEPTH 6
#define N_RESCANS 5
#define IDLE_SEC 10

#define LIMIT_FIRST_MSEC 2000
#define LIMIT_RSS_KIB (40 * 1024)

typedef struct {
    guint n_scans;
    guint n_changes;
} Counts;

static char *
snapshot_xml(const char *domain_xml, const char *overlay, int i)
{
    return g_strdup_printf(
        "<t:domainsnapshot xmlns:t='http://libvirt.org/schemas/domain/test/1.0'>"
        "<domainsnapshot><name>s%d</name><state>shutoff</state><creationTime>%d</creationTime>"
        "<disks><disk name='vda' snapshot='external' type='file'><driver type='qcow2'/>"
        "<source file='%s'/></disk></disks>%s</domainsnapshot></t:domainsnapshot>",
        i, 1700000000 + i, overlay, domain_xml);
}

/* Images of a chain, top last made; appends the snapshots that would have made it. */
static char *
make_chain(const char *folder, const char *name, GString *snapshots)
{
    g_autofree char *below = g_strdup_printf("%s.qcow2", name);
    g_autofree char *top = fixture_path(folder, below);

    fixture_qcow2(folder, below, "base.qcow2", "qcow2");
    for (int i = 1; i < CHAIN_DEPTH; i++) {
        g_autofree char *image = g_strdup_printf("%s.s%d", name, i);
        g_autofree char *overlay = fixture_path(folder, image);
        g_autofree char *then = fixture_domain_xml(name, top);
        g_autofree char *snapshot = snapshot_xml(then, overlay, i);

        fixture_qcow2(folder, image, below, "qcow2");
        g_string_append(snapshots, snapshot);
        g_free(top);
        top = g_steal_pointer(&overlay);
        g_free(below);
        below = g_steal_pointer(&image);
    }
    return g_steal_pointer(&top);
}

static void
add_domain(GString *node, const char *folder, guint i)
{
    g_autofree char *name = g_strdup_printf("guest-%05u", i);
    g_autofree char *image = g_strdup_printf("%s.qcow2", name);
    g_autofree char *path = NULL;
    g_autofree char *xml = NULL;
    g_autoptr(GString) snapshots = g_string_new(NULL);

    if (i % CHAIN_EVERY == 0) {
        path = make_chain(folder, name, snapshots);
    } else {
        fixture_qcow2(folder, image, "base.qcow2", "qcow2");
        path = fixture_path(folder, image);
    }
    xml = fixture_domain_xml(name, path);
    g_string_append_len(node, xml, (gssize)(strlen(xml) - strlen("</domain>")));
    g_string_append_printf(node,
                           "<t:runstate xmlns:t='http://libvirt.org/schemas/domain/test/1.0'>%d"
                           "</t:runstate></domain>",
                           i % 2 ? 1 : 5);
}

static void
on_changed(SinterInventory *inventory, gpointer before, gpointer now, gpointer data)
{
    ((Counts *)data)->n_changes++;
}

static void
on_scanned(SinterInventory *inventory, gpointer data)
{
    ((Counts *)data)->n_scans++;
}

static guint64
read_rss_kib(void)
{
    g_autofree char *statm = NULL;
    guint64 pages = 0;

    if (g_file_get_contents("/proc/self/statm", &statm, NULL, NULL))
        sscanf(statm, "%*u %" G_GUINT64_FORMAT, &pages);
    return pages * (guint64)sysconf(_SC_PAGESIZE) / 1024;
}

/* Of all threads since the process began. */
static guint64
read_wake_ups(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (guint64)usage.ru_nvcsw;
}

static gboolean
set_true(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

static guint64
count_idle_wake_ups(void)
{
    gboolean over = FALSE;
    guint64 before = read_wake_ups();

    g_timeout_add_seconds(IDLE_SEC, set_true, &over);
    while (!over)
        g_main_context_iteration(NULL, TRUE);
    return read_wake_ups() - before;
}

static void
report(const char *what, double value, const char *unit)
{
    g_print("# %-24s %10.1f %s\n", what, value, unit);
}

static gboolean
judge(const char *what, gboolean good)
{
    static int number;

    g_print("%s %d - %s\n", good ? "ok" : "not ok", ++number, what);
    return good;
}

/* Waits for @n_scans in all; returns the time that it took. */
static double
wait_for_scans(Counts *counts, guint n_scans)
{
    gint64 begin = g_get_monotonic_time();

    while (counts->n_scans < n_scans)
        g_main_context_iteration(NULL, TRUE);
    return (double)(g_get_monotonic_time() - begin) / 1000;
}

static gboolean
measure(const char *uri)
{
    g_autoptr(SinterConnection) connection = NULL;
    g_autoptr(SinterInventory) inventory = NULL;
    g_autoptr(SinterReferenceGraph) graph = NULL;
    Counts counts = { 0, 0 };
    double first_msec;
    double rescan_msec = 0;
    guint64 empty_kib;
    guint64 rss_kib;
    guint n_changes;
    gint64 begin;

    fixture_init();
    empty_kib = read_rss_kib();
    connection = sinter_connection_new(uri, FALSE);
    inventory = fixture_inventory(connection);
    g_signal_connect(inventory, "domain-changed", G_CALLBACK(on_changed), &counts);
    g_signal_connect(inventory, "scanned", G_CALLBACK(on_scanned), &counts);
    sinter_connection_start(connection);
    first_msec = wait_for_scans(&counts, 1);
    report("domains", counts.n_changes, "");
    report("first inventory", first_msec, "ms");
    begin = g_get_monotonic_time();
    graph = sinter_inventory_get_graph(inventory);
    report("reference graph", (double)(g_get_monotonic_time() - begin) / 1000, "ms");
    report("resident, first", (double)read_rss_kib(), "KiB");
    n_changes = counts.n_changes;
    for (guint i = 0; i < N_RESCANS; i++) {
        sinter_inventory_refresh_async(inventory, NULL, NULL, NULL, NULL);
        rescan_msec += wait_for_scans(&counts, counts.n_scans + 1);
    }
    rss_kib = read_rss_kib();
    report("rescan", rescan_msec / N_RESCANS, "ms");
    report("changes told by rescans", counts.n_changes - n_changes, "");
    report("resident, empty process", (double)empty_kib, "KiB");
    report("resident", (double)rss_kib, "KiB");
    report("wake-ups in 10 idle s", (double)count_idle_wake_ups(), "");
    sinter_connection_stop(connection);
    g_print("1..3\n");
    return judge("the first inventory takes at most 2 s", first_msec <= LIMIT_FIRST_MSEC) &
           judge("at most 40 MiB are resident", rss_kib <= LIMIT_RSS_KIB) &
           judge("rescans of an unchanged host tell nothing", counts.n_changes == n_changes);
}

/* The host is made by another process than the one that is measured. */
static gboolean
make_and_measure(const char *program, guint n_domains)
{
    char *folder = fixture_make_folder();
    g_autoptr(GString) node = g_string_new(NULL);
    g_autofree char *uri = NULL;
    g_autoptr(GError) error = NULL;
    int status = -1;

    fixture_qcow2(folder, "base.qcow2", NULL, NULL);
    for (guint i = 0; i < n_domains; i++)
        add_domain(node, folder, i);
    uri = fixture_node(folder, node->str);
    if (!g_spawn_sync(NULL, (char *[]){ (char *)program, (char *)"--measure", uri, NULL }, NULL,
                      G_SPAWN_CHILD_INHERITS_STDIN, NULL, NULL, NULL, NULL, &status, &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_printerr("%s\n", error->message);
    fixture_remove_folder(folder);
    return error == NULL;
}

int
main(int argc, char **argv)
{
    gboolean good;

    if (argc == 3 && strcmp(argv[1], "--measure") == 0)
        good = measure(argv[2]);
    else
        good = make_and_measure(argv[0], argc > 1 ? (guint)atoi(argv[1]) : 1000);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
