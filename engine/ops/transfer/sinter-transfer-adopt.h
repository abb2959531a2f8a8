/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-transfer-piece.h"

G_BEGIN_DECLS

/*
 * The first pass over the plan, where it can be of use. The walk is at
 * its beginning afterwards.
 */
gboolean sinter_transfer_adopt(SinterTransferState *self, GError **error);

G_END_DECLS
