/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <libxml/tree.h>

G_BEGIN_DECLS

typedef struct _SinterXmlSource SinterXmlSource;

/* The source of a <disk>, <backingStore> or <mirror>; its type is NONE if the element has no
 * source. */
SinterXmlSource *sinter_xml_source_new(const xmlNode *node);

G_END_DECLS
