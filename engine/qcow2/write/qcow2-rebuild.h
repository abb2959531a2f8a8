/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/*
 * Counts all references of an image that was not closed and stores them as the reference counts
 * (qcow2-rebuild.c); then it is marked as closed. Its tables are loaded, and nothing was changed.
 * CORRUPT where the mapping itself is damaged, before anything changes.
 */
gboolean sinter_qcow2_writer_rebuild(SinterQcow2Writer *self, GError **error);

G_END_DECLS
