/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* The protection of a pivot, so that a crash during it is detected: the identity of the QEMU
 * process, and the guard in the domain's definition. */

/* Part of an observation: records whether the domain still runs in the QEMU process that the job
 * works in. FALSE with DISCONNECTED. Blocking. */
gboolean sinter_live_identify_qemu(SinterJobRun *run, GError **error);

/* Saves durably that a pivot is requested, then guards the definition. FALSE if the record cannot
 * be written (nothing was done) or with DISCONNECTED. Blocking. */
gboolean sinter_live_announce_pivot(SinterJobRun *run, GError **error);

/* Removes the guard before the job ends, if it is known which image is current. FALSE: it has
 * waited or changed the definition, observe again. */
gboolean sinter_live_lift_guard(SinterJobRun *run, const SinterVerdict *verdict);

G_END_DECLS
