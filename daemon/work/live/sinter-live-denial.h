/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-live-state.h"

G_BEGIN_DECLS

/* Completes *@error, with which a block job failed, by the cause and the remedy, if QEMU has given
 * up its images, or if it may not write to one of the images that the job writes to; then the code
 * becomes DENIED. Blocking. */
void sinter_live_explain_denial(SinterJobRun *run, GError **error);

G_END_DECLS
