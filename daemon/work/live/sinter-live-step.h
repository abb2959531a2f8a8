/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* The steps of a live job (SinterJobStep). */
void sinter_live_step_start(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_adopt(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_wait(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_pivot(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_cancel(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_verify(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_fail(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_cancelled(SinterJobRun *run, const SinterVerdict *verdict);
void sinter_live_step_quarantine(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
