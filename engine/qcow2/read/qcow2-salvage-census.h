/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which host clusters of a damaged image have several owners, of which at most one can be right.
 * For one thread.
 */

#include "qcow2/layout/qcow2-header.h"

G_BEGIN_DECLS

typedef struct _SinterQcow2SalvageCensus SinterQcow2SalvageCensus;

/* Returns NULL if the file has too many clusters to record: then no conflict is found. */
SinterQcow2SalvageCensus *sinter_qcow2_salvage_census_new(const SinterQcow2Header *header);
void sinter_qcow2_salvage_census_free(SinterQcow2SalvageCensus *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2SalvageCensus, sinter_qcow2_salvage_census_free)

/*
 * Adds the metadata that is not part of the mapping: refcount blocks, L1 tables, the tables of
 * snapshots and bitmaps. What cannot be read is left out. Accepts NULL.
 */
void sinter_qcow2_salvage_census_add_metadata(SinterQcow2SalvageCensus *self, SinterIo *io,
                                              const SinterQcow2Header *header);

/* Adds an L2 table. Accepts NULL. */
void sinter_qcow2_salvage_census_add_table(SinterQcow2SalvageCensus *self, guint64 offset);

/* Adds what a valid L2 entry refers to. Accepts NULL. */
void sinter_qcow2_salvage_census_add_entry(SinterQcow2SalvageCensus *self, SinterQcow2L2Entry l2);

/* Returns whether a cluster that the entry refers to has another owner, too. Accepts NULL. */
gboolean sinter_qcow2_salvage_census_conflicts(const SinterQcow2SalvageCensus *self,
                                               SinterQcow2L2Entry l2);

G_END_DECLS
