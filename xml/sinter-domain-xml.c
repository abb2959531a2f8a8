/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * <domain>: its disks and their backing chains. The parser ignores unknown elements, so that it can
 * read the XML of a newer libvirt. It also ignores a <disk> without a target, because nothing
 * identifies such a disk.
 */

#include "sinter-domain-xml.h"
#include "sinter-source-node.h"
#include "sinter-xml-node.h"
#include "sinter-xml.h"

/* libvirt accepts one element of each namespace; real domains have a few. */
#define MAX_NAMESPACES 64

/* The name of the virtio port that the guest agent listens on. */
#define AGENT_CHANNEL "org.qemu.guest_agent.0"

static GPtrArray *
new_sources(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)sinter_xml_source_free);
}

static void
disk_free(gpointer data)
{
    SinterXmlDisk *disk = data;

    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->alias);
    g_free(disk->serial);
    g_free(disk->throttle_group);
    g_free(disk->error_policy);
    g_ptr_array_unref(disk->sources);
    g_ptr_array_unref(disk->mirror_sources);
    g_free(disk);
}

/* @node: <disk> or <mirror>: the image itself, then nested <backingStore> elements. The parser
 * limits the depth of the document. Returns whether an empty <backingStore> ends the chain. */
static gboolean
read_chain(const xmlNode *node, GPtrArray *sources)
{
    while (node) {
        SinterXmlSource *source;

        if (sources->len > 0 && !xmlHasProp(node, (const xmlChar *)"type") &&
            !sinter_xml_child(node, "source"))
            return TRUE; /* <backingStore/> */
        source = sinter_xml_source_new(node);
        if (source->type == SINTER_XML_SOURCE_NONE) {
            sinter_xml_source_free(source);
            return FALSE;
        }
        g_ptr_array_add(sources, source);
        node = sinter_xml_child(node, "backingStore");
    }
    return FALSE;
}

/* libvirt forgets the job's type and state before it removes the mirror and changes the chain, and
 * a reader may come in between. */
static SinterXmlMirror
read_mirror_state(const xmlNode *mirror)
{
    if (!mirror)
        return SINTER_XML_MIRROR_NONE;
    if (sinter_xml_attribute_is(mirror, "job", ""))
        return SINTER_XML_MIRROR_ENDING;
    if (sinter_xml_attribute_is(mirror, "ready", "yes"))
        return SINTER_XML_MIRROR_READY;
    if (sinter_xml_attribute_is(mirror, "ready", "pivot"))
        return SINTER_XML_MIRROR_PIVOTING;
    if (sinter_xml_attribute_is(mirror, "ready", "abort"))
        return SINTER_XML_MIRROR_ABORTING;
    return SINTER_XML_MIRROR_COPYING;
}

static SinterXmlDisk *
read_disk(const xmlNode *node)
{
    g_autofree char *target = sinter_xml_attribute(sinter_xml_child(node, "target"), "dev");
    const xmlNode *mirror = sinter_xml_child(node, "mirror");
    SinterXmlDisk *disk;

    if (!target)
        return NULL;
    disk = g_new0(SinterXmlDisk, 1);
    disk->target = g_steal_pointer(&target);
    disk->device = sinter_xml_attribute(node, "device");
    if (!disk->device)
        disk->device = g_strdup("disk");
    disk->alias = sinter_xml_attribute(sinter_xml_child(node, "alias"), "name");
    disk->serial = sinter_xml_text(sinter_xml_child(node, "serial"));
    disk->read_only = sinter_xml_child(node, "readonly") != NULL;
    disk->shareable = sinter_xml_child(node, "shareable") != NULL;
    disk->transient = sinter_xml_child(node, "transient") != NULL;
    disk->throttle_group =
        sinter_xml_text(sinter_xml_child(sinter_xml_child(node, "iotune"), "group_name"));
    disk->error_policy = sinter_xml_attribute(sinter_xml_child(node, "driver"), "error_policy");
    disk->sources = new_sources();
    disk->chain_is_whole = read_chain(node, disk->sources);
    disk->mirror = read_mirror_state(mirror);
    disk->mirror_is_commit = sinter_xml_attribute_is(mirror, "job", "active-commit");
    disk->mirror_sources = new_sources();
    disk->mirror_chain_is_whole = read_chain(mirror, disk->mirror_sources);
    return disk;
}

/* Returns the first 64 bits of the SHA-1 of the element's unmodified text; 0 is reserved for
 * "none". */
static guint64
digest_metadata(const xmlNode *metadata)
{
    g_autoptr(GChecksum) checksum = NULL;
    xmlBuffer *buffer;
    guint64 digest;
    guint8 bytes[20];
    gsize len = sizeof bytes;

    if (!metadata)
        return 0;
    buffer = xmlBufferCreate();
    checksum = g_checksum_new(G_CHECKSUM_SHA1);
    xmlNodeDump(buffer, metadata->doc, (xmlNode *)metadata, 0, 0);
    g_checksum_update(checksum, xmlBufferContent(buffer), xmlBufferLength(buffer));
    g_checksum_get_digest(checksum, bytes, &len);
    xmlBufferFree(buffer);
    memcpy(&digest, bytes, sizeof digest);
    return digest ? digest : 1;
}

/* @node: (nullable): <metadata> */
static char **
read_namespaces(const xmlNode *node)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    guint n = 0;

    for (const xmlNode *child = node ? node->children : NULL; child; child = child->next) {
        if (child->type != XML_ELEMENT_NODE || !child->ns || !child->ns->href ||
            n++ >= MAX_NAMESPACES)
            continue;
        g_strv_builder_add(builder, (const char *)child->ns->href);
    }
    return g_strv_builder_end(builder);
}

static void
firmware_free(gpointer data)
{
    SinterXmlFirmware *firmware = data;

    sinter_xml_source_free(firmware->source);
    g_free(firmware);
}

/* <loader> or <nvram> contains a path, or a <source> like a disk. */
static SinterXmlSource *
read_firmware_source(const xmlNode *node)
{
    SinterXmlSource *source = sinter_xml_source_new(node);
    g_autofree char *path = sinter_xml_text(node);

    if (path)
        g_strstrip(path);
    if (source->type == SINTER_XML_SOURCE_NONE && path && g_path_is_absolute(path)) {
        source->type = SINTER_XML_SOURCE_FILE;
        source->path = g_strdup(path);
        g_free(source->description);
        source->description = g_strdup(path);
    }
    if (!source->format)
        source->format = sinter_xml_attribute(node, "format");
    return source;
}

static void
add_firmware(GPtrArray *list, const xmlNode *node, const char *role)
{
    SinterXmlSource *source = node ? read_firmware_source(node) : NULL;
    SinterXmlFirmware *firmware;

    if (!source || source->type == SINTER_XML_SOURCE_NONE) {
        sinter_xml_source_free(source);
        return;
    }
    firmware = g_new0(SinterXmlFirmware, 1);
    firmware->role = role;
    firmware->source = source;
    g_ptr_array_add(list, firmware);
}

static void
read_agent(SinterXmlDomain *domain, const xmlNode *devices)
{
    const xmlNode *channel = sinter_xml_child(devices, "channel");

    for (; channel; channel = sinter_xml_next(channel, "channel")) {
        const xmlNode *target = sinter_xml_child(channel, "target");

        if (!sinter_xml_attribute_is(target, "name", AGENT_CHANNEL))
            continue;
        domain->has_agent_channel = TRUE;
        domain->agent_connected |= sinter_xml_attribute_is(target, "state", "connected");
    }
}

SinterXmlDomain *
sinter_xml_domain_new_from_node(const xmlNode *node)
{
    SinterXmlDomain *domain = g_new0(SinterXmlDomain, 1);
    const xmlNode *devices = sinter_xml_child(node, "devices");
    const xmlNode *os = sinter_xml_child(node, "os");
    const xmlNode *child = sinter_xml_child(devices, "disk");

    domain->name = sinter_xml_text(sinter_xml_child(node, "name"));
    domain->disks = g_ptr_array_new_with_free_func(disk_free);
    domain->firmware = g_ptr_array_new_with_free_func(firmware_free);
    add_firmware(domain->firmware, sinter_xml_child(os, "loader"), "the firmware");
    add_firmware(domain->firmware, sinter_xml_child(os, "nvram"), "the NVRAM");
    read_agent(domain, devices);
    domain->metadata_digest = digest_metadata(sinter_xml_child(node, "metadata"));
    domain->metadata_namespaces = read_namespaces(sinter_xml_child(node, "metadata"));
    for (; child; child = sinter_xml_next(child, "disk")) {
        SinterXmlDisk *disk = read_disk(child);

        if (disk)
            g_ptr_array_add(domain->disks, disk);
    }
    return domain;
}

SinterXmlDomain *
sinter_xml_domain_new(const char *text, const char *what, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domain", what, error);

    return doc ? sinter_xml_domain_new_from_node(xmlDocGetRootElement(doc)) : NULL;
}

void
sinter_xml_domain_free(SinterXmlDomain *domain)
{
    if (!domain)
        return;
    g_free(domain->name);
    g_strfreev(domain->metadata_namespaces);
    g_ptr_array_unref(domain->disks);
    g_ptr_array_unref(domain->firmware);
    g_free(domain);
}

const SinterXmlDisk *
sinter_xml_domain_find_disk(const SinterXmlDomain *domain, const char *target)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const SinterXmlDisk *disk = g_ptr_array_index(domain->disks, i);

        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }
    return NULL;
}
