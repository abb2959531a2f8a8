/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a merge depends on. Invariant: two states of a domain have the same text unless something
 * differs that a user, libvirt or QEMU has done.
 */

#include "sinter-policy-shape.h"

static void
add_chain(GString *text, const char *name, const GPtrArray *layers)
{
    g_string_append_printf(text, "%s\n", name);
    for (guint i = 0; layers && i < layers->len; i++) {
        const SinterLayer *layer = layers->pdata[i];

        g_string_append_printf(text, "%s %s %" G_GUINT64_FORMAT ":%" G_GUINT64_FORMAT " %d %d %d\n",
                               layer->description, layer->format ? layer->format : "-",
                               layer->device, layer->inode, layer->missing,
                               layer->has_internal_snapshots, layer->problem != NULL);
    }
}

static void
add_disk(GString *text, const SinterDisk *disk)
{
    g_string_append_printf(text, "disk %s %d %d %d %d %d\n", disk->target, disk->mirror,
                           disk->mirror_job, disk->block_job, disk->read_only,
                           disk->unresponsive_since_usec != 0);
    add_chain(text, "live", disk->layers);
    add_chain(text, "next", disk->inactive_layers);
    add_chain(text, "mirror", disk->mirror_layers);
}

static void
add_snapshot(GString *text, const SinterSnapshot *snapshot)
{
    g_string_append_printf(text, "snapshot %s %" G_GINT64_FORMAT " %s\n", snapshot->name,
                           snapshot->creation_time_sec,
                           snapshot->memory_path ? snapshot->memory_path : "-");
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *disk = snapshot->disks->pdata[i];

        g_string_append_printf(text, "%s %s %d\n", disk->target,
                               disk->frozen_path ? disk->frozen_path : "-", disk->frozen_missing);
    }
}

char *
sinter_policy_shape_describe(const SinterDomain *domain)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s %d %d %d %d %d %d %s %s\n", domain->name, domain->state,
                           domain->active, domain->persistent, domain->has_managed_save,
                           domain->partial, domain->unresponsive_since_usec != 0,
                           domain->manager ? domain->manager : "-",
                           domain->problem ? domain->problem : "-");
    for (guint i = 0; i < domain->disks->len; i++)
        add_disk(text, domain->disks->pdata[i]);
    for (guint i = 0; i < domain->snapshots->len; i++)
        add_snapshot(text, domain->snapshots->pdata[i]);
    for (guint i = 0; i < domain->checkpoints->len; i++)
        g_string_append_printf(text, "checkpoint %s\n",
                               ((const SinterCheckpoint *)domain->checkpoints->pdata[i])->name);
    return g_string_free(text, FALSE);
}
