/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The plan of a merge. The facts that decide it (sinter-merge-decide.h) are read from the maps of
 * the chain; no further files are opened, and nothing changes.
 */

#include "chain/sinter-chain.h"
#include "sinter-merge-decide.h"
#include "sinter/merge.h"

G_BEGIN_DECLS

/* Finds the ranges of layers that @options name. */
gboolean sinter_merge_find_stretches(SinterChain *chain, const SinterMergeOptions *options,
                                     SinterMergeStretch *ret_down, SinterMergeStretch *ret_up,
                                     GError **error);

/* Makes the whole plan; @ret is the range of layers for the chosen direction. */
SinterMergePlan *sinter_merge_plan_make(SinterChain *chain, const SinterMergeOptions *options,
                                        SinterMergeStretch *ret, GError **error);

/* Returns whether one of the chain's layers decides @extent of its map, possibly because the layer
 * ends before it. */
static inline gboolean
sinter_merge_is_decided(const SinterExtent *extent)
{
    return extent->kind != SINTER_EXTENT_HOLE || (extent->flags & SINTER_EXTENT_BEYOND_END) != 0;
}

G_END_DECLS
