/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * <pool>: its type and its target. Invariant: a pool always has a type; a target without a path is
 * none.
 */

#include "sinter-pool-xml.h"

#include "sinter-error.h"
#include "sinter-xml.h"

SinterXmlPool *
sinter_xml_pool_new(const char *text, const char *what, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "pool", what, error);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    g_autofree char *type = sinter_xml_attribute(root, "type");
    SinterXmlPool *pool;

    if (!root)
        return NULL;
    if (!type) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT, "%s: its XML has no type", what);
        return NULL;
    }
    pool = g_new0(SinterXmlPool, 1);
    pool->type = g_steal_pointer(&type);
    pool->target = sinter_xml_text(sinter_xml_child(sinter_xml_child(root, "target"), "path"));
    return pool;
}

void
sinter_xml_pool_free(SinterXmlPool *pool)
{
    if (!pool)
        return;
    g_free(pool->type);
    g_free(pool->target);
    g_free(pool);
}
