/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"
#include "sinter-offline-worker.h"

G_BEGIN_DECLS

/* The state of an offline merge. */
typedef struct {
    SinterChainLook look;        /* first */
    SinterOfflineWorker *worker; /* while it works; else NULL */
    guint n_workers;             /* that were started: the serial of the last one */
    guint n_deaths;              /* of workers that gave no answer */
} SinterOfflineState;

static inline SinterOfflineState *
sinter_offline_state(const SinterJobRun *run)
{
    return run->state;
}

G_END_DECLS
