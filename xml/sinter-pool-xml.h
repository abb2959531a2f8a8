/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The XML of a storage pool, as far as it says where the pool's volumes are. Source:
 * https://libvirt.org/formatstorage.html */
typedef struct {
    char *type;   /* "dir", "logical", "rbd" … */
    char *target; /* (nullable): <target><path>: the folder of the volumes */
} SinterXmlPool;

/**
 * sinter_xml_pool_new:
 * @text: the result of virStoragePoolGetXMLDesc()
 * @what: how error messages name it ("storage pool 'default'")
 *
 * Any thread.
 *
 * Returns: (transfer full) (nullable): %NULL with CORRUPT if the text is not a storage pool
 */
SinterXmlPool *sinter_xml_pool_new(const char *text, const char *what, GError **error);
void sinter_xml_pool_free(SinterXmlPool *pool);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterXmlPool, sinter_xml_pool_free)

G_END_DECLS
