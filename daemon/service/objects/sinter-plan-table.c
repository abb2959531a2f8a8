/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Keeps plans and lets them go. What holds: no more plans than the configuration allows, no plan
 * older than its lifetime, none whose chain is known to have changed; and an id never means
 * another plan than the one it was given for, not even after a restart: ids are random.
 */

#include "sinter-plan-table.h"

#include "sinter-object-path.h"
#include "sinter-plan-object.h"

typedef struct {
    SinterPlanTable *table;
    char *id;
    SinterPlanObject *object;
    guint timeout_id;
} Entry;

struct _SinterPlanTable {
    SinterService *service; /* owns us */
    GHashTable *entries;    /* id → Entry */
};

/* Takes the plan off the bus. */
static void
entry_free(gpointer data)
{
    Entry *entry = data;
    g_autofree char *path = sinter_object_path_plan(entry->id);

    sinter_service_unexport(entry->table->service, path);
    g_clear_handle_id(&entry->timeout_id, g_source_remove);
    g_object_unref(entry->object);
    g_free(entry->id);
    g_free(entry);
}

SinterPlanTable *
sinter_plan_table_new(SinterService *service)
{
    SinterPlanTable *table = g_new0(SinterPlanTable, 1);

    table->service = service;
    table->entries = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, entry_free);
    return table;
}

void
sinter_plan_table_free(SinterPlanTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->entries);
    g_free(table);
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
    const SinterConfig *config = sinter_service_get_config(table->service);
    guint n = uid == 0 ? 0 : count_of_user(table, uid);

    if (n >= config->max_plans_per_user) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "user %u has %u plans already; execute or discard one, or wait until it "
                    "expires",
                    uid, n);
        return FALSE;
    }
    n = g_hash_table_size(table->entries);
    if (n >= config->max_plans) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_BUSY,
                    "there are %u plans already, as many as are kept; wait until one expires", n);
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

char *
sinter_plan_table_add(SinterPlanTable *table, SinterPlan *plan, guint uid, GError **error)
{
    const SinterConfig *config = sinter_service_get_config(table->service);
    g_autofree char *path = NULL;
    Entry *entry;

    if (!check_quotas(table, uid, error))
        return NULL;
    entry = g_new0(Entry, 1);
    entry->table = table;
    entry->id = new_id(table);
    entry->object = sinter_plan_object_new(table->service, entry->id, plan, uid);
    entry->timeout_id = g_timeout_add_seconds(config->plan_lifetime_sec, on_expired, entry);
    g_hash_table_insert(table->entries, entry->id, entry);
    path = sinter_object_path_plan(entry->id);
    sinter_service_export(table->service, path, G_DBUS_INTERFACE_SKELETON(entry->object));
    return g_steal_pointer(&path);
}

char *
sinter_plan_table_lookup(SinterPlanTable *table, const char *id, GError **error)
{
    if (g_hash_table_contains(table->entries, id))
        return sinter_object_path_plan(id);
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                "no plan '%.64s': it was executed or discarded, has expired, or its chain has "
                "changed",
                id);
    return NULL;
}

void
sinter_plan_table_remove_plan(SinterPlanTable *table, SinterPlan *plan)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, table->entries);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        if (sinter_plan_object_get_plan(((Entry *)value)->object) == plan) {
            g_hash_table_iter_remove(&iter);
            return;
        }
    }
}

/* Whether every chain of @plan still is what @domain has. */
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
