/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Clusters for copies and new tables, with their refcounts. */

#include "qcow2-repair-round.h"

G_BEGIN_DECLS

/*
 * Takes @n contiguous clusters, each for @n_refs references; @ret is the offset of the first. Fails
 * with UNSUPPORTED if there is no safe place.
 */
gboolean sinter_qcow2_round_take(SinterQcow2Round *self, guint64 n, guint64 n_refs, guint64 *ret,
                                 GError **error);

/*
 * Makes the content of all clusters taken in this round durable, and then their refcounts: in
 * place, or, if there is no refcount block for them, in a new refcount structure.
 */
gboolean sinter_qcow2_round_count_taken(SinterQcow2Round *self, GError **error);

G_END_DECLS
