/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"

G_BEGIN_DECLS

/* Claims the space that the job may need. GRANTED: the job may start. Otherwise *@error has the
 * reason; with PROMISED other jobs will release the space. Blocking. */
SinterSpace sinter_chain_claim_space(SinterJobRun *run, GError **error);

/* Repeats the claim of a job that an earlier run of the daemon started. */
void sinter_chain_renew_space(SinterJobRun *run);

G_END_DECLS
