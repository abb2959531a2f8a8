/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

typedef struct _SinterXmlSource SinterXmlSource;
typedef struct _SinterXmlDomain SinterXmlDomain;

/* A <domain> element that stands inside another document. */
SinterXmlDomain *sinter_xml_domain_new_from_node(const xmlNode *node);

/* The source of a <disk>, <backingStore> or <mirror>; type NONE when it has none. */
SinterXmlSource *sinter_xml_source_new(const xmlNode *node);

/* (transfer none) (nullable): the <disk> of that target name */
xmlNode *sinter_xml_find_disk(const xmlNode *domain, const char *target);

/* Makes @disk name @path, and what that stands on is then told by headers alone. @format
 * (nullable): where it is another one than before. */
void sinter_xml_point_disk(xmlNode *disk, const char *path, gboolean is_block, const char *format);

G_END_DECLS
