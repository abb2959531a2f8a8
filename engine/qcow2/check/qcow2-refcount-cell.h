/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The cell representation of the reference map (qcow2-refcount-map.h), for files that process many
 * cells at once.
 */

#include "qcow2/layout/qcow2-slots.h"

#include <string.h>

G_BEGIN_DECLS

#define SINTER_QCOW2_CELL_DISK 0x00ffU
#define SINTER_QCOW2_CELL_REF 0x0100U
#define SINTER_QCOW2_CELL_REFS 0x3f00U
#define SINTER_QCOW2_CELL_USE_SHIFT 14

#define SINTER_QCOW2_REFS_ESCAPE 63U
#define SINTER_QCOW2_DISK_ESCAPE 255U
#define SINTER_QCOW2_REFS_BITS 48
#define SINTER_QCOW2_REFS_MAX ((G_GUINT64_CONSTANT(1) << SINTER_QCOW2_REFS_BITS) - 1)

/* A slot's flags. */
#define SINTER_QCOW2_SLOT_USE G_GUINT64_CONSTANT(3)
#define SINTER_QCOW2_SLOT_SHARED G_GUINT64_CONSTANT(4)

/* Eight bytes are four cells, or four refcounts of 16 bits. */
#define SINTER_QCOW2_LANES 4
#define SINTER_QCOW2_EACH_LANE(value) ((guint64)(value)*G_GUINT64_CONSTANT(0x0001000100010001))

static inline guint64
sinter_qcow2_word_load(const void *at)
{
    guint64 word;

    memcpy(&word, at, sizeof word);
    return word;
}

static inline guint64
sinter_qcow2_slot_refs(const SinterQcow2Slot *slot)
{
    return slot->value & SINTER_QCOW2_REFS_MAX;
}

static inline guint
sinter_qcow2_cell_refs(guint16 cell)
{
    return (cell & SINTER_QCOW2_CELL_REFS) / SINTER_QCOW2_CELL_REF;
}

G_END_DECLS
