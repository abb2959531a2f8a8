/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A domain's snapshots, and what they mean for its layers. A snapshot's state may be outside every
 * chain of the domain (after a revert, or a change of the definition): then its own chain is read
 * as well, so that no layer below it appears unused.
 */

#include "sinter-scan-snapshot.h"
#include "sinter-snapshot-xml.h"

static gboolean
chain_has(const GPtrArray *layers, const SinterLayer *wanted)
{
    for (guint i = 0; layers && i < layers->len; i++) {
        if (sinter_layer_same_file(g_ptr_array_index(layers, i), wanted))
            return TRUE;
    }
    return FALSE;
}

static gboolean
domain_has(const SinterDomain *domain, const SinterLayer *wanted)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterDisk *disk = g_ptr_array_index(domain->disks, i);

        if (chain_has(disk->layers, wanted) || chain_has(disk->inactive_layers, wanted))
            return TRUE;
    }
    return FALSE;
}

static SinterSnapshotDisk *
ensure_disk(SinterSnapshot *snapshot, const char *target)
{
    SinterSnapshotDisk *disk;

    for (guint i = 0; i < snapshot->disks->len; i++) {
        disk = g_ptr_array_index(snapshot->disks, i);
        if (strcmp(disk->target, target) == 0)
            return disk;
    }
    disk = sinter_snapshot_disk_new();
    disk->target = g_strdup(target);
    g_ptr_array_add(snapshot->disks, disk);
    return disk;
}

static void
read_overlay(SinterLayerReader *reader, SinterSnapshot *snapshot, const SinterXmlSnapshotDisk *xml)
{
    SinterSnapshotDisk *disk = ensure_disk(snapshot, xml->target);
    SinterIdentity identity;

    disk->external = xml->kind == SINTER_XML_SNAPSHOT_EXTERNAL;
    disk->overlay_path = g_strdup(xml->overlay_path);
    if (xml->kind == SINTER_XML_SNAPSHOT_INTERNAL)
        snapshot->internal = TRUE;
    if (!xml->overlay_path ||
        !sinter_layer_reader_identify(reader, xml->overlay_path, &identity, NULL))
        return;
    disk->overlay_device = identity.device;
    disk->overlay_inode = identity.inode;
}

/* The domain's disk at the time of the snapshot: its source holds the snapshot's state. */
static void
read_frozen(SinterLayerReader *reader, const SinterDomain *domain, SinterSnapshot *snapshot,
            const SinterXmlDisk *xml)
{
    g_autoptr(GPtrArray) top = NULL;
    const SinterLayer *frozen;
    SinterSnapshotDisk *disk;

    if (xml->sources->len == 0)
        return;
    top = g_ptr_array_new();
    g_ptr_array_add(top, g_ptr_array_index(xml->sources, 0));
    disk = ensure_disk(snapshot, xml->target);
    disk->frozen_layers = sinter_layer_reader_read_chain(reader, top, FALSE);
    frozen = g_ptr_array_index(disk->frozen_layers, 0);
    disk->frozen_path = g_strdup(frozen->path);
    disk->frozen_device = frozen->device;
    disk->frozen_inode = frozen->inode;
    disk->frozen_bytes = frozen->allocated_bytes;
    disk->frozen_missing = frozen->missing;
    if (!frozen->path || domain_has(domain, frozen))
        g_clear_pointer(&disk->frozen_layers, g_ptr_array_unref);
}

static void
read_memory(SinterLayerReader *reader, SinterSnapshot *snapshot, const SinterXmlSnapshot *xml)
{
    SinterIdentity identity;

    snapshot->memory_path = g_strdup(xml->memory_path);
    if (!xml->memory_path ||
        !sinter_layer_reader_identify(reader, xml->memory_path, &identity, NULL))
        return;
    snapshot->memory_device = identity.device;
    snapshot->memory_inode = identity.inode;
    snapshot->memory_bytes = sinter_layer_reader_measure(reader, xml->memory_path);
}

static SinterSnapshot *
read_snapshot(SinterLayerReader *reader, const SinterDomain *domain, const SinterXmlSnapshot *xml)
{
    SinterSnapshot *snapshot = sinter_snapshot_new();

    snapshot->name = g_strdup(xml->name);
    snapshot->parent = g_strdup(xml->parent);
    snapshot->description = g_strdup(xml->description);
    snapshot->state = g_strdup(xml->state);
    snapshot->creation_time_sec = xml->creation_time_sec;
    snapshot->internal = xml->memory == SINTER_XML_SNAPSHOT_INTERNAL;
    read_memory(reader, snapshot, xml);
    for (guint i = 0; i < xml->disks->len; i++)
        read_overlay(reader, snapshot, g_ptr_array_index(xml->disks, i));
    for (guint i = 0; xml->domain && i < xml->domain->disks->len; i++)
        read_frozen(reader, domain, snapshot, g_ptr_array_index(xml->domain->disks, i));
    return snapshot;
}

static void
name_layer(GPtrArray *layers, const SinterSnapshotDisk *disk, const char *snapshot)
{
    SinterLayer frozen = { .type = SINTER_SOURCE_FILE,
                           .path = disk->frozen_path,
                           .device = disk->frozen_device,
                           .inode = disk->frozen_inode };

    /* the active layer is being written: it holds no snapshot's state */
    for (guint i = 1; layers && i < layers->len; i++) {
        SinterLayer *layer = g_ptr_array_index(layers, i);

        if (!sinter_layer_same_file(layer, &frozen))
            continue;
        g_free(layer->snapshot_name);
        layer->snapshot_name = g_strdup(snapshot);
    }
}

/* If several snapshots have their state in one file, the layer gets the name of the newest. */
static void
name_layers(SinterDomain *domain, const SinterSnapshot *snapshot)
{
    for (guint i = 0; i < snapshot->disks->len; i++) {
        const SinterSnapshotDisk *frozen = g_ptr_array_index(snapshot->disks, i);
        const SinterDisk *disk = sinter_domain_find_disk(domain, frozen->target);

        if (!disk || !frozen->external || !frozen->frozen_path)
            continue;
        name_layer(disk->layers, frozen, snapshot->name);
        if (disk->inactive_layers != disk->layers)
            name_layer(disk->inactive_layers, frozen, snapshot->name);
    }
}

static int
compare_age(gconstpointer pa, gconstpointer pb)
{
    const SinterSnapshot *a = *(const SinterSnapshot *const *)pa;
    const SinterSnapshot *b = *(const SinterSnapshot *const *)pb;

    return a->creation_time_sec < b->creation_time_sec
               ? -1
               : a->creation_time_sec > b->creation_time_sec;
}

static void
add_snapshot(SinterLayerReader *reader, SinterDomain *domain, const SinterSnapshotText *text)
{
    g_autofree char *what =
        g_strdup_printf("snapshot '%s' of domain '%s'", text->name, domain->name);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterXmlSnapshot) xml = sinter_xml_snapshot_new(text->xml, what, &error);

    if (xml)
        g_ptr_array_add(domain->snapshots, read_snapshot(reader, domain, xml));
    else
        sinter_domain_add_problem(domain, error->message);
}

void
sinter_scan_read_snapshots(SinterLayerReader *reader, SinterDomain *domain, const GPtrArray *texts)
{
    for (guint i = 0; i < texts->len; i++)
        add_snapshot(reader, domain, g_ptr_array_index(texts, i));
    /* stable: among snapshots of the same second a parent stays before its children */
    g_ptr_array_sort(domain->snapshots, compare_age);
    for (guint i = 0; i < domain->snapshots->len; i++)
        name_layers(domain, g_ptr_array_index(domain->snapshots, i));
}

void
sinter_scan_mark_current_snapshot(SinterDomain *domain, const char *name)
{
    for (guint i = 0; i < domain->snapshots->len; i++) {
        SinterSnapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        snapshot->current = g_strcmp0(snapshot->name, name) == 0;
    }
}
