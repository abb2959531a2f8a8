/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/*
 * Places the tables that orphaned L1 tables refer to, as far as clues do not contradict. The tables
 * must have voted.
 */
gboolean sinter_qcow2_rescue_follow_old_l1(SinterQcow2Rescue *self, GError **error);

G_END_DECLS
