/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a merge will do. The facts that decide it (sinter-merge-decide.h) are read from the chain's
 * maps, which opens nothing further and changes nothing.
 */

#include "chain/sinter-chain.h"
#include "sinter-merge-decide.h"
#include "sinter/merge.h"

G_BEGIN_DECLS

/* The stretches that @options name. */
gboolean sinter_merge_find_stretches(SinterChain *chain, const SinterMergeOptions *options,
                                     SinterMergeStretch *ret_down, SinterMergeStretch *ret_up,
                                     GError **error);

/* The whole plan; the stretch of the direction that was decided on in @ret. */
SinterMergePlan *sinter_merge_plan_make(SinterChain *chain, const SinterMergeOptions *options,
                                        SinterMergeStretch *ret, GError **error);

/* Whether one of the chain's layers decides @extent of its map, be it that it ends before. */
static inline gboolean
sinter_merge_is_decided(const SinterExtent *extent)
{
    return extent->kind != SINTER_EXTENT_HOLE || (extent->flags & SINTER_EXTENT_BEYOND_END) != 0;
}

G_END_DECLS
