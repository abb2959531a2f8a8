/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/*
 * Places the orphaned tables together: by orphaned L1 tables and by the clues in their clusters.
 * Each slot gets at most one table; tables that contest a slot get none.
 */
gboolean sinter_qcow2_rescue_vote(SinterQcow2Rescue *self, GError **error);

/* Gives the table at @index the slot, which must be free. */
void sinter_qcow2_rescue_take_slot(SinterQcow2Rescue *self, guint index, guint64 slot);

G_END_DECLS
