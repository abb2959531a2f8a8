/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* What a live job receives while its block job runs. */

/* Returns what an event of libvirt means. */
SinterHeard sinter_live_hear(SinterJobRun *run, const SinterEvent *event);

/* Waits for news of the block job, and polls its progress meanwhile. */
SinterHeard sinter_live_wait(SinterJobRun *run);

/* Applies the record's bandwidth limit to a block job that copies. */
void sinter_live_apply_bandwidth(SinterJobRun *run);

/* The block job has ended and no event has reported how. One may be on its way: waits for it, once.
 * Returns whether it has waited. */
gboolean sinter_live_hear_out(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
