/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A dump of a qcow2 image under way: the header's part and the tables' part share it.
 */

#include "qcow2-bitmap.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/layout/qcow2-slots.h"
#include "qcow2-snapshot.h"
#include "sinter/dump.h"

G_BEGIN_DECLS

typedef struct {
    SinterIo *io;
    const SinterQcow2Header *header;
    SinterQcow2Geometry geo;
    const SinterDumpVisitor *visitor;
    gpointer user_data;
    GCancellable *cancellable; /* nullable */
    guint64 file_bytes;
    /* What tables beside the first ones may still take: beyond, they lie on each other. */
    guint64 table_budget_bytes;
    SinterQcow2Slots seen; /* clusters with L2 tables and refcount blocks that were told */
    GPtrArray *snapshots;  /* of SinterQcow2Snapshot *; nullable */
    GPtrArray *bitmaps;    /* of SinterQcow2Bitmap *; nullable */
} SinterQcow2Dump;

/* All tables, in the order that the public header promises. FALSE only where cancelled. */
gboolean sinter_qcow2_dump_tables(SinterQcow2Dump *self, GError **error);

/* Tells trouble. */
void sinter_qcow2_dump_trouble(const SinterQcow2Dump *self, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

G_END_DECLS
