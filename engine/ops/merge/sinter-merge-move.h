/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The part of a merge that changes images: content moves, then names change. */

#include "sinter-merge-plan.h"

G_BEGIN_DECLS

/* Locks all images that change, or that nobody must look at meanwhile. */
gboolean sinter_merge_lock(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, GError **error);

/*
 * Gives the result all that the other members decide. Durable when it returns TRUE; on failure and
 * on success nothing that the chain shows is another.
 */
gboolean sinter_merge_move(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, const SinterMergeOptions *options,
                           GError **error);

/* Takes the other members out of the chain. Durable. */
gboolean sinter_merge_link(SinterChain *chain, const SinterMergePlan *plan,
                           SinterMergeStretch stretch, GError **error);

G_END_DECLS
