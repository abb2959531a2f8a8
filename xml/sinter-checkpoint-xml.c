/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads which disks a checkpoint has. */

#include "sinter-checkpoint-xml.h"

#include "sinter-xml-node.h"
#include "sinter-xml.h"

char **
sinter_xml_checkpoint_list_disks(const char *text, const char *what, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domaincheckpoint", what, error);
    g_autoptr(GStrvBuilder) targets = g_strv_builder_new();
    const xmlNode *disk;

    if (!doc)
        return NULL;
    disk = sinter_xml_child(xmlDocGetRootElement(doc), "disks");
    for (disk = sinter_xml_child(disk, "disk"); disk; disk = sinter_xml_next(disk, "disk")) {
        g_autofree char *name = sinter_xml_attribute(disk, "name");

        if (name && sinter_xml_attribute_is(disk, "checkpoint", "bitmap"))
            g_strv_builder_add(targets, name);
    }
    return g_strv_builder_end(targets);
}
