/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"

G_BEGIN_DECLS

/* The last steps of a job whose chain is the plan's result. */

/* Checks that all images of the chain exist, and warns if the next boot would not find the chain.
 * FALSE: the job has ended in quarantine. */
gboolean sinter_chain_verify(SinterJobRun *run);

/* Syncs the merged images, cleans up what the plan names, and ends the job; if the connection is
 * lost, returns with the job still running. @may_remove: FALSE keeps every file. Blocking. */
void sinter_chain_clean_up(SinterJobRun *run, gboolean may_remove);

G_END_DECLS
