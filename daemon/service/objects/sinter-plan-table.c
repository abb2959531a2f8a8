/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keeps plans and expires them. Invariant: there are no more plans than the configuration allows,
 * no plan is older than its lifetime, and none is for a chain that is known to have changed. An id
 * never refers to another plan than the one it was created for, not even after a restart: ids are
 * random.
 */

#include "sinter-plan-table.h"

#include "sinter-object-path.h"
#include "sinter-plan-object.h"

struct _SinterPlanTable {
    GObject parent_instance;
    SinterServiceContext *context;
    SinterPublisher *publisher;
    GHashTable *entries; /* id → Entry */
};

G_DEFINE_FINAL_TYPE(SinterPlanTable, sinter_plan_table, G_TYPE_OBJECT)

typedef struct {
    SinterPlanTable *table; /* owns the entry */
    char *id;
    SinterPlanObject *object;
    gulong consumed_id;
    guint timeout_id;
} Entry;

/* Unexports the plan. */
static void
entry_free(gpointer data)
{
    Entry *entry = data;
    g_autofree char *path = sinter_object_path_plan(entry->id);

    sinter_publisher_unexport(entry->table->publisher, path);
    g_clear_handle_id(&entry->timeout_id, g_source_remove);
    g_clear_signal_handler(&entry->consumed_id, entry->object);
    g_object_unref(entry->object);
    g_free(entry->id);
    g_free(entry);
}

SinterPlanTable *
sinter_plan_table_new(SinterServiceContext *context, SinterPublisher *publisher)
{
    SinterPlanTable *table = g_object_new(SINTER_TYPE_PLAN_TABLE, NULL);

    table->context = g_object_ref(context);
    table->publisher = g_object_ref(publisher);
    return table;
}

static void
sinter_plan_table_finalize(GObject *object)
{
    SinterPlanTable *table = SINTER_PLAN_TABLE(object);

    g_hash_table_unref(table->entries);
    g_clear_object(&table->publisher);
    g_clear_object(&table->context);
    G_OBJECT_CLASS(sinter_plan_table_parent_class)->finalize(object);
}

static void
sinter_plan_table_class_init(SinterPlanTableClass *klass)
{
    G_OBJECT_CLASS(klass)->finalize = sinter_plan_table_finalize;
}

static void
sinter_plan_table_init(SinterPlanTable *table)
{
    table->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
}

static guint
count_of_user(SinterPlanTable *table, guint uid)
{
    GHashTableIter iter;
    gpointer value;
    guint n = 0;

    g_hash_table_iter_init(&iter, table->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        n += sinter_plan_object_get_uid(((Entry *)value)->object) == uid;
    return n;
}

static gboolean
check_quotas(SinterPlanTable *table, guint uid, GError **error)
{
    const SinterPlanLimits *limits = sinter_service_context_get_plan_limits(table->context);
    guint n = uid == 0 ? 0 : count_of_user(table, uid);

    if (n >= limits->max_per_user) {
        g_set_error(
            error, SINTER_ERROR, SINTER_ERROR_BUSY,
            "user %u already has %u plans; execute or discard one, or wait until it expires", uid,
            n);
        return FALSE;
    }
    n = g_hash_table_size(table->entries);
    if (n >= limits->max) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "the maximum of %u plans is reached; wait until one expires", n);
        return FALSE;
    }
    return TRUE;
}

static gboolean
on_expired(gpointer user_data)
{
    Entry *entry = user_data;

    entry->timeout_id = 0;
    g_hash_table_remove(entry->table->entries, entry->id);
    return G_SOURCE_REMOVE;
}

static void
on_consumed(SinterPlanObject *object, Entry *entry)
{
    g_hash_table_remove(entry->table->entries, entry->id);
}

static char *
new_id(SinterPlanTable *table)
{
    char *id = NULL;

    do {
        g_free(id);
        id = g_strdup_printf("%08x", g_random_int());
    } while (g_hash_table_contains(table->entries, id));
    return id;
}

static Entry *
entry_new(SinterPlanTable *table, SinterPlan *plan, guint uid)
{
    Entry *entry = g_new0(Entry, 1);

    entry->table = table;
    entry->id = new_id(table);
    entry->object = sinter_plan_object_new(table->context, entry->id, plan, uid);
    entry->consumed_id =
        g_signal_connect(entry->object, "consumed", G_CALLBACK(on_consumed), entry);
    entry->timeout_id = g_timeout_add_seconds(
        sinter_service_context_get_plan_limits(table->context)->lifetime_sec, on_expired, entry);
    return entry;
}

char *
sinter_plan_table_add(SinterPlanTable *table, SinterPlan *plan, guint uid, GError **error)
{
    g_autofree char *path = NULL;
    Entry *entry;

    if (!check_quotas(table, uid, error))
        return NULL;
    entry = entry_new(table, plan, uid);
    g_hash_table_insert(table->entries, entry->id, entry);
    path = sinter_object_path_plan(entry->id);
    sinter_publisher_export(table->publisher, path, G_DBUS_INTERFACE_SKELETON(entry->object));
    return g_steal_pointer(&path);
}

char *
sinter_plan_table_lookup(SinterPlanTable *table, const char *id, GError **error)
{
    if (g_hash_table_contains(table->entries, id))
        return sinter_object_path_plan(id);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "no plan '%.64s': it was executed or discarded, it expired, or its chain changed",
                id);
    return NULL;
}

/* Returns whether every chain of @plan equals @domain's present chain. */
static gboolean
still_holds(const SinterPlan *plan, const SinterDomain *domain)
{
    if (!domain || domain->active != plan->domain_active)
        return FALSE;
    for (guint i = 0; i < plan->disks->len; i++) {
        const SinterDiskPlan *part = g_ptr_array_index(plan->disks, i);
        const SinterDisk *disk = sinter_domain_find_disk(domain, part->disk);
        g_auto(GStrv) chain = disk ? sinter_disk_dup_chain(disk) : NULL;

        if (!chain ||
            (part->chain_before &&
             !g_strv_equal((const char *const *)chain, (const char *const *)part->chain_before)))
            return FALSE;
    }
    return TRUE;
}

void
sinter_plan_table_domain_changed(SinterPlanTable *table, const char *uuid,
                                 const SinterDomain *domain)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, table->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const SinterPlan *plan = sinter_plan_object_get_plan(((Entry *)value)->object);

        if (g_strcmp0(plan->domain_uuid, uuid) == 0 && !still_holds(plan, domain))
            g_hash_table_iter_remove(&iter);
    }
}
