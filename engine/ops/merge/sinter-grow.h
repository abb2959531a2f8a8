/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images whose size changes during an operation, and the content beyond their former end. */

#include "chain/sinter-chain.h"
#include "sinter/handle.h"

G_BEGIN_DECLS

/*
 * Grows the image of @layer, which is locked, to at least @size and opens it like
 * sinter_member_open(). The new part reads as zeros, and this is durable. The file is opened once.
 * The chain continues to read the image at its former size.
 */
SinterHandle *sinter_grow_open(SinterChain *chain, guint layer, SinterIoFlags flags, guint64 size,
                               GError **error);

/*
 * Call this before @below becomes the backing file of the image: writes zeros where data of @below,
 * from @from up to the end of the shorter of the two, would become visible. Ranges that the image
 * holds are kept, and so are ranges that read as zeros in both. The zeros are stored even if the
 * image has no backing file yet.
 */
gboolean sinter_grow_hide(SinterHandle *handle, SinterChain *below, guint64 from, GError **error);

G_END_DECLS
