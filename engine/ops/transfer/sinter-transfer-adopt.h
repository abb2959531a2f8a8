/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-transfer-piece.h"

G_BEGIN_DECLS

/* The first pass over the plan, if it is useful. Afterwards the walk is at its beginning. */
gboolean sinter_transfer_adopt(SinterTransferState *self, GError **error);

G_END_DECLS
