/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-repair-round.h"

G_BEGIN_DECLS

/*
 * Adds a step to the plan for each bitmap that becomes inconsistent because @pass changes what the
 * guest reads.
 */
void sinter_qcow2_bitmap_marks_plan(SinterQcow2Round *self, SinterRepairPass pass);

/*
 * Marks all dirty bitmaps as in use, which makes them inconsistent. Durable: no bitmap may call a
 * range unchanged whose content a repair changes afterwards.
 */
gboolean sinter_qcow2_bitmap_marks_write(SinterQcow2Round *self, GError **error);

G_END_DECLS
