/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-model.h"

G_BEGIN_DECLS

/* Of one layer: bytes of the guest's disk. */
typedef struct {
    guint64 data_bytes;     /* that the layer stores; zeros and holes are none */
    guint64 shadowed_bytes; /* of these: what layers above hide from the guest */
} SinterLayerUsage;

/**
 * sinter_chain_usage_measure:
 * @disk: its layers: files or devices of a known format
 *
 * Reads the mapping tables of every layer, so it takes time in proportion to them. Images are
 * opened as any reader opens one that is in use: without locks, and a guest may write meanwhile, so
 * what is said of the active layer (and of one that a block job writes to) is of no single moment.
 * Blocking; any thread.
 *
 * Returns: (transfer full) (nullable) (element-type SinterLayerUsage): by layer, the active one
 * first. CHAIN_CHANGED when the files no longer stand on each other as @disk says; CANCELLED.
 */
GArray *sinter_chain_usage_measure(const SinterDisk *disk, GCancellable *cancellable,
                                   GError **error);

G_END_DECLS
