/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* <domainsnapshot>: reads it, and changes the file of a disk in the domain that it contains. */

#include "sinter-snapshot-xml.h"
#include "sinter-source-node.h"
#include "sinter-xml-node.h"
#include "sinter-error.h"
#include "sinter-xml.h"

static void
snapshot_disk_free(gpointer data)
{
    SinterXmlSnapshotDisk *disk = data;

    g_free(disk->target);
    g_free(disk->overlay_path);
    g_free(disk);
}

static SinterXmlSnapshotKind
read_kind(const xmlNode *node)
{
    g_autofree char *kind = sinter_xml_attribute(node, "snapshot");

    if (g_strcmp0(kind, "internal") == 0)
        return SINTER_XML_SNAPSHOT_INTERNAL;
    if (g_strcmp0(kind, "external") == 0)
        return SINTER_XML_SNAPSHOT_EXTERNAL;
    if (g_strcmp0(kind, "manual") == 0)
        return SINTER_XML_SNAPSHOT_MANUAL;
    return SINTER_XML_SNAPSHOT_NO;
}

static void
read_disk(SinterXmlSnapshot *snapshot, const xmlNode *node)
{
    g_autofree char *target = sinter_xml_attribute(node, "name");
    SinterXmlSnapshotDisk *disk;
    SinterXmlSource *source;

    if (!target)
        return;
    disk = g_new0(SinterXmlSnapshotDisk, 1);
    disk->target = g_steal_pointer(&target);
    disk->kind = read_kind(node);
    if (disk->kind == SINTER_XML_SNAPSHOT_EXTERNAL) {
        source = sinter_xml_source_new(node);
        disk->overlay_path = g_steal_pointer(&source->path);
        sinter_xml_source_free(source);
    }
    g_ptr_array_add(snapshot->disks, disk);
}

static gint64
read_creation_time(const xmlNode *root)
{
    g_autofree char *text = sinter_xml_text(sinter_xml_child(root, "creationTime"));
    gint64 value = 0;

    if (text && !g_ascii_string_to_signed(text, 10, 0, G_MAXINT64, &value, NULL))
        return 0;
    return value;
}

static void
read_snapshot(SinterXmlSnapshot *snapshot, const xmlNode *root)
{
    const xmlNode *memory = sinter_xml_child(root, "memory");
    const xmlNode *disks = sinter_xml_child(root, "disks");
    const xmlNode *domain = sinter_xml_child(root, "domain");

    snapshot->parent = sinter_xml_text(sinter_xml_child(sinter_xml_child(root, "parent"), "name"));
    snapshot->description = sinter_xml_text(sinter_xml_child(root, "description"));
    snapshot->state = sinter_xml_text(sinter_xml_child(root, "state"));
    snapshot->creation_time_sec = read_creation_time(root);
    snapshot->memory = read_kind(memory);
    if (snapshot->memory == SINTER_XML_SNAPSHOT_EXTERNAL)
        snapshot->memory_path = sinter_xml_attribute(memory, "file");
    for (disks = sinter_xml_child(disks, "disk"); disks; disks = sinter_xml_next(disks, "disk"))
        read_disk(snapshot, disks);
    if (domain)
        snapshot->domain = sinter_xml_domain_new_from_node(domain);
}

SinterXmlSnapshot *
sinter_xml_snapshot_new(const char *text, const char *what, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domainsnapshot", what, error);
    g_autofree char *name = NULL;
    SinterXmlSnapshot *snapshot;
    const xmlNode *root;

    if (!doc)
        return NULL;
    root = xmlDocGetRootElement(doc);
    name = sinter_xml_text(sinter_xml_child(root, "name"));
    if (!name) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "%s: its XML has no <name>", what);
        return NULL;
    }
    snapshot = g_new0(SinterXmlSnapshot, 1);
    snapshot->name = g_steal_pointer(&name);
    snapshot->disks = g_ptr_array_new_with_free_func(snapshot_disk_free);
    read_snapshot(snapshot, root);
    return snapshot;
}

void
sinter_xml_snapshot_free(SinterXmlSnapshot *snapshot)
{
    if (!snapshot)
        return;
    g_free(snapshot->name);
    g_free(snapshot->parent);
    g_free(snapshot->description);
    g_free(snapshot->state);
    g_free(snapshot->memory_path);
    g_ptr_array_unref(snapshot->disks);
    sinter_xml_domain_free(snapshot->domain);
    g_free(snapshot);
}

static char *
dup_disk_place(const xmlNode *disk)
{
    SinterXmlSource *source = sinter_xml_source_new(disk);
    char *place = g_steal_pointer(&source->description);

    sinter_xml_source_free(source);
    return place;
}

char *
sinter_xml_snapshot_replace_source(const char *text, const char *what, const char *target,
                                   const SinterXmlImage *image, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domainsnapshot", what, error);
    g_autofree char *place = NULL;
    g_autofree char *inactive_place = NULL;
    const xmlNode *root;
    xmlNode *disk;
    xmlNode *inactive;

    if (!doc)
        return NULL;
    root = xmlDocGetRootElement(doc);
    disk = sinter_xml_find_disk(sinter_xml_child(root, "domain"), target);
    if (!disk) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "%s: its domain has no disk '%s'",
                    what, target);
        return NULL;
    }
    place = dup_disk_place(disk);
    inactive = sinter_xml_find_disk(sinter_xml_child(root, "inactiveDomain"), target);
    if (inactive)
        inactive_place = dup_disk_place(inactive);
    sinter_xml_point_disk(disk, image);
    if (inactive && g_strcmp0(place, inactive_place) == 0)
        sinter_xml_point_disk(inactive, image);
    return sinter_xml_to_text(doc);
}
