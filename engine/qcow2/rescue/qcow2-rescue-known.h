/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/*
 * Marks what intact metadata refers to, and lists its L2 tables. Damaged parts are not followed.
 * Does nothing if the header is lost.
 */
void sinter_qcow2_rescue_mark_known(SinterQcow2Rescue *self);

G_END_DECLS
