/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A chain as shown on the bus. Pure functions of one state of a domain and the reference graph of
 * the same moment. The value is serialized into one block at once, because a host has thousands of
 * them that are seldom read.
 */

#include "sinter-chain-view.h"

#include <string.h>

#include "sinter-sum.h"
#include "sinter-view-builder.h"

static char *
user_name(const SinterReference *reference)
{
    if (reference->kind == SINTER_REFERENCE_SNAPSHOT)
        return g_strconcat(reference->domain_name, "@", reference->snapshot, NULL);
    if (reference->kind == SINTER_REFERENCE_STRAY)
        return g_strdup(reference->stray->description);
    return g_strconcat(reference->domain_name, "/",
                       reference->disk ? reference->disk : reference->role, NULL);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Sorted and without duplicates, so that the same users always result in the same value. */
static void
add_users(GVariantBuilder *builder, const SinterDomain *domain, const SinterDisk *disk,
          const SinterLayer *layer, const SinterReferenceGraph *graph)
{
    g_autoptr(GPtrArray) references = sinter_reference_graph_lookup(graph, layer);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    GVariantBuilder list;
    const char *last = NULL;
    guint n = 0;

    for (guint i = 0; i < references->len; i++) {
        const SinterReference *reference = g_ptr_array_index(references, i);

        if (!sinter_reference_is_own(reference, domain->uuid, disk->target))
            g_ptr_array_add(names, user_name(reference));
    }
    if (names->len == 0)
        return;
    g_ptr_array_sort(names, compare_names);
    g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
    for (guint i = 0; i < names->len && n < SINTER_CHAIN_VIEW_MAX_USERS; i++) {
        const char *name = g_ptr_array_index(names, i);

        if (last && strcmp(last, name) == 0)
            continue;
        g_variant_builder_add(&list, "s", name);
        last = name;
        n++;
    }
    g_variant_builder_add(builder, "{sv}", "users", g_variant_builder_end(&list));
}

static void
add_layer(GVariantBuilder *chain, const SinterDomain *domain, const SinterDisk *disk,
          const SinterLayer *layer, const SinterReferenceGraph *graph)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    sinter_view_builder_add_string(&builder, "path",
                                   layer->path ? layer->path : layer->description);
    sinter_view_builder_add_string(&builder, "format", layer->format);
    sinter_view_builder_add_string(&builder, "type", sinter_source_type_name(layer->type));
    if (layer->index > 0)
        g_variant_builder_add(&builder, "{sv}", "index", g_variant_new_uint32(layer->index));
    sinter_view_builder_add_number(&builder, "virtual-size-bytes", layer->virtual_size_bytes);
    sinter_view_builder_add_number(&builder, "allocated-bytes", layer->allocated_bytes);
    sinter_view_builder_add_string(&builder, "snapshot", layer->snapshot_name);
    if (layer->missing)
        g_variant_builder_add(&builder, "{sv}", "missing", g_variant_new_boolean(TRUE));
    sinter_view_builder_add_string(&builder, "problem", layer->problem);
    add_users(&builder, domain, disk, layer, graph);
    g_variant_builder_add_value(chain, g_variant_builder_end(&builder));
}

GVariant *
sinter_chain_view_new(const SinterDomain *domain, const SinterDisk *disk,
                      const SinterReferenceGraph *graph)
{
    GVariantBuilder chain;
    GVariant *value;

    g_variant_builder_init(&chain, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < disk->layers->len; i++)
        add_layer(&chain, domain, disk, g_ptr_array_index(disk->layers, i), graph);
    value = g_variant_ref_sink(g_variant_builder_end(&chain));
    g_variant_get_data(value); /* serializes the tree of small values into one block */
    return value;
}

guint64
sinter_chain_view_allocated_bytes(const SinterDisk *disk)
{
    guint64 sum = 0;

    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);

        sum = sinter_sum(sum, layer->allocated_bytes);
    }
    return sum;
}

guint64
sinter_chain_view_reclaimable_bytes(const SinterDomain *domain, const SinterDisk *disk,
                                    const SinterReferenceGraph *graph)
{
    guint64 sum = 0;
    guint64 above = 0; /* of the layers above the present one */

    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);

        if (sinter_reference_graph_find_foreign(graph, layer, domain->uuid, disk->target))
            break;
        sum = above;
        if (!g_uint64_checked_add(&above, above, layer->allocated_bytes))
            return sum;
    }
    return sum;
}
