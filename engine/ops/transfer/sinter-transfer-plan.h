/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-transfer-piece.h"

G_BEGIN_DECLS

/* Sets up the walk; the rest of @self must be set. Requires a call of end(), also after a
 * failure. */
gboolean sinter_transfer_plan_begin(SinterTransferState *self, GError **error);
/* Restarts the walk. Not allowed after a filter was called, since a filter only moves forward. */
gboolean sinter_transfer_plan_rewind(SinterTransferState *self, GError **error);
void sinter_transfer_plan_end(SinterTransferState *self);

/* Returns the action at @at, which is before the end, whether or not it was adopted. */
gboolean sinter_transfer_plan_step(SinterTransferState *self, SinterTransferStep *step,
                                   GError **error);
/*
 * Returns whether @step copies whole clusters of the target whose blocks are shared. Cuts the step
 * to these clusters, or to the part before them if it does not begin with one.
 */
gboolean sinter_transfer_plan_adopts(const SinterTransferState *self, SinterTransferStep *step);

/* The next() of SinterRelayClass. */
gboolean sinter_transfer_next(gpointer user_data, gpointer data, gboolean *ret_end, GError **error);

G_END_DECLS
