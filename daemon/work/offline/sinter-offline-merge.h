/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-offline-state.h"

G_BEGIN_DECLS

/* Steps of an offline merge (SinterJobStep). */

/* Merges, in a sinter-worker, and redefines the domain; or waits if an image is in use; or ends the
 * job as failed. */
void sinter_offline_step_merge(SinterJobRun *run, const SinterVerdict *verdict);

/* The domain runs: waits until it is shut off. */
void sinter_offline_step_wait(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
