/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sinter chain: shows the layers of the disks of a domain. */

#include "text/sinter-chain-text.h"
#include "sinter-commands.h"
#include "text/sinter-disk-text.h"

static GPtrArray *
read_disks(SinterClient *client, const SinterObject *domain, const char *name, GError **error)
{
    g_autoptr(GPtrArray) disks = NULL;
    SinterObject *disk;

    if (!name)
        return sinter_object_read_disks(client, domain, error);
    disk = sinter_object_find_disk(client, domain, name, error);
    if (!disk)
        return NULL;
    disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_object_free);
    g_ptr_array_add(disks, disk);
    return g_steal_pointer(&disks);
}

/* A drive without a medium has nothing to show, unless it was named explicitly. */
static void
drop_empty_drives(GPtrArray *disks)
{
    for (guint i = disks->len; i-- > 0;) {
        const SinterObject *disk = g_ptr_array_index(disks, i);

        if (sinter_disk_text_is_drive(disk->properties) &&
            sinter_properties_get_number(disk->properties, "Depth") == 0)
            g_ptr_array_remove_index(disks, i);
    }
}

/* Shadowed data is measured only on demand; if a chain cannot be measured, it is shown without. */
static void
measure(SinterClient *client, SinterObject *disk)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) layers = NULL;
    g_autofree char *target = NULL;

    if (sinter_properties_get_number(disk->properties, "Depth") < 2)
        return;
    reply = sinter_client_call(client,
                               &(SinterMethod){
                                   .path = disk->path,
                                   .interface = SINTER_IFACE("Disk"),
                                   .method = "MeasureChain",
                                   .reply_type = "(aa{sv})",
                               },
                               &error);
    if (!reply) {
        target = sinter_text_printable(sinter_properties_get_string(disk->properties, "Target"));
        g_printerr("sinter: %s: cannot measure shadowed data: %s\n", target, error->message);
        return;
    }
    layers = g_variant_get_child_value(reply, 0);
    sinter_chain_text_add_usage(disk->properties, layers);
}

static JsonNode *
to_json(const SinterObject *domain, GPtrArray *disks)
{
    JsonObject *object = sinter_properties_to_json(domain->properties);
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_alloc();

    for (guint i = 0; i < disks->len; i++) {
        const SinterObject *disk = g_ptr_array_index(disks, i);

        json_array_add_object_element(array, sinter_properties_to_json(disk->properties));
    }
    json_object_set_array_member(object, "disks", array);
    json_node_init_object(node, object);
    json_object_unref(object);
    return node;
}

static void
print_targets(GPtrArray *disks)
{
    for (guint i = 0; i < disks->len; i++) {
        const SinterObject *disk = g_ptr_array_index(disks, i);
        g_autofree char *target =
            sinter_text_printable(sinter_properties_get_string(disk->properties, "Target"));

        g_print("%s\n", target);
    }
}

static void
print_tree(const SinterObject *domain, GPtrArray *disks)
{
    g_autoptr(SinterTree) tree = sinter_chain_text_tree(domain->properties, disks);
    g_autofree char *drawing = sinter_tree_format(tree, sinter_text_is_utf8());

    g_print("%s", drawing);
}

static int
run(const SinterCommandCall *call, GError **error)
{
    g_autoptr(SinterClient) client = sinter_client_open(call->globals, error);
    g_autoptr(SinterObject) domain = NULL;
    g_autoptr(GPtrArray) disks = NULL;

    if (!client)
        return SINTER_EXIT_FAILED;
    if (!client->globals->quiet) /* the quiet output has only names, which libvirt reports on its
                                  * own */
        sinter_client_rescan(client);
    domain = sinter_object_find_domain(client, call->operands[0], error);
    if (!domain)
        return SINTER_EXIT_FAILED;
    disks = read_disks(client, domain, call->operands[1], error);
    if (!disks)
        return SINTER_EXIT_FAILED;
    if (!call->operands[1])
        drop_empty_drives(disks);
    for (guint i = 0; i < disks->len && !client->globals->quiet; i++)
        measure(client, g_ptr_array_index(disks, i));
    if (client->json != SINTER_JSON_OFF)
        sinter_client_print_json(client, to_json(domain, disks));
    else if (client->globals->quiet)
        print_targets(disks);
    else
        print_tree(domain, disks);
    return SINTER_EXIT_DONE;
}

const SinterCommand sinter_command_chain = {
    .name = "chain",
    .summary = "show the layers of the disks of a domain as a tree",
    .operands = "DOMAIN [DISK]",
    .description = "Each line is a layer, from the active layer to the base: libvirt's name, "
                   "format,\nallocated size, path, the snapshot whose state it holds, and how much "
                   "of its data is\nhidden by layers above.",
    .min_operands = 1,
    .max_operands = 2,
    .run = run,
};
