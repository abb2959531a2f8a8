/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-look.h"
#include "sinter-worker-seat.h"

G_BEGIN_DECLS

/* The state of an offline merge. */
typedef struct {
    SinterChainLook look; /* must be first */
    SinterWorkerSeat seat;
} SinterOfflineState;

G_END_DECLS
