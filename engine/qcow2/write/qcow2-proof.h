/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/*
 * Makes sure, once for each writer, that no cluster is referred to more often than its stored
 * reference count says: only then does a count of 0 or 1 prove that a cluster is unused, or used
 * once. To be called before anything is freed, used again or written to in place on the word of
 * such a count. CORRUPT where a count is too low, or where not all references can be found.
 *
 * Reads all tables of the image as they are in the file, that is as of the last flush.
 */
gboolean sinter_qcow2_proof_counts(SinterQcow2Writer *self, GError **error);

/* The same before clusters from @first on are used again: what lies behind the end of the file as it
 * was opened has no former user, and needs no look. */
gboolean sinter_qcow2_proof_reuse(SinterQcow2Writer *self, guint64 first, GError **error);

G_END_DECLS
