/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images whose size changes under an operation, and what they show where that ends. */

#include "chain/sinter-chain.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/*
 * Makes the image of @layer, which is locked, at least @size long; what is new of it reads as
 * zeros. Durable. The chain goes on reading it as it was.
 */
gboolean sinter_grow_member(SinterChain *chain, guint layer, guint64 size, GError **error);

/* Makes what @handle itself does not hold of the range zeros. Nothing where @to is not behind. */
gboolean sinter_grow_zero_missing(SinterHandle *handle, guint64 from, guint64 to, GError **error);

G_END_DECLS
