/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/* Claims the clusters that the known table at @index of the list maps; @data is its content. */
void sinter_qcow2_rescue_claim_known(SinterQcow2Rescue *self, guint index, const guint8 *data);

/*
 * Tells orphaned L1 tables from L2 tables, and claims the clusters that the L2 tables map, the
 * fullest table first. Tables whose clusters other tables map are no tables, or old ones: they are
 * dropped.
 */
gboolean sinter_qcow2_rescue_claim_orphans(SinterQcow2Rescue *self, GError **error);

G_END_DECLS
