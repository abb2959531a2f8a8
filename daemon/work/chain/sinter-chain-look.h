/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"
#include "sinter-observation.h"

G_BEGIN_DECLS

/* What was seen at the last look at a disk whose chain a job changes. It stands first in the state
 * of every kind of job that does so. */
typedef struct {
    SinterObservation observation;
    SinterDomain *domain; /* NULL: there is none */
    GPtrArray *host;      /* of SinterDomain: all of them; NULL where only one was looked at */
} SinterChainLook;

static inline SinterChainLook *
sinter_chain_look(const SinterJobRun *run)
{
    return run->state;
}

/* Looks at the domain, or with @whole_host at all of them. The last event that was seen stays.
 * FALSE with an error when that was not possible. Blocking. */
gboolean sinter_chain_observe(SinterJobRun *run, gboolean whole_host, GError **error);

void sinter_chain_look_clear(SinterChainLook *look);

G_END_DECLS
