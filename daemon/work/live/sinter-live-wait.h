/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* What a live job hears while its block job runs. */

/* What an event of libvirt means. */
SinterHeard sinter_live_hear(SinterJobRun *run, const SinterEvent *event);

/* Waits for news of the block job, and looks at its progress meanwhile. */
SinterHeard sinter_live_wait(SinterJobRun *run);

/* Passes the record's limit on to a block job that copies. */
void sinter_live_apply_bandwidth(SinterJobRun *run);

/* The block job is gone and no event has said how it ended. One may be on its way: waits for it,
 * once. Returns whether it has waited. */
gboolean sinter_live_hear_out(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
