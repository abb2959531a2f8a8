/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"

G_BEGIN_DECLS

/**
 * sinter_snapshot_overlay_create:
 * @below: the image that becomes the backing file
 * @path: must not exist
 *
 * Creates an empty overlay with the size of @below. The file is readable and writable for its owner
 * only from the beginning, and has the owner, the group and the SELinux label of @below. Durable
 * when this returns. On failure no file is left. Blocking.
 */
gboolean sinter_snapshot_overlay_create(const SinterLayer *below, const char *path, GError **error);

G_END_DECLS
