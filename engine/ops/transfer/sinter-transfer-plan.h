/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-transfer-piece.h"

G_BEGIN_DECLS

/* Sets up the walk; the rest of @self is set. Undone by end(), also after a failure. */
gboolean sinter_transfer_plan_begin(SinterTransferState *self, GError **error);
/* Begins the walk anew. Not after a filter was asked, as that goes one way. */
gboolean sinter_transfer_plan_rewind(SinterTransferState *self, GError **error);
void sinter_transfer_plan_end(SinterTransferState *self);

/* What is to be done at @at, which lies before the end, whether it was adopted or not. */
gboolean sinter_transfer_plan_step(SinterTransferState *self, SinterTransferStep *step,
                                   GError **error);
/*
 * Whether @step copies whole clusters of the target whose blocks are shared; cuts it to these, and
 * to what comes before them where it does not begin so.
 */
gboolean sinter_transfer_plan_adopts(const SinterTransferState *self, SinterTransferStep *step);

/* SinterRelayClass's next(). */
gboolean sinter_transfer_next(gpointer user_data, gpointer data, gboolean *ret_end, GError **error);

G_END_DECLS
