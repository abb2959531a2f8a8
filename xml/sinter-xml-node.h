/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-source-xml.h"

#include <libxml/tree.h>

G_BEGIN_DECLS

typedef struct _SinterXmlDomain SinterXmlDomain;

/* Reads a <domain> element that is inside another document. */
SinterXmlDomain *sinter_xml_domain_new_from_node(const xmlNode *node);

/* (transfer none) (nullable): the <disk> with that target name */
xmlNode *sinter_xml_find_disk(const xmlNode *domain, const char *target);

/* Changes @disk to use @image. The backing chain is then defined only by the image headers. */
void sinter_xml_point_disk(xmlNode *disk, const SinterXmlImage *image);

G_END_DECLS
