/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/*
 * Rebuilds the refcounts of an image that was not closed cleanly by counting all references
 * (qcow2-rebuild.c), then marks it as closed. Its tables must be loaded and unchanged. Fails with
 * CORRUPT, before any change, if the mapping itself is damaged.
 *
 * @freed: (nullable): of guint64: gets the clusters that were counted as used, but have no
 *   references
 */
gboolean sinter_qcow2_writer_rebuild(SinterQcow2Writer *self, GArray *freed, GError **error);

G_END_DECLS
