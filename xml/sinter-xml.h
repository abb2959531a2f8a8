/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

/*
 * Safe reading of XML from other programs, for the parsers in this folder. Elements are matched by
 * their local name, and only if they have no namespace, like all elements of libvirt.
 */

/* libvirt's protocol does not transfer longer strings. */
#define SINTER_XML_MAX_BYTES (4u * 1024 * 1024)

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)

/**
 * sinter_xml_parse:
 * @text: the document, UTF-8
 * @root: the required name of its root element
 * @what: how error messages name it ("domain 'web'")
 *
 * No network access, no document type declaration, no entities except the five predefined ones, at
 * most SINTER_XML_MAX_BYTES. Any thread.
 *
 * Returns: (transfer full) (nullable): the document; %NULL with CORRUPT and the position of the
 * error
 */
xmlDoc *sinter_xml_parse(const char *text, const char *root, const char *what, GError **error);

/* (transfer full): the whole document as UTF-8 text, with its original white space */
char *sinter_xml_to_text(xmlDoc *doc);

/* (transfer none) (nullable): the first child element with that name; @node may be %NULL */
xmlNode *sinter_xml_child(const xmlNode *node, const char *name);

/* (transfer none) (nullable): the next sibling element with that name */
xmlNode *sinter_xml_next(const xmlNode *node, const char *name);

/* (transfer full) (nullable): the value of an attribute, %NULL if it is missing; @node may be
 * %NULL */
char *sinter_xml_attribute(const xmlNode *node, const char *name);

/* Returns whether the attribute exists and has that value; @node may be %NULL. */
gboolean sinter_xml_attribute_is(const xmlNode *node, const char *name, const char *value);

/* Sets or replaces an attribute. */
void sinter_xml_set_attribute(xmlNode *node, const char *name, const char *value);

/* Returns the number in an attribute; 0 if the attribute is missing or not a number. */
guint sinter_xml_attribute_uint(const xmlNode *node, const char *name);

/* (transfer full) (nullable): the text of a node, %NULL if it has none; @node may be %NULL */
char *sinter_xml_text(const xmlNode *node);

G_END_DECLS
