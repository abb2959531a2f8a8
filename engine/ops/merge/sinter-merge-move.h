/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of a merge that changes images: first content is moved, then names are changed. */

#include "ops/handle/sinter-handle-internal.h"
#include "sinter-merge-plan.h"

G_BEGIN_DECLS

typedef struct {
    SinterChain *chain;
    const SinterMergePlan *plan;
    SinterMergeStretch stretch;
    const SinterMergeOptions *options;
} SinterMergeMove;

/* Locks all images that change, and all that no other process may read in the meantime. */
gboolean sinter_merge_lock(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, GError **error);

/*
 * Copies to the result all ranges that the other members decide. Durable when it returns TRUE. On
 * failure and on success the content of the chain is unchanged.
 */
gboolean sinter_merge_move(const SinterMergeMove *move, GError **error);

/* The same in steps. */

/* The result, open for writing and large enough; close it with sinter_member_finish(). */
SinterHandle *sinter_merge_move_open(const SinterMergeMove *move, GError **error);
/* The end of the part of the disk that is copied. */
guint64 sinter_merge_move_end(const SinterMergeMove *move);
/* Copies a range of this part. @progress: (nullable) */
gboolean sinter_merge_move_range(const SinterMergeMove *move, SinterHandle *target, guint64 offset,
                                 guint64 length, SinterProgress *progress, GError **error);
/* Stores the zeros behind this part that must hide something else. */
gboolean sinter_merge_move_tail(const SinterMergeMove *move, SinterHandle *target, GError **error);

/* Removes the other members from the chain. Durable. */
gboolean sinter_merge_link(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, GError **error);

G_END_DECLS
