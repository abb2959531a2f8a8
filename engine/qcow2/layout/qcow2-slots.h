/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An open hash table from host clusters to a number and three flags, 16 bytes per slot. For data
 * that few clusters need and that arrays have no room for.
 */

#include <glib.h>

G_BEGIN_DECLS

/* The cluster number plus one, shifted above three flag bits for the caller; 0: free. */
typedef struct {
    guint64 key;
    guint64 value;
} SinterQcow2Slot;

/* Zero-initialized it is empty. */
typedef struct {
    SinterQcow2Slot *slots;
    guint64 mask; /* slots - 1 */
    guint64 n_used;
} SinterQcow2Slots;

#define SINTER_QCOW2_SLOT_KEY_SHIFT 3

static inline guint64
sinter_qcow2_slot_cluster(const SinterQcow2Slot *slot)
{
    return (slot->key >> SINTER_QCOW2_SLOT_KEY_SHIFT) - 1;
}

/* Returns the slot of @cluster, or NULL. */
SinterQcow2Slot *sinter_qcow2_slots_find(const SinterQcow2Slots *slots, guint64 cluster);

/*
 * Returns the slot of @cluster, created with value and flags 0 if missing. Invalidates other slots'
 * pointers.
 */
SinterQcow2Slot *sinter_qcow2_slots_get(SinterQcow2Slots *slots, guint64 cluster);

void sinter_qcow2_slots_clear(SinterQcow2Slots *slots);

G_END_DECLS
