/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes of metadata that need no space: on a full file system or device, when there is no room
 * for a new generation of it (qcow2-shadow.h). Refcounts are changed in place, so after a crash
 * they are too high at worst.
 */

#include "qcow2/layout/qcow2-root.h"
#include "qcow2/write/qcow2-writer.h"

G_BEGIN_DECLS

/*
 * Stores @data in free clusters and counts them; both are durable afterwards. @ret is the offset.
 * Free clusters that take space are preferred, and blocks of zeros in tables make room. After a
 * failure, nothing is counted, and the writer must only be freed.
 */
gboolean sinter_qcow2_in_place_store(SinterQcow2Writer *writer, const guint8 *data, gsize len,
                                     guint64 *ret, GError **error);

/* Decrements the refcounts of @clusters (of guint64), which nothing durable may refer to. */
gboolean sinter_qcow2_in_place_release(SinterQcow2Writer *writer, const GArray *clusters,
                                       GError **error);

/*
 * Makes @root, which may have lost references, the root of the image, and recounts all references.
 * Clusters that have none left are added to @freed (of guint64). The writer must have nothing
 * dirty.
 */
gboolean sinter_qcow2_in_place_recount(SinterQcow2Writer *writer, const SinterQcow2Root *root,
                                       GArray *freed, GError **error);

/*
 * Frees the space of those clusters of @freed (of guint64) that still have no references. A failure
 * only wastes it.
 */
void sinter_qcow2_in_place_punch(SinterQcow2Writer *writer, const GArray *freed);

G_END_DECLS
