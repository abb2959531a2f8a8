/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Model values for tests. A domain's UUID is made of its name, so that tests can say it. */

#include "watch-fixture.h"

SinterDomain *
fixture_domain(const char *name, gboolean active)
{
    SinterDomain *domain = sinter_domain_new();

    domain->name = g_strdup(name);
    domain->uuid = g_strdup_printf("uuid-of-%s", name);
    domain->active = active;
    domain->persistent = TRUE;
    return domain;
}

SinterDisk *
fixture_disk(SinterDomain *domain, const char *target)
{
    SinterDisk *disk = sinter_disk_new();

    disk->target = g_strdup(target);
    disk->device = g_strdup("disk");
    g_ptr_array_add(domain->disks, disk);
    return disk;
}

SinterLayer *
fixture_layer(GPtrArray *layers, const char *path, guint64 inode)
{
    SinterLayer *layer = sinter_layer_new();

    layer->type = SINTER_SOURCE_FILE;
    layer->path = g_strdup(path);
    layer->description = g_strdup(path);
    layer->format = g_strdup("qcow2");
    layer->device = inode ? 1 : 0;
    layer->inode = inode;
    g_ptr_array_add(layers, layer);
    return layer;
}

SinterSnapshot *
fixture_snapshot(SinterDomain *domain, const char *name)
{
    SinterSnapshot *snapshot = sinter_snapshot_new();

    snapshot->name = g_strdup(name);
    g_ptr_array_add(domain->snapshots, snapshot);
    return snapshot;
}

SinterSnapshotDisk *
fixture_snapshot_disk(SinterSnapshot *snapshot, const char *target, const char *overlay,
                      const char *frozen)
{
    SinterSnapshotDisk *disk = sinter_snapshot_disk_new();

    disk->target = g_strdup(target);
    disk->external = overlay != NULL;
    disk->overlay_path = g_strdup(overlay);
    disk->frozen_path = g_strdup(frozen);
    g_ptr_array_add(snapshot->disks, disk);
    return disk;
}
