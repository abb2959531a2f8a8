/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the parts of a writer share (qcow2-writer.h): the image's files, and its tables in memory.
 */

#include "chain/sinter-chain.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2-table.h"

G_BEGIN_DECLS

typedef struct {
    SinterFs *fs;      /* a reference */
    SinterIo *io;      /* a reference */
    SinterIo *data_io; /* a reference: where guest clusters lie; often @io itself */
    SinterQcow2Header *header;
    SinterQcow2Geometry geo;
    SinterChain *backing; /* NULL: none */
    /* An image will be put below this one: zeros are stored even where nothing is below yet. */
    gboolean stores_zeros;

    guint64 *l1;           /* entries as numbers */
    guint32 l1_dirty_from; /* entries; nothing is dirty where from >= to */
    guint32 l1_dirty_to;
    SinterQcow2TableSet l2;

    guint64 *reftable; /* entries as numbers */
    guint32 reftable_entries;
    guint64 reftable_offset;
    guint32 reftable_dirty_from;
    guint32 reftable_dirty_to;
    gboolean reftable_moved; /* the header still names the former table */
    SinterQcow2TableSet blocks;

    guint64 first_end;          /* clusters that the file had when it was opened */
    gboolean counts_are_proven; /* see qcow2-proof.h */

    guint64 hint;         /* no cluster below is free */
    guint64 packed_end;   /* bytes: where the last compressed stream ends; 0: nothing to go on at */
    GArray *frees;        /* of guint64: clusters to count down once the mapping is durable */
    GHashTable *metadata; /* cluster numbers that hold tables: never to be handed out */

    GPtrArray *bitmaps;   /* of SinterQcow2Bitmap */
    GPtrArray *recorders; /* those of them that record writes (qcow2-bitmap-record.c) */
    gboolean recording;   /* they are marked "in use" in the file */
} SinterQcow2Writer;

G_END_DECLS
