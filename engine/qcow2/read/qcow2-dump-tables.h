/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* State of a running dump of a qcow2 image, shared by the header part and the table part. */

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
    /* Remaining size for further tables, after the first ones: beyond it, tables must overlap. */
    guint64 table_budget_bytes;
    SinterQcow2Slots seen; /* clusters of L2 tables and refcount blocks already reported */
    GPtrArray *snapshots;  /* of SinterQcow2Snapshot *; nullable */
    GPtrArray *bitmaps;    /* of SinterQcow2Bitmap *; nullable */
} SinterQcow2Dump;

/* Reports all tables, in the order that the public header defines. FALSE only if cancelled. */
gboolean sinter_qcow2_dump_tables(SinterQcow2Dump *self, GError **error);

/* Reports trouble. */
void sinter_qcow2_dump_trouble(const SinterQcow2Dump *self, const char *format, ...)
    G_GNUC_PRINTF(2, 3);

G_END_DECLS
