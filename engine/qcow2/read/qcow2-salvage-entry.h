/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Judges entries of mapping tables of a damaged image, without reading anything.
 */

#include "qcow2/layout/qcow2-header.h"
#include "sinter/loss.h"

G_BEGIN_DECLS

/* What an entry is compared with. */
typedef struct {
    SinterQcow2Geometry geo;
    guint64 file_bytes;
    guint64 l1_offset; /* tables that guest data cannot be in */
    guint64 l1_bytes;
    guint64 reftable_offset;
    guint64 reftable_bytes;
} SinterQcow2SalvageRules;

typedef struct {
    SinterLoss loss;
    gboolean doubtful; /* with a loss: the entry can be followed, but may be wrong */
} SinterQcow2SalvageVerdict;

void sinter_qcow2_salvage_rules_init(SinterQcow2SalvageRules *self, const SinterQcow2Header *header,
                                     guint64 l1_offset, guint64 l1_bytes);

/* NONE: the entry is valid. Any loss: the table, if there was one, is not known. */
SinterLoss sinter_qcow2_salvage_judge_l1(const SinterQcow2SalvageRules *self, guint64 entry);

SinterQcow2SalvageVerdict sinter_qcow2_salvage_judge_l2(const SinterQcow2SalvageRules *self,
                                                        SinterQcow2L2Entry l2);

G_END_DECLS
