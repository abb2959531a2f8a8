/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images whose size changes under an operation, and what they show where that ends. */

#include "chain/sinter-chain.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/*
 * sinter_member_open() of the image of @layer, which is locked, once it is at least @size long:
 * what is new of it reads as zeros, and that is durable. The file is opened once. The chain goes on
 * reading it as it was.
 */
SinterHandle *sinter_grow_open(SinterChain *chain, guint layer, SinterIoFlags flags, guint64 size,
                               GError **error);

/*
 * Before @below is put below the image: hides with zeros what would show through of it from @from
 * on, up to the end of the shorter one. What the image holds stays, and so does what reads as zeros
 * in both. The zeros are stored also where the image has no backing file yet.
 */
gboolean sinter_grow_hide(SinterHandle *handle, SinterChain *below, guint64 from, GError **error);

G_END_DECLS
