/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-job-kind.h"
#include "sinter-observation.h"

G_BEGIN_DECLS

/* The last observation of a disk whose chain a job changes. It is the first member of the state of
 * every kind of job that changes a chain. */
typedef struct {
    SinterObservation observation;
    SinterDomain *domain; /* NULL: the domain does not exist */
    SinterHost *host;     /* NULL if only one domain was read */
    gint64 covered_usec;  /* since when an overlay of another program covers the chain (monotonic);
                           * 0: none does */
} SinterChainLook;

static inline SinterChainLook *
sinter_chain_look(const SinterJobRun *run)
{
    return run->state;
}

/* Reads the domain, or with @whole_host all domains. Keeps the last event that was seen and what
 * was polled. Returns FALSE with an error if that was not possible. Blocking. */
gboolean sinter_chain_observe(SinterJobRun *run, gboolean whole_host, GError **error);

void sinter_chain_look_clear(SinterChainLook *look);

G_END_DECLS
