/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The last known chains in place of those that cannot be read. Invariant: a chain is replaced only
 * by one with the same active image, and every layer whose file system does not respond says so.
 */

#include "sinter-scan-recall.h"

/* (nullable): the layer that was not read */
static const SinterLayer *
find_silent(const GPtrArray *layers)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = g_ptr_array_index(layers, i);

        if (layer->unresponsive_since_usec != 0)
            return layer;
    }
    return NULL;
}

static gboolean
is_same_name(const SinterLayer *a, const SinterLayer *b)
{
    return g_strcmp0(a->path, b->path) == 0 && g_strcmp0(a->description, b->description) == 0;
}

/* Whether @known begins with what the XML says. */
static gboolean
begins_with(const GPtrArray *known, const GPtrArray *layers)
{
    for (guint i = 0; i < layers->len; i++) {
        if (i >= known->len ||
            !is_same_name(g_ptr_array_index(layers, i), g_ptr_array_index(known, i)))
            return FALSE;
    }
    return TRUE;
}

static void
mark(GPtrArray *layers, const SinterLayer *silent)
{
    for (guint i = 0; i < layers->len; i++) {
        SinterLayer *layer = g_ptr_array_index(layers, i);
        gboolean is_there = silent->fs_device != 0 && layer->fs_device == silent->fs_device;

        if (!is_there && !is_same_name(layer, silent))
            continue;
        layer->unresponsive_since_usec = silent->unresponsive_since_usec;
        g_free(layer->problem);
        layer->problem = g_strdup(silent->problem);
    }
}

/* (transfer full) (nullable): a chain in place of @layers */
static GPtrArray *
recall(const GPtrArray *layers, const GPtrArray *known)
{
    const SinterLayer *silent = find_silent(layers);
    GPtrArray *copy;

    if (!silent || !known || !begins_with(known, layers))
        return NULL;
    copy = sinter_layers_copy(known);
    for (guint i = 0; i < layers->len; i++)
        ((SinterLayer *)copy->pdata[i])->index = ((const SinterLayer *)layers->pdata[i])->index;
    mark(copy, silent);
    return copy;
}

static void
replace(GPtrArray **layers, const GPtrArray *known)
{
    GPtrArray *better = *layers ? recall(*layers, known) : NULL;

    if (!better)
        return;
    g_ptr_array_unref(*layers);
    *layers = better;
}

static void
recall_disk(SinterDisk *disk, const SinterDisk *known)
{
    const SinterLayer *silent = find_silent(disk->layers);
    gboolean shared = disk->inactive_layers == disk->layers;

    if (!silent)
        silent = find_silent(disk->inactive_layers);
    if (!silent)
        return;
    disk->unresponsive_since_usec = silent->unresponsive_since_usec;
    disk->unresponsive_reason = g_strdup(silent->problem);
    if (!known)
        return;
    replace(&disk->layers, known->layers);
    replace(&disk->mirror_layers, known->mirror_layers);
    if (!shared) {
        replace(&disk->inactive_layers, known->inactive_layers);
        return;
    }
    g_ptr_array_unref(disk->inactive_layers);
    disk->inactive_layers = g_ptr_array_ref(disk->layers);
}

void
sinter_scan_recall_disks(SinterDomain *domain, const SinterDomain *known)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        recall_disk(disk, known ? sinter_domain_find_disk(known, disk->target) : NULL);
    }
}

static const SinterSnapshotDisk *
find_snapshot_disk(const SinterSnapshot *snapshot, const char *target)
{
    for (guint i = 0; snapshot && i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);

        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}

static void
recall_snapshot(SinterSnapshot *snapshot, const SinterSnapshot *known)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        SinterSnapshotDisk *disk = g_ptr_array_index(snapshot->disks, i);
        const SinterSnapshotDisk *before = find_snapshot_disk(known, disk->target);

        if (before)
            replace(&disk->frozen_layers, before->frozen_layers);
    }
}

/* Images of one role are in the order of the XML. */
static void
recall_side_image(SinterSideImage *image, const SinterDomain *known)
{
    for (guint i = 0; i < known->side_images->len; i++) {
        const SinterSideImage *before = g_ptr_array_index(known->side_images, i);

        if (g_strcmp0(before->role, image->role) == 0 && g_strcmp0(before->disk, image->disk) == 0)
            replace(&image->layers, before->layers);
    }
}

void
sinter_scan_recall_rest(SinterDomain *domain, const SinterDomain *known)
{
    if (!known)
        return;
    for (guint i = 0; i < domain->snapshots->len; i++) {
        SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        recall_snapshot(snapshot, sinter_domain_find_snapshot(known, snapshot->name));
    }
    for (guint i = 0; i < domain->side_images->len; i++)
        recall_side_image(g_ptr_array_index(domain->side_images, i), known);
}
