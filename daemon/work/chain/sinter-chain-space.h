/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"

G_BEGIN_DECLS

/* Claims the room that the job may need. With GRANTED nothing stands in its way; else *@error says
 * what does, and with PROMISED other jobs will give it back. Blocking. */
SinterSpace sinter_chain_claim_space(SinterJobRun *run, GError **error);

/* Claims it again for a job that an earlier run of the daemon began. */
void sinter_chain_renew_space(SinterJobRun *run);

G_END_DECLS
