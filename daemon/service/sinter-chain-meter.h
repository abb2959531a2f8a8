/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-chain-usage.h"

G_BEGIN_DECLS

/**
 * SinterChainMeter:
 *
 * Measures chains for callers, one at a time for each file system, in threads of its own: the
 * mapping tables of a large disk take long to read, and neither the main loop nor a scan must wait
 * for that. Main context.
 */
typedef struct _SinterChainMeter SinterChainMeter;

/* The maximum number of waiting measurements on one file system. */
#define SINTER_CHAIN_METER_MAX_WAITING 32

SinterChainMeter *sinter_chain_meter_new(void);

/* Cancels running and waiting measurements; they end soon. */
void sinter_chain_meter_free(SinterChainMeter *meter);

/* BUSY if too many are waiting, NOT_FOUND if @domain has no disk @target. */
void sinter_chain_meter_measure_async(SinterChainMeter *meter, SinterDomain *domain,
                                      const char *target, GAsyncReadyCallback callback,
                                      gpointer user_data);

/* (transfer full) (nullable) (element-type SinterLayerUsage): as sinter_chain_usage_measure() */
GArray *sinter_chain_meter_measure_finish(GAsyncResult *result, GError **error);

G_END_DECLS
