/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Comparison of two scans of a domain. Every field counts except fs_free_bytes, which changes with
 * each write on the host and does not describe the domain.
 */

#include "sinter-model.h"

typedef gboolean (*EqualFunc)(gconstpointer a, gconstpointer b);

#define SAME(a, b, field) ((a)->field == (b)->field)
#define SAME_TEXT(a, b, field) (g_strcmp0((a)->field, (b)->field) == 0)

static gboolean
arrays_equal(const GPtrArray *a, const GPtrArray *b, EqualFunc equal)
{
    if (!a || !b)
        return a == b;
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        if (!equal(g_ptr_array_index(a, i), g_ptr_array_index(b, i)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
layer_equal(gconstpointer pa, gconstpointer pb)
{
    const SinterLayer *a = pa;
    const SinterLayer *b = pb;

    return SAME(a, b, type) && SAME_TEXT(a, b, path) && SAME_TEXT(a, b, description) &&
           SAME_TEXT(a, b, format) && SAME(a, b, index) && SAME(a, b, virtual_size_bytes) &&
           SAME(a, b, allocated_bytes) && SAME(a, b, used_bytes) && SAME(a, b, device) &&
           SAME(a, b, inode) && SAME(a, b, fs_device) && SAME(a, b, missing) && SAME(a, b, thin) &&
           SAME(a, b, backing_unknown) && SAME(a, b, has_internal_snapshots) &&
           SAME_TEXT(a, b, data_path) && SAME(a, b, data_device) && SAME(a, b, data_inode) &&
           SAME_TEXT(a, b, backing_name) && SAME_TEXT(a, b, looks_like) &&
           SAME_TEXT(a, b, beyond_locks) && SAME_TEXT(a, b, snapshot_name) &&
           SAME_TEXT(a, b, problem) && SAME(a, b, unresponsive_since_usec);
}

static gboolean
disk_equal(gconstpointer pa, gconstpointer pb)
{
    const SinterDisk *a = pa;
    const SinterDisk *b = pb;

    return SAME_TEXT(a, b, target) && SAME_TEXT(a, b, device) && SAME_TEXT(a, b, alias) &&
           SAME_TEXT(a, b, serial) && SAME(a, b, read_only) && SAME(a, b, shareable) &&
           SAME(a, b, transient) && SAME_TEXT(a, b, throttle_group) &&
           SAME_TEXT(a, b, error_policy) && SAME(a, b, mirror) && SAME(a, b, mirror_job) &&
           SAME(a, b, block_job) && SAME(a, b, unresponsive_since_usec) &&
           SAME_TEXT(a, b, unresponsive_reason) &&
           arrays_equal(a->layers, b->layers, layer_equal) &&
           arrays_equal(a->inactive_layers, b->inactive_layers, layer_equal) &&
           arrays_equal(a->mirror_layers, b->mirror_layers, layer_equal);
}

static gboolean
snapshot_disk_equal(gconstpointer pa, gconstpointer pb)
{
    const SinterSnapshotDisk *a = pa;
    const SinterSnapshotDisk *b = pb;

    return SAME_TEXT(a, b, target) && SAME(a, b, external) && SAME_TEXT(a, b, overlay_path) &&
           SAME_TEXT(a, b, frozen_path) && SAME(a, b, overlay_device) &&
           SAME(a, b, overlay_inode) && SAME(a, b, frozen_device) && SAME(a, b, frozen_inode) &&
           SAME(a, b, frozen_bytes) && SAME(a, b, frozen_missing) &&
           arrays_equal(a->frozen_layers, b->frozen_layers, layer_equal);
}

static gboolean
snapshot_equal(gconstpointer pa, gconstpointer pb)
{
    const SinterSnapshot *a = pa;
    const SinterSnapshot *b = pb;

    return SAME_TEXT(a, b, name) && SAME_TEXT(a, b, parent) && SAME(a, b, creation_time_sec) &&
           SAME_TEXT(a, b, description) && SAME_TEXT(a, b, state) && SAME(a, b, current) &&
           SAME(a, b, memory_bytes) && SAME(a, b, internal) && SAME_TEXT(a, b, memory_path) &&
           SAME(a, b, memory_device) && SAME(a, b, memory_inode) &&
           arrays_equal(a->disks, b->disks, snapshot_disk_equal);
}

static gboolean
side_image_equal(gconstpointer pa, gconstpointer pb)
{
    const SinterSideImage *a = pa;
    const SinterSideImage *b = pb;

    return SAME_TEXT(a, b, role) && SAME_TEXT(a, b, disk) &&
           arrays_equal(a->layers, b->layers, layer_equal);
}

static gboolean
checkpoint_equal(gconstpointer pa, gconstpointer pb)
{
    const SinterCheckpoint *a = pa;
    const SinterCheckpoint *b = pb;

    return SAME_TEXT(a, b, name) &&
           g_strv_equal((const char *const *)a->disks, (const char *const *)b->disks);
}

gboolean
sinter_chains_equal(const GPtrArray *a, const GPtrArray *b)
{
    if (a->len != b->len)
        return FALSE;
    for (guint i = 0; i < a->len; i++) {
        if (!arrays_equal(g_ptr_array_index(a, i), g_ptr_array_index(b, i), layer_equal))
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_domain_equal(const SinterDomain *a, const SinterDomain *b)
{
    return SAME_TEXT(a, b, uuid) && SAME_TEXT(a, b, name) && SAME(a, b, state) &&
           SAME(a, b, reason) && SAME(a, b, active) && SAME(a, b, persistent) &&
           SAME(a, b, has_managed_save) && SAME(a, b, agent) && SAME(a, b, metadata_digest) &&
           SAME(a, b, partial) && SAME_TEXT(a, b, manager) && SAME_TEXT(a, b, problem) &&
           SAME(a, b, unresponsive_since_usec) && SAME_TEXT(a, b, unresponsive_reason) &&
           arrays_equal(a->disks, b->disks, disk_equal) &&
           arrays_equal(a->snapshots, b->snapshots, snapshot_equal) &&
           arrays_equal(a->checkpoints, b->checkpoints, checkpoint_equal) &&
           arrays_equal(a->side_images, b->side_images, side_image_equal);
}

static gboolean
room_is_like(const GPtrArray *a, const GPtrArray *b)
{
    for (guint i = 0; a && b && i < MIN(a->len, b->len); i++) {
        guint64 was = ((const SinterLayer *)g_ptr_array_index(a, i))->fs_free_bytes;
        guint64 is = ((const SinterLayer *)g_ptr_array_index(b, i))->fs_free_bytes;

        if (MAX(was, is) - MIN(was, is) > was / 64)
            return FALSE;
    }
    return TRUE;
}

gboolean
sinter_domain_is_like(const SinterDomain *a, const SinterDomain *b)
{
    if (!sinter_domain_equal(a, b))
        return FALSE;
    for (guint i = 0; i < a->disks->len; i++) {
        const SinterDisk *was = g_ptr_array_index(a->disks, i);
        const SinterDisk *is = g_ptr_array_index(b->disks, i);

        if (!room_is_like(was->layers, is->layers) ||
            !room_is_like(was->inactive_layers, is->inactive_layers) ||
            !room_is_like(was->mirror_layers, is->mirror_layers))
            return FALSE;
    }
    return TRUE;
}
