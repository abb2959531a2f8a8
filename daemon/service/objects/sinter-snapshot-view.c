/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The snapshots of a domain as shown on the bus: a pure function of one state of the domain.
 * Invariant: a key without a value is absent.
 */

#include "sinter-snapshot-view.h"

#include "sinter-dbus-error.h"

static void
add_string(GVariantBuilder *builder, const char *key, const char *value)
{
    if (value)
        g_variant_builder_add(builder, "{sv}", key,
                              g_variant_new_take_string(sinter_dbus_text(value)));
}

static void
add_number(GVariantBuilder *builder, const char *key, guint64 value)
{
    if (value > 0)
        g_variant_builder_add(builder, "{sv}", key, g_variant_new_uint64(value));
}

static void
add_flag(GVariantBuilder *builder, const char *key, gboolean value)
{
    if (value)
        g_variant_builder_add(builder, "{sv}", key, g_variant_new_boolean(TRUE));
}

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
        add_string(&builder, "disk", disk->target);
        add_string(&builder, "image", disk->frozen_path);
        add_flag(&builder, "external", disk->external);
        add_number(&builder, "allocated-bytes", disk->frozen_bytes);
        add_flag(&builder, "missing", disk->frozen_missing);
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
    add_string(&builder, "name", snapshot->name);
    add_string(&builder, "parent", snapshot->parent);
    add_flag(&builder, "current", snapshot->current);
    add_number(&builder, "created",
               (guint64)CLAMP(snapshot->creation_time_sec, 0, max_sec) * G_USEC_PER_SEC);
    add_string(&builder, "description", snapshot->description);
    add_string(&builder, "state", snapshot->state);
    add_flag(&builder, "internal", snapshot->internal);
    add_string(&builder, "memory", snapshot->memory_path);
    add_number(&builder, "memory-bytes", snapshot->memory_bytes);
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
