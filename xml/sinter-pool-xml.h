/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_xml_pool_dup_target_path:
 * @text: what virStoragePoolGetXMLDesc() gave
 * @what: what errors call it ("storage pool 'default'")
 * @ret_path: (out) (transfer full) (nullable): the folder that the pool shows; %NULL for a pool
 *   without one (rbd, iscsi-direct …)
 *
 * Source: https://libvirt.org/formatstorage.html#target-elements. Any thread.
 *
 * Returns: %FALSE with CORRUPT for text that is no pool; then @ret_path is untouched.
 */
gboolean sinter_xml_pool_dup_target_path(const char *text, const char *what, char **ret_path,
                                         GError **error);

G_END_DECLS
