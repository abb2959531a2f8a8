/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Moves the content of a merge where there is space for a part of it only. */

#include "sinter-merge-move.h"

G_BEGIN_DECLS

/*
 * Like sinter_merge_move(), for a merge whose other members are removed afterwards: what is durable
 * in the result is freed in the members that had it, which makes space for the next part. Fails
 * with NO_SPACE if not even a small part fits, or if the members cannot be freed in parts. The disk
 * reads the same at every moment, but the members that are removed do not.
 */
gboolean sinter_merge_move_in_parts(const SinterMergeMove *move, GError **error);

G_END_DECLS
