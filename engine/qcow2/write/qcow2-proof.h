/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/*
 * Verifies, once for each writer, that no cluster has more references than its stored refcount:
 * only then does a refcount of 0 or 1 prove that a cluster is unused, or used once. Call it before
 * freeing, reusing or overwriting a cluster in place on the basis of such a refcount. Fails with
 * CORRUPT if a refcount is too low, or if not all references can be found.
 *
 * Reads all tables of the image from the file, that is, as of the last flush.
 */
gboolean sinter_qcow2_proof_counts(SinterQcow2Writer *self, GError **error);

/*
 * The same, before clusters from @first on are reused or overwritten: clusters beyond the end of
 * the file at opening have no former user and need no check.
 */
gboolean sinter_qcow2_proof_reuse(SinterQcow2Writer *self, guint64 first, GError **error);

G_END_DECLS
