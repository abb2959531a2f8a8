/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The mapping tables of a damaged image: each entry that can be read, with what is wrong with it.
 * Tables are read in whole if possible, otherwise sector by sector. For one thread.
 */

#include "io/sinter-io.h"
#include "qcow2-l1-table.h"
#include "sinter/loss.h"

G_BEGIN_DECLS

typedef struct _SinterQcow2SalvageTables SinterQcow2SalvageTables;

/*
 * What the tables state about a guest cluster.
 *
 * @start, @bytes: the guest range for which the answer is valid: the cluster, or, if there is no
 *   entry, all clusters whose entries are missing for the same reason
 * @loss, @doubtful, @place, @errnum: as in SinterFormatSalvage
 * @l2: the entry; zero if there is none
 */
typedef struct {
    guint64 start;
    guint64 bytes;
    SinterLoss loss;
    gboolean doubtful;
    guint64 place;
    int errnum;
    SinterQcow2L2Entry l2;
} SinterQcow2SalvageEntry;

/* The geometry of @header must be known. NULL with an error if memory allocation fails. */
SinterQcow2SalvageTables *sinter_qcow2_salvage_tables_new(SinterIo *io,
                                                          const SinterQcow2Header *header,
                                                          const SinterQcow2L1Table *view,
                                                          GError **error);
void sinter_qcow2_salvage_tables_free(SinterQcow2SalvageTables *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2SalvageTables, sinter_qcow2_salvage_tables_free)

/* @offset: guest offset, inside the disk */
void sinter_qcow2_salvage_tables_find(SinterQcow2SalvageTables *self, guint64 offset,
                                      SinterQcow2SalvageEntry *ret);

G_END_DECLS
