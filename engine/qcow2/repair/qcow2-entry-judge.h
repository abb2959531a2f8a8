/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Decides how a damaged L1 or L2 entry is repaired; reads nothing and changes nothing. */

#include "qcow2-repair-round.h"

G_BEGIN_DECLS

/*
 * What becomes of an entry: @changed replaces it, unless @reason says why it must stay. The entry
 * of a cluster whose place is lost is @is_lost: its place may be inferred, or the entry cleared.
 */
typedef struct {
    SinterFindingCode code;
    SinterQcow2L2Entry changed;
    gboolean is_lost;
    const char *evidence; /* (nullable) */
    const char *reason;   /* (nullable) */
} SinterQcow2Judgement;

/* Returns whether the L1 entry @value is damaged; @n_refs: views that have it. */
gboolean sinter_qcow2_judge_l1(SinterQcow2Round *round, guint64 value, guint32 n_refs,
                               SinterQcow2Judgement *ret);

/* Returns whether the entry @l2 of @table for @guest is damaged. */
gboolean sinter_qcow2_judge_l2(SinterQcow2Round *round, const SinterQcow2CheckTable *table,
                               guint64 guest, SinterQcow2L2Entry l2, SinterQcow2Judgement *ret);

G_END_DECLS
