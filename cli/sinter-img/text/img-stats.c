/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The figures of a check as JSON, and the file system that an image is on. Invariant: a file system
 * that cannot be determined is left out, never guessed.
 */

#include "img-stats.h"
#include "img-message.h"
#include "sinter-mount.h"

#include <sinter/defragment.h>

#include <stdio.h>

static const char *const allocation_names[] = {
    [SINTER_ALLOCATION_NONE] = "none",
    [SINTER_ALLOCATION_SPARSE] = "sparse",
    [SINTER_ALLOCATION_METADATA] = "metadata",
    [SINTER_ALLOCATION_FULL] = "full",
};

typedef struct {
    const char *name;
    gsize offset; /* of a guint64 in SinterImageStats */
} Figure;

#define FIGURE(name, member)                                                                       \
    {                                                                                              \
        name, G_STRUCT_OFFSET(SinterImageStats, member)                                            \
    }

static const Figure figures[] = {
    FIGURE("file-bytes", file_bytes),
    FIGURE("allocated-bytes", allocated_bytes),
    FIGURE("virtual-bytes", virtual_bytes),
    FIGURE("cluster-bytes", cluster_bytes),
    FIGURE("total-clusters", total_clusters),
    FIGURE("allocated-clusters", allocated_clusters),
    FIGURE("compressed-clusters", compressed_clusters),
    FIGURE("fragmented-clusters", fragmented_clusters),
    FIGURE("zero-clusters", zero_clusters),
    FIGURE("image-end-offset", image_end_offset),
    FIGURE("l1-entries", l1_entries),
    FIGURE("l1-used", l1_used),
    FIGURE("l2-tables", l2_tables),
    FIGURE("refcount-table-entries", refcount_table_entries),
    FIGURE("refcount-blocks", refcount_blocks),
    FIGURE("host-clusters", host_clusters),
    FIGURE("host-used", host_used),
    FIGURE("metadata-clusters", metadata_clusters),
};

static JsonObject *
snapshot_to_json(const SinterSnapshotStats *one, guint64 cluster_bytes)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "id", one->id);
    json_object_set_string_member(object, "name", one->name);
    json_object_set_int_member(object, "clusters", (gint64)one->clusters);
    json_object_set_int_member(object, "shared-clusters", (gint64)one->shared_clusters);
    json_object_set_int_member(object, "added-clusters", (gint64)one->added_clusters);
    json_object_set_int_member(object, "added-bytes",
                               (gint64)(one->added_clusters * cluster_bytes));
    return object;
}

JsonObject *
sinter_img_stats_to_json(const SinterImageStats *stats)
{
    JsonObject *object = json_object_new();
    JsonArray *snapshots = json_array_new();

    for (gsize i = 0; i < G_N_ELEMENTS(figures); i++)
        json_object_set_int_member(object, figures[i].name,
                                   (gint64)G_STRUCT_MEMBER(guint64, stats, figures[i].offset));
    json_object_set_string_member(object, "allocation", allocation_names[stats->allocation]);
    json_object_set_boolean_member(object, "defragment-suggested",
                                   sinter_defragment_suggested(stats));
    for (guint i = 0; i < stats->snapshots->len; i++)
        json_array_add_object_element(
            snapshots,
            snapshot_to_json(g_ptr_array_index(stats->snapshots, i), stats->cluster_bytes));
    json_object_set_array_member(object, "snapshots", snapshots);
    return object;
}

void
sinter_img_stats_add_mount(JsonObject *object, const char *path)
{
    g_autoptr(SinterMount) mount = sinter_mount_find(path, NULL);
    JsonObject *member;
    JsonArray *options;

    if (!mount)
        return;
    member = json_object_new();
    options = json_array_new();
    for (gsize i = 0; mount->lock_options[i]; i++)
        json_array_add_string_element(options, mount->lock_options[i]);
    json_object_set_string_member(member, "type", mount->fs_type);
    json_object_set_string_member(member, "mount-point", mount->mount_point);
    json_object_set_array_member(member, "lock-options", options);
    json_object_set_boolean_member(member, "locks-are-local", mount->locks_are_local);
    json_object_set_object_member(object, "file-system", member);
}

void
sinter_img_stats_print_mount(const char *path)
{
    g_autoptr(SinterMount) mount = sinter_mount_find(path, NULL);
    g_autofree char *options = NULL;
    g_autofree char *where = NULL;

    if (!mount)
        return;
    options = g_strjoinv(", ", mount->lock_options);
    where = sinter_img_name(mount->mount_point);
    printf("It is on a file system of type %s, mounted at %s%s%s%s.\n", mount->fs_type, where,
           *options ? " (" : "", options, *options ? ")" : "");
    if (mount->locks_are_local)
        printf("Locks on this file system are not visible to other hosts.\n");
}
