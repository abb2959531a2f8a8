/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Whether a cluster can be an L2 table: a pure function of its bytes. */

#include "qcow2/layout/qcow2-layout.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_QCOW2_ENTRY_EMPTY, /* no host cluster: unallocated, or zeros */
    SINTER_QCOW2_ENTRY_DATA,
    SINTER_QCOW2_ENTRY_COMPRESSED,
    SINTER_QCOW2_ENTRY_BAD, /* cannot be valid in this file */
} SinterQcow2EntryJudgement;

/* Judges an entry in a file of @n_clusters. */
SinterQcow2EntryJudgement sinter_qcow2_judge_entry(const SinterQcow2Geometry *geo,
                                                   guint64 n_clusters, SinterQcow2L2Entry l2);

typedef struct {
    guint32 n_used; /* data or compressed */
    guint32 n_compressed;
    guint32 n_copied; /* data with the COPIED flag */
    guint32 n_bad;
} SinterQcow2TableJudgement;

SinterQcow2TableJudgement sinter_qcow2_judge_table(const SinterQcow2Geometry *geo,
                                                   guint64 n_clusters, const guint8 *table);

/*
 * Returns whether a cluster that nothing refers to is an L2 table (or an L1 table, whose entries
 * look the same). A few broken entries are accepted. Zeros are not a table.
 */
gboolean sinter_qcow2_judgement_is_table(const SinterQcow2TableJudgement *self);

/*
 * Returns whether a cluster that nothing refers to looks like a refcount block: small numbers only,
 * many of them not 0. Never for refcounts below 8 bits.
 */
gboolean sinter_qcow2_judge_refblock(const SinterQcow2Geometry *geo, const guint8 *block);

/* Returns whether a cluster that an L1 table refers to is an L2 table, which may be empty. */
gboolean sinter_qcow2_judgement_is_intact(const SinterQcow2TableJudgement *self);

G_END_DECLS
