/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-usage.h"

G_BEGIN_DECLS

/**
 * SinterChainMeter:
 *
 * Measures chains for callers, one at a time in a thread of its own: the mapping tables of a large
 * disk are a lot to read, and neither the main loop nor a scan is to wait for it. Main context.
 */
typedef struct _SinterChainMeter SinterChainMeter;

/* Measurements that may wait for their turn. */
#define SINTER_CHAIN_METER_MAX_WAITING 32

SinterChainMeter *sinter_chain_meter_new(void);

/* What runs or waits ends as cancelled, soon. */
void sinter_chain_meter_free(SinterChainMeter *meter);

/* BUSY when too many wait already, NOT_FOUND when @domain has no disk @target. */
void sinter_chain_meter_measure_async(SinterChainMeter *meter, SinterDomain *domain,
                                      const char *target, GAsyncReadyCallback callback,
                                      gpointer user_data);

/* (transfer full) (nullable) (element-type SinterLayerUsage): as sinter_chain_usage_measure() */
GArray *sinter_chain_meter_measure_finish(GAsyncResult *result, GError **error);

G_END_DECLS
