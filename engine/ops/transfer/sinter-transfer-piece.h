/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Internals of a transfer: the work is cut into pieces (sinter-transfer-plan.c), read and
 * compressed by any thread (sinter-transfer-work.c), and placed in the target in order
 * (sinter-transfer.c); any thread then writes the placed data. A piece contains runs, which are the
 * commands for the target.
 */

#include "chain/sinter-chain.h"
#include "sinter-transfer-job.h"

G_BEGIN_DECLS

#define SINTER_TRANSFER_PIECE_BYTES (512 * 1024)
#define SINTER_TRANSFER_RUNS_MAX 520
#define SINTER_TRANSFER_PLACES_MAX 128
/* Number of blocks in which a piece is searched; number of streams that are read at once. */
#define SINTER_TRANSFER_BLOCKS_MAX 1024
#define SINTER_TRANSFER_STREAMS_MAX 64

typedef enum {
    SINTER_RUN_DATA, /* from the buffer */
    SINTER_RUN_ZERO,
    SINTER_RUN_COPY,   /* from the file of a layer */
    SINTER_RUN_STREAM, /* from the buffer: a compressed cluster */
} SinterTransferRunKind;

typedef struct {
    SinterTransferRunKind kind;
    guint layer;    /* COPY */
    guint64 offset; /* in the source */
    guint64 length; /* guest bytes */
    guint64 from;   /* in the buffer or in the file of the layer */
    gsize bytes;    /* STREAM: size of the stream */
} SinterTransferRun;

/* Data in the buffer that has a place in the target but is not yet written. */
typedef struct {
    SinterFormatPlace place;
    guint64 from; /* in the buffer */
} SinterTransferPlaced;

typedef enum {
    SINTER_PIECE_RUNS,    /* nothing to read: the runs are complete */
    SINTER_PIECE_COPIES,  /* the same, but the data that they copy must be read */
    SINTER_PIECE_READ,    /* must be read; the data determines the runs */
    SINTER_PIECE_STREAMS, /* compressed clusters, read without decompressing */
} SinterTransferPieceKind;

typedef struct {
    SinterTransferPieceKind kind;
    guint64 offset; /* in the source */
    guint64 length;
    guint64 progress; /* bytes from the end of the previous piece to the end of this one */
    guint layer;      /* STREAMS */
    guint n_runs;
    guint n_placed;
    SinterTransferRun runs[SINTER_TRANSFER_RUNS_MAX];
    SinterTransferPlaced placed[SINTER_TRANSFER_PLACES_MAX];
} SinterTransferPiece;

/* The state of the source at one place, and the resulting action. */
typedef enum {
    SINTER_STEP_LEAVE,
    SINTER_STEP_ZERO,
    SINTER_STEP_COPY,
    SINTER_STEP_READ,
    SINTER_STEP_STREAMS,
} SinterTransferStepKind;

typedef struct {
    SinterTransferStepKind kind;
    guint64 end; /* in the source; the step begins at the current position */
} SinterTransferStep;

typedef struct {
    const SinterTransfer *job;
    guint64 end; /* of the source range */
    guint last_layer;
    gboolean all_layers; /* and ranges that none of them holds are zeros */
    gboolean rounds;     /* no range is skipped, so reads may be extended to whole units */
    const SinterFormatTraits *traits; /* of the target */
    guint64 cluster_size;             /* of the target; 0: it has no clusters */
    gboolean places;                  /* data is written concurrently once it has a place */
    guint64 piece_bytes;
    guint64 unit;        /* block size of zeros and of reads; 1: raw */
    guint64 block;       /* block size in which data is searched */
    gboolean looks;      /* search for zeros */
    guint64 *sizes;      /* sizes of the data files of the layers */
    gboolean *shares;    /* the target's file system shares blocks with a layer's */
    guint64 adopted_end; /* in the source: everything before it that could be adopted has been */

    /* start of the next piece */
    SinterChainWalk walk;
    SinterExtent extent;
    SinterChainWalk same_walk; /* over unless_same, in step with walk */
    SinterExtent same;
    guint64 at; /* in the source */

    /* delivery */
    guint64 moved_bytes;
    guint64 paced_rate;  /* the limit in effect; since then … */
    gint64 paced_usec;   /* … it has been in effect since … */
    guint64 paced_bytes; /* … with this many bytes moved before */
    guint64 told_bytes;  /* reported to the progress */
    SinterTransferStats stats;
    GMutex salvaging; /* serializes calls of the salvage function */
} SinterTransferState;

/* Appends a run, or extends the last one if this one continues it. */
void sinter_transfer_piece_add(SinterTransferPiece *self, const SinterTransferRun *run);

/*
 * Size of a thread's buffer: @piece_bytes for the data that is read, the same again for its result
 * or for the data it is compared with, and one cluster for decompression.
 */
static inline gsize
sinter_transfer_buffer_bytes(const SinterTransferState *self)
{
    return (gsize)(2 * self->piece_bytes + self->cluster_size);
}

G_END_DECLS
