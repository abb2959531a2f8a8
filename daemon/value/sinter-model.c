/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The model's values: create, free and search them. One thread fills in a value; after that thread
 * hands it on, any thread may read it.
 */

#include "sinter-model.h"
#include "sinter-file-id.h"
#include "sinter-nick.h"
#include "sinter-value-types.h"

#include <string.h>

const char *
sinter_source_type_name(SinterSourceType type)
{
    return sinter_nick_get(SINTER_TYPE_SOURCE_TYPE, type);
}

SinterLayer *
sinter_layer_new(void)
{
    return g_new0(SinterLayer, 1);
}

void
sinter_layer_free(SinterLayer *layer)
{
    if (!layer)
        return;
    g_free(layer->path);
    g_free(layer->description);
    g_free(layer->format);
    g_free(layer->data_path);
    g_free(layer->backing_name);
    g_free(layer->looks_like);
    g_free(layer->beyond_locks);
    g_free(layer->snapshot_name);
    g_free(layer->problem);
    g_free(layer);
}

static SinterLayer *
layer_copy(const SinterLayer *layer)
{
    SinterLayer *copy = g_memdup2(layer, sizeof *layer);

    copy->path = g_strdup(layer->path);
    copy->description = g_strdup(layer->description);
    copy->format = g_strdup(layer->format);
    copy->data_path = g_strdup(layer->data_path);
    copy->backing_name = g_strdup(layer->backing_name);
    copy->looks_like = g_strdup(layer->looks_like);
    copy->beyond_locks = g_strdup(layer->beyond_locks);
    copy->snapshot_name = g_strdup(layer->snapshot_name);
    copy->problem = g_strdup(layer->problem);
    return copy;
}

GPtrArray *
sinter_layers_copy(const GPtrArray *layers)
{
    GPtrArray *copy = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);

    for (guint i = 0; i < layers->len; i++)
        g_ptr_array_add(copy, layer_copy(g_ptr_array_index(layers, i)));
    return copy;
}

SinterDisk *
sinter_disk_new(void)
{
    SinterDisk *disk = g_new0(SinterDisk, 1);

    disk->layers = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_layer_free);
    return disk;
}

void
sinter_disk_free(SinterDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->alias);
    g_free(disk->serial);
    g_clear_pointer(&disk->layers, g_ptr_array_unref);
    g_clear_pointer(&disk->inactive_layers, g_ptr_array_unref);
    g_free(disk->throttle_group);
    g_free(disk->error_policy);
    g_clear_pointer(&disk->mirror_layers, g_ptr_array_unref);
    g_free(disk->unresponsive_reason);
    g_free(disk);
}

SinterSnapshotDisk *
sinter_snapshot_disk_new(void)
{
    return g_new0(SinterSnapshotDisk, 1);
}

void
sinter_snapshot_disk_free(SinterSnapshotDisk *disk)
{
    if (!disk)
        return;
    g_free(disk->target);
    g_free(disk->overlay_path);
    g_free(disk->frozen_path);
    g_clear_pointer(&disk->frozen_layers, g_ptr_array_unref);
    g_free(disk);
}

/* @layers: (transfer full) */
SinterSideImage *
sinter_side_image_new(const char *role, GPtrArray *layers)
{
    SinterSideImage *image = g_new0(SinterSideImage, 1);

    image->role = g_strdup(role);
    image->layers = layers;
    return image;
}

void
sinter_side_image_free(SinterSideImage *image)
{
    if (!image)
        return;
    g_free(image->role);
    g_free(image->disk);
    g_ptr_array_unref(image->layers);
    g_free(image);
}

SinterSnapshot *
sinter_snapshot_new(void)
{
    SinterSnapshot *snapshot = g_new0(SinterSnapshot, 1);

    snapshot->disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_snapshot_disk_free);
    return snapshot;
}

void
sinter_snapshot_free(SinterSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_free(snapshot->name);
    g_free(snapshot->parent);
    g_free(snapshot->description);
    g_free(snapshot->state);
    g_free(snapshot->memory_path);
    g_clear_pointer(&snapshot->disks, g_ptr_array_unref);
    g_free(snapshot);
}

SinterCheckpoint *
sinter_checkpoint_new(const char *name)
{
    SinterCheckpoint *checkpoint = g_new0(SinterCheckpoint, 1);

    checkpoint->name = g_strdup(name);
    return checkpoint;
}

void
sinter_checkpoint_free(SinterCheckpoint *checkpoint)
{
    if (!checkpoint)
        return;
    g_free(checkpoint->name);
    g_strfreev(checkpoint->disks);
    g_free(checkpoint);
}

SinterDomain *
sinter_domain_new(void)
{
    SinterDomain *domain = g_new0(SinterDomain, 1);

    g_atomic_ref_count_init(&domain->ref_count);
    domain->disks = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_disk_free);
    domain->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_snapshot_free);
    domain->checkpoints = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_checkpoint_free);
    domain->side_images = g_ptr_array_new_with_free_func((GDestroyNotify)sinter_side_image_free);
    return domain;
}

SinterDomain *
sinter_domain_ref(SinterDomain *domain)
{
    g_atomic_ref_count_inc(&domain->ref_count);
    return domain;
}

void
sinter_domain_unref(SinterDomain *domain)
{
    if (!domain || !g_atomic_ref_count_dec(&domain->ref_count))
        return;
    g_free(domain->uuid);
    g_free(domain->name);
    g_clear_pointer(&domain->disks, g_ptr_array_unref);
    g_clear_pointer(&domain->snapshots, g_ptr_array_unref);
    g_clear_pointer(&domain->checkpoints, g_ptr_array_unref);
    g_clear_pointer(&domain->side_images, g_ptr_array_unref);
    g_free(domain->manager);
    g_free(domain->problem);
    g_free(domain->busy_with);
    g_free(domain->unresponsive_reason);
    g_free(domain);
}

SinterDomain *
sinter_domain_copy_known(const SinterDomain *domain)
{
    SinterDomain *copy = g_memdup2(domain, sizeof *domain);

    g_atomic_ref_count_init(&copy->ref_count);
    copy->uuid = g_strdup(domain->uuid);
    copy->name = g_strdup(domain->name);
    copy->manager = g_strdup(domain->manager);
    copy->problem = g_strdup(domain->problem);
    copy->busy_with = g_strdup(domain->busy_with);
    copy->unresponsive_reason = g_strdup(domain->unresponsive_reason);
    /* these never change any more, so both can have them */
    g_ptr_array_ref(copy->disks);
    g_ptr_array_ref(copy->snapshots);
    g_ptr_array_ref(copy->checkpoints);
    g_ptr_array_ref(copy->side_images);
    return copy;
}

void
sinter_domain_add_problem(SinterDomain *domain, const char *problem)
{
    g_autofree char *before = domain->problem;

    domain->problem = before ? g_strdup_printf("%s; %s", before, problem) : g_strdup(problem);
}

const SinterDisk *
sinter_domain_find_disk(const SinterDomain *domain, const char *target)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

const SinterSnapshot *
sinter_domain_find_snapshot(const SinterDomain *domain, const char *name)
{
    for (guint i = 0; i < domain->snapshots->len; i++) {
        const SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        if (g_strcmp0(snapshot->name, name) == 0)
            return snapshot;
    }
    return NULL;
}

static gboolean
same_canonical_path(const char *a, const char *b)
{
    g_autofree char *canonical_a = NULL;
    g_autofree char *canonical_b = NULL;

    if (strcmp(a, b) == 0)
        return TRUE;
    canonical_a = g_canonicalize_filename(a, "/");
    canonical_b = g_canonicalize_filename(b, "/");
    return strcmp(canonical_a, canonical_b) == 0;
}

gboolean
sinter_layer_same_file(const SinterLayer *a, const SinterLayer *b)
{
    SinterFileId first = { a->device, a->inode };
    SinterFileId second = { b->device, b->inode };

    if (sinter_file_id_is_known(first) && sinter_file_id_is_known(second))
        return sinter_file_id_equal(first, second);
    if (a->path && b->path)
        return same_canonical_path(a->path, b->path);
    return !a->path && !b->path && a->type == b->type &&
           g_strcmp0(a->description, b->description) == 0;
}

char **
sinter_disk_dup_chain(const SinterDisk *disk)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (guint i = 0; i < disk->layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(disk->layers, i);

        g_strv_builder_add(builder, layer->path ? layer->path : layer->description);
    }
    return g_strv_builder_end(builder);
}

const char *
sinter_domain_state_name(SinterDomainState state)
{
    static const char *const names[] = {
        [SINTER_DOMAIN_NO_STATE] = "no state",
        [SINTER_DOMAIN_RUNNING] = "running",
        [SINTER_DOMAIN_BLOCKED] = "idle",
        [SINTER_DOMAIN_PAUSED] = "paused",
        [SINTER_DOMAIN_IN_SHUTDOWN] = "in shutdown",
        [SINTER_DOMAIN_SHUT_OFF] = "shut off",
        [SINTER_DOMAIN_CRASHED] = "crashed",
        [SINTER_DOMAIN_PM_SUSPENDED] = "pmsuspended",
    };

    return (gsize)state < G_N_ELEMENTS(names) ? names[state] : names[0];
}
