/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-check-reconcile.h"
#include "sinter-live-state.h"
#include "sinter-worker-seat.h"

G_BEGIN_DECLS

/* The state of a check under a temporary overlay. */
typedef struct {
    SinterLiveState live; /* must be first */
    SinterWorkerSeat seat;
    SinterOverlaySeen overlay;
    GError *refusal; /* why libvirt refused the overlay */
} SinterLiveCheckState;

static inline SinterLiveCheckState *
sinter_live_check_state(const SinterJobRun *run)
{
    return run->state;
}

/* The steps (SinterJobStep). */
void sinter_live_check_step_seal(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_check_step_check(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_check_step_merge(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_check_step_verify(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_check_step_fail(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_check_step_quarantine(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
