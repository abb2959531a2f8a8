/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of a merge that changes images: first content is moved, then names are changed. */

#include "sinter-merge-plan.h"

G_BEGIN_DECLS

/* Locks all images that change, and all that no other process may read in the meantime. */
gboolean sinter_merge_lock(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, GError **error);

/*
 * Copies to the result all ranges that the other members decide. Durable when it returns TRUE. On
 * failure and on success the content of the chain is unchanged.
 */
gboolean sinter_merge_move(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, const SinterMergeOptions *options,
                           GError **error);

/* Removes the other members from the chain. Durable. */
gboolean sinter_merge_link(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, GError **error);

G_END_DECLS
