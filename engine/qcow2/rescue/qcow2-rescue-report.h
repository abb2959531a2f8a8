/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-rescue-state.h"

G_BEGIN_DECLS

/*
 * Fills @result with the proposals, their reasons, and the data that no step of confidence @level
 * or above gives a place.
 */
void sinter_qcow2_rescue_report(const SinterQcow2Rescue *self, SinterRescueConfidence level,
                                SinterRescueResult *result);

G_END_DECLS
