/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"
#include "sinter-offline-worker.h"

G_BEGIN_DECLS

/* The state of an offline merge. */
typedef struct {
    SinterChainLook look;        /* must be first */
    SinterOfflineWorker *worker; /* while it runs; else NULL */
    guint n_workers;             /* started so far: the serial of the last one */
    guint n_deaths;              /* workers that ended without an answer */
} SinterOfflineState;

static inline SinterOfflineState *
sinter_offline_state(const SinterJobRun *run)
{
    return run->state;
}

G_END_DECLS
