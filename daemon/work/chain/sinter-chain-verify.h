/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"

G_BEGIN_DECLS

/* The last steps of a job whose chain is the plan's result. */

/* Looks whether all of the chain is there, and warns where the next boot would not find it. FALSE:
 * the job has ended in quarantine. */
gboolean sinter_chain_verify(SinterJobRun *run);

/* Syncs the merged images, cleans up what the plan names, and ends the job; or returns with the job
 * running where the connection is lost. @may_remove: FALSE keeps every file. Blocking. */
void sinter_chain_clean_up(SinterJobRun *run, gboolean may_remove);

G_END_DECLS
