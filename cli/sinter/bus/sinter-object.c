/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Finds and reads objects of the daemon: one object by direct calls, all objects by one call. */

#include "sinter-object.h"

#include <string.h>

#include "sinter-error.h"

SinterObject *
sinter_object_new(const char *path, GVariant *dictionary)
{
    SinterObject *object = g_new0(SinterObject, 1);

    object->path = g_strdup(path);
    object->properties = sinter_properties_new(dictionary);
    return object;
}

void
sinter_object_free(SinterObject *object)
{
    if (!object)
        return;
    g_free(object->path);
    sinter_properties_free(object->properties);
    g_free(object);
}

SinterObject *
sinter_object_read(SinterClient *client, const char *path, const char *interface, GError **error)
{
    g_autoptr(GVariant) dictionary = sinter_client_get_all(client, path, interface, error);

    return dictionary ? sinter_object_new(path, dictionary) : NULL;
}

/* Gets an object by name from the manager, and reads it. */
static SinterObject *
find(SinterClient *client, const char *method, const char *name, const char *interface,
     GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    const char *path;

    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = SINTER_BUS_MANAGER,
                                   .interface = SINTER_IFACE("Manager"),
                                   .method = method,
                                   .reply_type = "(o)",
                                   .arguments = g_variant_new("(s)", name),
                               },
                               error);
    if (!reply)
        return NULL;
    g_variant_get(reply, "(&o)", &path);
    return sinter_object_read(client, path, interface, error);
}

SinterObject *
sinter_object_find_domain(SinterClient *client, const char *name, GError **error)
{
    return find(client, "LookupDomain", name, SINTER_IFACE("Domain"), error);
}

SinterObject *
sinter_object_find_job(SinterClient *client, const char *id, GError **error)
{
    return find(client, "LookupJob", id, SINTER_IFACE("Job"), error);
}

SinterObject *
sinter_object_find_plan(SinterClient *client, const char *id, GError **error)
{
    return find(client, "LookupPlan", id, SINTER_IFACE("Plan"), error);
}

SinterObject *
sinter_object_find_incident(SinterClient *client, const char *id, GError **error)
{
    return find(client, "LookupIncident", id, SINTER_IFACE("Incident"), error);
}

static gboolean
active_layer_is(const SinterObject *disk, const char *path)
{
    GVariant *chain = sinter_properties_get(disk->properties, "Chain");
    g_autoptr(GVariant) layer = NULL;
    const char *own;

    if (!chain || !g_variant_is_of_type(chain, G_VARIANT_TYPE("aa{sv}")) ||
        g_variant_n_children(chain) == 0)
        return FALSE;
    layer = g_variant_get_child_value(chain, 0);
    return g_variant_lookup(layer, "path", "&s", &own) && strcmp(own, path) == 0;
}

static gboolean
disk_is(const SinterObject *disk, const char *name)
{
    return strcmp(sinter_properties_get_string(disk->properties, "Target"), name) == 0 ||
           (g_path_is_absolute(name) && active_layer_is(disk, name));
}

static GError *
no_such_disk(const SinterObject *domain, const char *name, GPtrArray *disks)
{
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; i < disks->len; i++) {
        const SinterObject *disk = g_ptr_array_index(disks, i);

        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "",
                               sinter_properties_get_string(disk->properties, "Target"));
    }
    return g_error_new(SINTER_ERROR, SINTER_ERROR_NOT_FOUND,
                       "domain '%s' has no disk '%s'; its disks: %s",
                       sinter_properties_get_string(domain->properties, "Name"), name,
                       disks->len > 0 ? names->str : "none");
}

SinterObject *
sinter_object_find_disk(SinterClient *client, const SinterObject *domain, const char *name,
                        GError **error)
{
    g_autofree const char **paths = sinter_properties_get_strings(domain->properties, "Disks");
    g_autoptr(GPtrArray) disks = NULL;

    /* try the likely disk first: one call instead of one for each disk */
    for (guint i = 0; paths[i]; i++) {
        g_autoptr(SinterObject) disk = NULL;

        if (strcmp(strrchr(paths[i], '/') + 1, name) != 0)
            continue;
        disk = sinter_object_read(client, paths[i], SINTER_IFACE("Disk"), error);
        if (!disk)
            return NULL;
        if (disk_is(disk, name))
            return g_steal_pointer(&disk);
    }
    disks = sinter_object_read_disks(client, domain, error);
    if (!disks)
        return NULL;
    for (guint i = 0; i < disks->len; i++) {
        if (disk_is(g_ptr_array_index(disks, i), name))
            return g_ptr_array_steal_index(disks, i);
    }
    g_propagate_error(error, no_such_disk(domain, name, disks));
    return NULL;
}

GPtrArray *
sinter_object_read_disks(SinterClient *client, const SinterObject *domain, GError **error)
{
    g_autofree const char **paths = sinter_properties_get_strings(domain->properties, "Disks");
    g_autoptr(GPtrArray) disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_object_free);

    for (guint i = 0; paths[i]; i++) {
        SinterObject *disk = sinter_object_read(client, paths[i], SINTER_IFACE("Disk"), error);

        if (!disk)
            return NULL;
        g_ptr_array_add(disks, disk);
    }
    return g_steal_pointer(&disks);
}

GVariant *
sinter_object_read_all(SinterClient *client, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    reply = sinter_client_call_plain(client,
                                     &(SinterMethod){
                                         .path = SINTER_BUS_ROOT,
                                         .interface = "org.freedesktop.DBus.ObjectManager",
                                         .method = "GetManagedObjects",
                                         .reply_type = "(a{oa{sa{sv}}})",
                                     },
                                     error);
    return reply ? g_variant_get_child_value(reply, 0) : NULL;
}

GPtrArray *
sinter_object_select(GVariant *all, const char *interface)
{
    GPtrArray *objects = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_object_free);
    GVariantIter iter;
    const char *path;
    GVariant *interfaces;

    g_variant_iter_init(&iter, all);
    while (g_variant_iter_loop(&iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        g_autoptr(GVariant) dictionary =
            g_variant_lookup_value(interfaces, interface, G_VARIANT_TYPE_VARDICT);

        if (dictionary)
            g_ptr_array_add(objects, sinter_object_new(path, dictionary));
    }
    return objects;
}

int
sinter_object_compare_ids(gconstpointer a, gconstpointer b)
{
    const SinterObject *first = *(const SinterObject *const *)a;
    const SinterObject *second = *(const SinterObject *const *)b;
    const char *id_1 = sinter_properties_get_string(first->properties, "Id");
    const char *id_2 = sinter_properties_get_string(second->properties, "Id");

    if (strlen(id_1) != strlen(id_2))
        return strlen(id_1) < strlen(id_2) ? -1 : 1;
    return strcmp(id_1, id_2);
}

JsonNode *
sinter_object_list_to_json(GPtrArray *objects)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();

    for (guint i = 0; i < objects->len; i++) {
        const SinterObject *object = g_ptr_array_index(objects, i);

        json_array_add_object_element(array, sinter_properties_to_json(object->properties));
    }
    json_node_init_array(node, array);
    json_array_unref(array);
    return node;
}

JsonNode *
sinter_object_to_json(const SinterObject *object)
{
    JsonNode *node = json_node_alloc();
    JsonObject *json = sinter_properties_to_json(object->properties);

    json_node_init_object(node, json);
    json_object_unref(json);
    return node;
}

void
sinter_object_print_ids(GPtrArray *objects)
{
    for (guint i = 0; i < objects->len; i++) {
        const SinterObject *object = g_ptr_array_index(objects, i);

        g_print("%s\n", sinter_properties_get_string(object->properties, "Id"));
    }
}
