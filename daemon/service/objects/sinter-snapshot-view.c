/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The snapshots of a domain as shown on the bus: a pure function of one state of the domain.
 * Invariant: a key without a value is absent.
 */

#include "sinter-snapshot-view.h"

#include "sinter-view-builder.h"

/* (transfer floating) */
static GVariant *
show_disks(const SinterSnapshot *snapshot)
{
    GVariantBuilder disks;

    g_variant_builder_init(&disks, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);
        GVariantBuilder builder;

        g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
        sinter_view_builder_add_string(&builder, "disk", disk->target);
        sinter_view_builder_add_string(&builder, "image", disk->frozen_path);
        sinter_view_builder_add_flag(&builder, "external", disk->external);
        sinter_view_builder_add_number(&builder, "allocated-bytes", disk->frozen_bytes);
        sinter_view_builder_add_flag(&builder, "missing", disk->frozen_missing);
        g_variant_builder_add_value(&disks, g_variant_builder_end(&builder));
    }
    return g_variant_builder_end(&disks);
}

static void
add_snapshot(GVariantBuilder *tree, const SinterSnapshot *snapshot)
{
    const gint64 max_sec = G_MAXINT64 / G_USEC_PER_SEC;
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    sinter_view_builder_add_string(&builder, "name", snapshot->name);
    sinter_view_builder_add_string(&builder, "parent", snapshot->parent);
    sinter_view_builder_add_flag(&builder, "current", snapshot->current);
    sinter_view_builder_add_number(&builder, "created",
                                   (guint64)CLAMP(snapshot->creation_time_sec, 0, max_sec) *
                                       G_USEC_PER_SEC);
    sinter_view_builder_add_string(&builder, "description", snapshot->description);
    sinter_view_builder_add_string(&builder, "state", snapshot->state);
    sinter_view_builder_add_flag(&builder, "internal", snapshot->internal);
    sinter_view_builder_add_string(&builder, "memory", snapshot->memory_path);
    sinter_view_builder_add_number(&builder, "memory-bytes", snapshot->memory_bytes);
    g_variant_builder_add(&builder, "{sv}", "disks", show_disks(snapshot));
    g_variant_builder_add_value(tree, g_variant_builder_end(&builder));
}

GVariant *
sinter_snapshot_view_new(const SinterDomain *domain)
{
    GVariantBuilder tree;

    g_variant_builder_init(&tree, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < domain->snapshots->len; i++)
        add_snapshot(&tree, g_ptr_array_index(domain->snapshots, i));
    return g_variant_ref_sink(g_variant_builder_end(&tree));
}
