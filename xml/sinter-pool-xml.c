/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A storage <pool>: where its volumes lie. */

#include "sinter-pool-xml.h"
#include "sinter-xml.h"

gboolean
sinter_xml_pool_dup_target_path(const char *text, const char *what, char **ret_path, GError **error)
{
    g_autoptr(xmlDoc) doc = sinter_xml_parse(text, "pool", what, error);
    const xmlNode *target;

    if (!doc)
        return FALSE;
    target = sinter_xml_child(xmlDocGetRootElement(doc), "target");
    *ret_path = sinter_xml_text(sinter_xml_child(target, "path"));
    return TRUE;
}
