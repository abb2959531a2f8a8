/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A guard in a <disk>: <encryption> with a secret that does not exist, which makes libvirt refuse
 * to start the domain. Invariant: the guard is part of the disk's <source>, so it disappears when
 * libvirt itself lets the definition name another image; encryption that is not a guard is never
 * changed.
 */

#include "sinter-domain-xml.h"
#include "sinter-error.h"
#include "sinter-xml-node.h"
#include "sinter-xml.h"

/* The usage of a guard's secret begins with this; no other secret is taken for a guard. */
#define GUARD_PREFIX "sinter: "

/* (transfer none) (nullable) */
static xmlNode *
find_guard(const xmlNode *source)
{
    xmlNode *encryption = sinter_xml_child(source, "encryption");
    g_autofree char *usage = sinter_xml_attribute(sinter_xml_child(encryption, "secret"), "usage");

    return usage && g_str_has_prefix(usage, GUARD_PREFIX) ? encryption : NULL;
}

static gboolean
is_encrypted(const xmlNode *disk)
{
    return sinter_xml_child(disk, "encryption") ||
           sinter_xml_child(sinter_xml_child(disk, "source"), "encryption");
}

static xmlNode *
add_child(xmlNode *parent, const char *name)
{
    xmlNode *child = xmlNewChild(parent, NULL, (const xmlChar *)name, NULL);

    if (!child)
        g_error("out of memory for XML");
    return child;
}

static void
add_guard(xmlNode *source, const char *reason)
{
    g_autofree char *usage = g_strconcat(GUARD_PREFIX, reason, NULL);
    xmlNode *encryption = add_child(source, "encryption");
    xmlNode *secret = add_child(encryption, "secret");

    sinter_xml_set_attribute(encryption, "format", "luks");
    sinter_xml_set_attribute(secret, "type", "passphrase");
    sinter_xml_set_attribute(secret, "usage", usage);
}

static xmlNode *
find_disk(const xmlDoc *doc, const char *what, const char *target, GError **error)
{
    xmlNode *disk = sinter_xml_find_disk(xmlDocGetRootElement(doc), target);

    if (!disk)
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND, "%s has no disk '%s'", what,
                    target);
    return disk;
}

gboolean
sinter_xml_domain_guard_disk(const char *text, const char *what, const char *target,
                             const char *reason, char **ret_text, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domain", what, error);
    xmlNode *disk = doc ? find_disk(doc, what, target, error) : NULL;
    xmlNode *source;

    if (!disk)
        return FALSE;
    source = sinter_xml_child(disk, "source");
    *ret_text = NULL;
    if (!source || is_encrypted(disk))
        return TRUE;
    add_guard(source, reason);
    *ret_text = sinter_xml_to_text(doc);
    return TRUE;
}

gboolean
sinter_xml_domain_unguard_disk(const char *text, const char *what, const char *target,
                               const SinterXmlImage *image, char **ret_text, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "domain", what, error);
    xmlNode *disk = doc ? find_disk(doc, what, target, error) : NULL;
    xmlNode *guard;

    if (!disk)
        return FALSE;
    *ret_text = NULL;
    guard = find_guard(sinter_xml_child(disk, "source"));
    if (!guard)
        return TRUE;
    xmlUnlinkNode(guard);
    xmlFreeNode(guard);
    if (image)
        sinter_xml_point_disk(disk, image);
    *ret_text = sinter_xml_to_text(doc);
    return TRUE;
}
