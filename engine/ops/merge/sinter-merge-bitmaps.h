/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-merge-plan.h"

G_BEGIN_DECLS

/*
 * Carries the dirty bitmaps of the merged members to the result, after their content was moved and
 * before the names change. A bitmap that begins in a lower layer continues under the same name in
 * every layer above, up to the top of the chain: only such bitmaps are carried. May be repeated.
 */
gboolean sinter_merge_bitmaps(SinterChain *chain, const SinterMergePlan *plan,
                              SinterMergeStretch stretch, GError **error);

G_END_DECLS
