/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The hash table: linear probing, doubled when it is three quarters full. Nothing is ever removed.
 */

#include "qcow2-slots.h"

static guint64
slot_key(guint64 cluster)
{
    return (cluster + 1) << SINTER_QCOW2_SLOT_KEY_SHIFT;
}

static guint64
slot_start(const SinterQcow2Slots *self, guint64 key)
{
    return ((key >> SINTER_QCOW2_SLOT_KEY_SHIFT) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15) >> 20) &
           self->mask;
}

/* Returns the slot of @cluster, or the free slot for it. The table is never full. */
static SinterQcow2Slot *
slots_seek(const SinterQcow2Slots *self, guint64 cluster)
{
    guint64 key = slot_key(cluster);
    guint64 at = slot_start(self, key);

    while (self->slots[at].key != 0 &&
           self->slots[at].key >> SINTER_QCOW2_SLOT_KEY_SHIFT != key >> SINTER_QCOW2_SLOT_KEY_SHIFT)
        at = (at + 1) & self->mask;
    return &self->slots[at];
}

SinterQcow2Slot *
sinter_qcow2_slots_find(const SinterQcow2Slots *slots, guint64 cluster)
{
    SinterQcow2Slot *slot = slots->slots ? slots_seek(slots, cluster) : NULL;

    return slot && slot->key != 0 ? slot : NULL;
}

static void
slots_grow(SinterQcow2Slots *self)
{
    SinterQcow2Slots old = *self;
    guint64 n = old.slots ? (old.mask + 1) * 2 : 64;

    self->slots = g_new0(SinterQcow2Slot, n);
    self->mask = n - 1;
    for (guint64 i = 0; old.slots && i <= old.mask; i++) {
        if (old.slots[i].key != 0)
            *slots_seek(self, sinter_qcow2_slot_cluster(&old.slots[i])) = old.slots[i];
    }
    g_free(old.slots);
}

SinterQcow2Slot *
sinter_qcow2_slots_get(SinterQcow2Slots *slots, guint64 cluster)
{
    SinterQcow2Slot *slot;

    if (!slots->slots || slots->n_used >= (slots->mask + 1) / 4 * 3)
        slots_grow(slots);
    slot = slots_seek(slots, cluster);
    if (slot->key == 0) {
        slot->key = slot_key(cluster);
        slots->n_used++;
    }
    return slot;
}

void
sinter_qcow2_slots_clear(SinterQcow2Slots *slots)
{
    g_clear_pointer(&slots->slots, g_free);
}
