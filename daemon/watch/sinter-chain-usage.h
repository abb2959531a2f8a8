/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>

#include "sinter-model.h"

G_BEGIN_DECLS

/* The usage of one layer, in bytes of the guest's disk. */
typedef struct {
    guint64 data_bytes;     /* stored by the layer, without zeros and holes */
    guint64 shadowed_bytes; /* of these: hidden from the guest by layers above */
} SinterLayerUsage;

/**
 * sinter_chain_usage_measure:
 * @disk: all its layers must be files or devices of a known format
 *
 * Reads the mapping tables of every layer, so the time depends on their size. Images are opened
 * read-only and without locks, while a guest may write, so the values for the active layer (and for
 * one that a block job writes to) do not belong to one point in time. Blocking; any thread.
 *
 * Returns: (transfer full) (nullable) (element-type SinterLayerUsage): by layer, the active one
 * first. CHAIN_CHANGED if the files no longer form the chain of @disk; CANCELLED.
 */
GArray *sinter_chain_usage_measure(const SinterDisk *disk, GCancellable *cancellable,
                                   GError **error);

G_END_DECLS
