/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* What a live job does to the guest, and how it is undone. */

/*
 * Restores a guest that is still suspended or limited: because a daemon died, which is corrected
 * before anything else, or because libvirt was busy when the job was to end, so no job ends before
 * the guest is restored. FALSE: it has waited, observe again.
 */
gboolean sinter_live_settle_debts(SinterJobRun *run, const SinterVerdict *verdict);

/* The daemon stops while the block job continues: restores the guest, because only the daemon
 * can. */
void sinter_live_let_guest_go(SinterJobRun *run);

/* Takes a sample of the block job's progress and does what SinterConvergence requests. */
void sinter_live_converge(SinterJobRun *run, const SinterBlockJobInfo *info);

/* Makes QEMU write the pulled data to disk. FALSE if that failed: with *@ret_again set, the
 * connection was lost or the guest is still suspended, and the caller observes again; otherwise a
 * warning of the job gives the reason. */
gboolean sinter_live_flush_pulled(SinterJobRun *run, gboolean *ret_again);

G_END_DECLS
