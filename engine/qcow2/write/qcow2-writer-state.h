/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state that the parts of a writer share (qcow2-writer.h): the image's files, and its tables in
 * memory.
 */

#include "chain/sinter-chain.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2-table.h"

G_BEGIN_DECLS

typedef struct {
    SinterFs *fs;      /* a reference */
    SinterIo *io;      /* a reference */
    SinterIo *data_io; /* a reference: holds guest clusters; often @io itself */
    SinterQcow2Header *header;
    SinterQcow2Geometry geo;
    SinterChain *backing; /* NULL: none */
    /* The image will get a backing file: zeros are stored explicitly even while there is none. */
    gboolean stores_zeros;

    guint64 *l1;           /* entries as numbers */
    guint32 l1_dirty_from; /* entries; clean if from >= to */
    guint32 l1_dirty_to;
    SinterQcow2TableSet l2;

    guint64 *reftable; /* entries as numbers */
    guint32 reftable_entries;
    guint64 reftable_offset;
    guint32 reftable_dirty_from;
    guint32 reftable_dirty_to;
    gboolean reftable_moved; /* the header still refers to the old table */
    SinterQcow2TableSet blocks;

    guint64 first_end;          /* clusters of the file when it was opened */
    gboolean counts_are_proven; /* see qcow2-proof.h */

    guint64 hint;         /* no cluster below is free */
    guint64 packed_end;   /* bytes: end of the last compressed stream; 0: none to continue */
    GArray *frees;        /* of guint64: clusters to decrement once the mapping is durable */
    gboolean keeps_space; /* no holes are punched for what is freed */
    GHashTable *metadata; /* cluster numbers of tables: never allocated */

    GPtrArray *bitmaps;   /* of SinterQcow2Bitmap */
    GPtrArray *recorders; /* those of @bitmaps that record writes (qcow2-bitmap-record.c) */
    gboolean recording;   /* they are marked "in use" in the file */
    gboolean has_marks;   /* some of them may be: also after a failure to mark them all */
} SinterQcow2Writer;

G_END_DECLS
