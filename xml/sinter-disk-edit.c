/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Changes the image of a <disk>. Everything in the element that describes only the old image is
 * removed. <seclabel> (which process may access the image) belongs to the disk, not to the image,
 * and is kept.
 */

#include "sinter-domain-xml.h"
#include "sinter-source-node.h"
#include "sinter-xml-node.h"
#include "sinter-error.h"
#include "sinter-xml.h"

xmlNode *
sinter_xml_find_disk(const xmlNode *domain, const char *target)
{
    const xmlNode *devices = sinter_xml_child(domain, "devices");
    xmlNode *disk = sinter_xml_child(devices, "disk");

    for (; disk; disk = sinter_xml_next(disk, "disk")) {
        if (sinter_xml_attribute_is(sinter_xml_child(disk, "target"), "dev", target))
            return disk;
    }
    return NULL;
}

static void
drop_child(xmlNode *node, const char *name)
{
    xmlNode *child = sinter_xml_child(node, name);

    if (!child)
        return;
    xmlUnlinkNode(child);
    xmlFreeNode(child);
}

/* Returns the child with that name; creates it as the first child if there is none. */
static xmlNode *
ensure_child(xmlNode *node, const char *name)
{
    xmlNode *child = sinter_xml_child(node, name);

    if (child)
        return child;
    child = xmlNewDocNode(node->doc, NULL, (const xmlChar *)name, NULL);
    if (!child)
        g_error("out of memory for XML");
    if (node->children)
        return xmlAddPrevSibling(node->children, child);
    return xmlAddChild(node, child);
}

/* Moves all children with that name from @from to the end of @to. */
static void
move_children(xmlNode *from, xmlNode *to, const char *name)
{
    xmlNode *child = sinter_xml_child(from, name);

    while (child) {
        xmlNode *next = sinter_xml_next(child, name);

        xmlUnlinkNode(child);
        xmlAddChild(to, child);
        child = next;
    }
}

void
sinter_xml_point_disk(xmlNode *disk, const SinterXmlImage *image)
{
    xmlNode *old = sinter_xml_child(disk, "source");
    xmlNode *source;

    if (old)
        xmlUnlinkNode(old);
    sinter_xml_set_attribute(disk, "type", image->is_block ? "block" : "file");
    drop_child(disk, "backingStore");
    drop_child(disk, "mirror");
    source = ensure_child(disk, "source");
    sinter_xml_set_attribute(source, image->is_block ? "dev" : "file", image->path);
    if (old)
        move_children(old, source, "seclabel");
    xmlFreeNode(old);
    if (image->format)
        sinter_xml_set_attribute(ensure_child(disk, "driver"), "type", image->format);
}

static gboolean
is_pointed_at(const xmlNode *disk, const SinterXmlImage *image)
{
    SinterXmlSource *source = sinter_xml_source_new(disk);
    gboolean same =
        g_strcmp0(source->path, image->path) == 0 && g_strcmp0(source->format, image->format) == 0;

    sinter_xml_source_free(source);
    return same;
}

gboolean
sinter_xml_domain_replace_source(const char *text, const char *what, const char *target,
                                 const SinterXmlImage *image, char **ret_text, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domain", what, error);
    xmlNode *disk;

    if (!doc)
        return FALSE;
    disk = sinter_xml_find_disk(xmlDocGetRootElement(doc), target);
    if (!disk) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "%s has no disk '%s'", what,
                    target);
        return FALSE;
    }
    *ret_text = NULL;
    if (!sinter_xml_child(disk, "backingStore") && (!image || is_pointed_at(disk, image)))
        return TRUE;
    if (image)
        sinter_xml_point_disk(disk, image);
    else
        drop_child(disk, "backingStore");
    *ret_text = sinter_xml_to_text(doc);
    return TRUE;
}
