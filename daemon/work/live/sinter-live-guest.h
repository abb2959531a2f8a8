/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* What a live job does to the guest, and undoes. */

/*
 * A guest must not stay held or slowed: because a daemon died, which is set right before all else,
 * or because a job ended while libvirt was busy, so no job ends before it is done. FALSE: it has
 * waited, observe again.
 */
gboolean sinter_live_settle_debts(SinterJobRun *run, const SinterVerdict *verdict);

/* The daemon stops and the block job goes on: gives back what only we can give back. */
void sinter_live_let_guest_go(SinterJobRun *run);

/* Takes a sample of the block job's progress and does what convergence then asks for. */
void sinter_live_converge(SinterJobRun *run, const SinterBlockJobInfo *info);

/* Makes QEMU write what it pulled. FALSE when it could not be done: with *@ret_again set the
 * connection was lost or the guest is still held, and the caller looks again; without, a warning
 * of the job says why. */
gboolean sinter_live_flush_pulled(SinterJobRun *run, gboolean *ret_again);

G_END_DECLS
