/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* Notes what it takes to restore the chain, before a pull changes it. */
void sinter_live_restore_prepare(SinterJobRecord *record, const SinterDomain *domain);

/* A step of a live job (SinterJobStep): undoes a pull whose QEMU process ended before it was made
 * to write everything, and ends the job as failed. While the domain runs in another process, waits
 * until it is shut off. */
void sinter_live_step_restore(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
