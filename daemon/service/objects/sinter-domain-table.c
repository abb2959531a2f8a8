/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The objects of the domains, and when they are updated. Invariant after
 * sinter_domain_table_show(): each domain of the inventory has an object and no other object
 * exists, and each shows its domain's state and the present users of its images.
 */

#include "sinter-domain-table.h"

#include "sinter-domain-object.h"

struct _SinterDomainTable {
    GObject parent_instance;
    SinterDomainObjectParts parts;
    GHashTable *objects; /* UUID → SinterDomainObject */
    GHashTable *touched; /* set of UUIDs */
    guint idle_id;
};

G_DEFINE_FINAL_TYPE(SinterDomainTable, sinter_domain_table, G_TYPE_OBJECT)

enum { DOMAIN_SHOWN, N_SIGNALS };

static guint signals[N_SIGNALS];

SinterDomainTable *
sinter_domain_table_new(SinterServiceContext *context, SinterPublisher *publisher,
                        SinterPlanTable *plans)
{
    SinterDomainTable *table = g_object_new(SINTER_TYPE_DOMAIN_TABLE, NULL);

    table->parts.context = g_object_ref(context);
    table->parts.publisher = g_object_ref(publisher);
    table->parts.plans = g_object_ref(plans);
    return table;
}

static void
sinter_domain_table_finalize(GObject *object)
{
    SinterDomainTable *table = SINTER_DOMAIN_TABLE(object);

    g_clear_handle_id(&table->idle_id, g_source_remove);
    g_hash_table_unref(table->objects);
    g_hash_table_unref(table->touched);
    g_clear_object(&table->parts.plans);
    g_clear_object(&table->parts.publisher);
    g_clear_object(&table->parts.context);
    G_OBJECT_CLASS(sinter_domain_table_parent_class)->finalize(object);
}

static void
sinter_domain_table_class_init(SinterDomainTableClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_domain_table_finalize;
    signals[DOMAIN_SHOWN] =
        g_signal_new("domain-shown", SINTER_TYPE_DOMAIN_TABLE, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                     NULL, G_TYPE_NONE, 1, G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE);
}

static void
sinter_domain_table_init(SinterDomainTable *table)
{
    table->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
    table->touched = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static gboolean
on_idle(gpointer user_data)
{
    SinterDomainTable *table = user_data;

    table->idle_id = 0;
    sinter_domain_table_show(table);
    return G_SOURCE_REMOVE;
}

void
sinter_domain_table_touch(SinterDomainTable *table, const char *uuid)
{
    g_hash_table_add(table->touched, g_strdup(uuid));
    if (table->idle_id == 0)
        table->idle_id = g_idle_add(on_idle, table);
}

/* Adds every other domain that uses @layer to @set. */
static void
add_users(GHashTable *set, const SinterReferenceGraph *graph, const SinterLayer *layer,
          const char *uuid)
{
    g_autoptr(GPtrArray) references = sinter_reference_graph_lookup(graph, layer);

    for (guint i = 0; i < references->len; i++) {
        const SinterReference *reference = g_ptr_array_index(references, i);

        if (reference->domain_uuid && g_strcmp0(reference->domain_uuid, uuid) != 0)
            g_hash_table_add(set, g_strdup(reference->domain_uuid));
    }
}

static void
add_users_of_layers(GHashTable *set, const SinterReferenceGraph *graph, GPtrArray *layers,
                    const char *uuid)
{
    for (guint i = 0; layers && i < layers->len; i++)
        add_users(set, graph, g_ptr_array_index(layers, i), uuid);
}

/* Treats the file of a snapshot as a layer, to look it up in the graph. */
static void
add_users_of_file(GHashTable *set, const SinterReferenceGraph *graph, char *path, guint64 device,
                  guint64 inode, const char *uuid)
{
    SinterLayer layer = { .type = SINTER_SOURCE_FILE,
                          .path = path,
                          .description = path,
                          .device = device,
                          .inode = inode };

    if (path)
        add_users(set, graph, &layer, uuid);
}

/* Adds to @set the domains whose lists of users may name @domain, or named it before. */
static void
add_neighbours(GHashTable *set, const SinterReferenceGraph *graph, const SinterDomain *domain)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        add_users_of_layers(set, graph, disk->layers, domain->uuid);
        add_users_of_layers(set, graph, disk->inactive_layers, domain->uuid);
        add_users_of_layers(set, graph, disk->mirror_layers, domain->uuid);
    }
    for (guint i = 0; i < domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        for (guint j = 0; j < snapshot->disks->len; j++) {
            const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, j);

            add_users_of_file(set, graph, disk->overlay_path, disk->overlay_device,
                              disk->overlay_inode, domain->uuid);
            add_users_of_file(set, graph, disk->frozen_path, disk->frozen_device,
                              disk->frozen_inode, domain->uuid);
            add_users_of_layers(set, graph, disk->frozen_layers, domain->uuid);
        }
    }
}

/* The touched domains and those that share an image with their old or new state. */
static GHashTable *
widen(SinterDomainTable *table, SinterReferenceGraph *graph)
{
    GHashTable *wide = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GHashTableIter iter;
    gpointer uuid;

    g_hash_table_iter_init(&iter, table->touched);
    while (g_hash_table_iter_next(&iter, &uuid, NULL)) {
        SinterDomainObject *object = g_hash_table_lookup(table->objects, uuid);
        g_autoptr(SinterDomain) now =
            sinter_service_context_lookup_domain(table->parts.context, uuid);

        g_hash_table_add(wide, g_strdup(uuid));
        if (object)
            add_neighbours(wide, graph, sinter_domain_object_get_domain(object));
        if (now)
            add_neighbours(wide, graph, now);
    }
    g_hash_table_remove_all(table->touched);
    return wide;
}

static void
show_domain(SinterDomainTable *table, const char *uuid, SinterReferenceGraph *graph)
{
    SinterDomainObject *object = g_hash_table_lookup(table->objects, uuid);
    g_autoptr(SinterDomain) domain =
        sinter_service_context_lookup_domain(table->parts.context, uuid);

    if (domain && object) {
        sinter_domain_object_update(object, domain, graph);
    } else if (domain) {
        object = sinter_domain_object_new(&table->parts, domain, graph);
        g_hash_table_insert(table->objects, g_strdup(uuid), object);
    } else if (object) {
        sinter_domain_object_unexport(object);
        g_hash_table_remove(table->objects, uuid);
    }
}

void
sinter_domain_table_show(SinterDomainTable *table)
{
    g_autoptr(SinterReferenceGraph) graph = NULL;
    g_autoptr(GHashTable) wide = NULL;
    GHashTableIter iter;
    gpointer uuid;

    g_clear_handle_id(&table->idle_id, g_source_remove);
    if (g_hash_table_size(table->touched) == 0)
        return;
    graph = sinter_service_context_get_graph(table->parts.context);
    wide = widen(table, graph);
    g_hash_table_iter_init(&iter, wide);
    while (g_hash_table_iter_next(&iter, &uuid, NULL)) {
        show_domain(table, uuid, graph);
        g_signal_emit(table, signals[DOMAIN_SHOWN], 0, uuid);
    }
}

gboolean
sinter_domain_table_has_disk(SinterDomainTable *table, const char *uuid, const char *target)
{
    SinterDomainObject *object = g_hash_table_lookup(table->objects, uuid);

    return object && sinter_domain_find_disk(sinter_domain_object_get_domain(object), target);
}

void
sinter_domain_table_show_job(SinterDomainTable *table, const char *uuid, const char *target)
{
    SinterDomainObject *object = g_hash_table_lookup(table->objects, uuid);

    if (object)
        sinter_domain_object_show_job(object, target);
}

void
sinter_domain_table_settle_disk(SinterDomainTable *table, const char *uuid, const char *target)
{
    SinterDomainObject *object;

    sinter_domain_table_show(table);
    object = g_hash_table_lookup(table->objects, uuid);
    if (object)
        sinter_domain_object_settle_disk(object, target);
}

guint
sinter_domain_table_count(SinterDomainTable *table)
{
    return g_hash_table_size(table->objects);
}
