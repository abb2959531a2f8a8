/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

/*
 * Safe reading of somebody else's XML, for the parsers in this folder. Elements are matched by
 * their local name and only where they have no namespace, as all of libvirt's own do.
 */

/* libvirt's protocol carries no longer string. */
#define SINTER_XML_MAX_BYTES (4u * 1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/**
 * sinter_xml_parse:
 * @text: the document, UTF-8
 * @root: the name that its root element must have
 * @what: what errors call it ("domain 'web'")
 *
 * No network, no document type, no entities but XML's own five, at most SINTER_XML_MAX_BYTES.
 * Any thread.
 *
 * Returns: (transfer full) (nullable): the document; %NULL with CORRUPT, which says where.
 */
xmlDoc *sinter_xml_parse(const char *text, const char *root, const char *what, GError **error);

/* (transfer full): the whole document as UTF-8 text, blanks as they were read */
char *sinter_xml_to_text(xmlDoc *doc);

/* (transfer none) (nullable): the first child element of that name; @node may be %NULL */
xmlNode *sinter_xml_child(const xmlNode *node, const char *name);

/* (transfer none) (nullable): the next sibling element of that name */
xmlNode *sinter_xml_next(const xmlNode *node, const char *name);

/* (transfer full) (nullable): an attribute's value, %NULL where there is none; @node may be %NULL
 */
char *sinter_xml_attribute(const xmlNode *node, const char *name);

/* Whether the attribute is there and has that value; @node may be %NULL. */
gboolean sinter_xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* An attribute that is a number; 0 where there is none or it is none. */
guint sinter_xml_attribute_uint(const xmlNode *node, const char *name);

/* (transfer full) (nullable): the text of a node, %NULL for none; @node may be %NULL */
char *sinter_xml_text(const xmlNode *node);

G_END_DECLS
