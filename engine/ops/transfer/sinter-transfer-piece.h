/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The inside of a transfer: what is to be done is cut into pieces (sinter-transfer-plan.c), read
 * and compressed by any thread (sinter-transfer-work.c), and given its place in the target in order
 * (sinter-transfer.c); what has a place is written by any thread. A piece carries runs, which are
 * the orders for the target.
 */

#include "chain/sinter-chain.h"
#include "sinter-transfer-job.h"

G_BEGIN_DECLS

#define SINTER_TRANSFER_PIECE_BYTES (512 * 1024)
#define SINTER_TRANSFER_RUNS_MAX 520
#define SINTER_TRANSFER_PLACES_MAX 128
/* Blocks in which a piece is searched; streams that are read in one go. */
#define SINTER_TRANSFER_BLOCKS_MAX 1024
#define SINTER_TRANSFER_STREAMS_MAX 64

typedef enum {
    SINTER_RUN_DATA, /* of the buffer */
    SINTER_RUN_ZERO,
    SINTER_RUN_COPY,   /* of a layer's file */
    SINTER_RUN_STREAM, /* of the buffer: a compressed cluster */
} SinterTransferRunKind;

typedef struct {
    SinterTransferRunKind kind;
    guint layer;    /* COPY */
    guint64 offset; /* in the source */
    guint64 length; /* guest bytes */
    guint64 from;   /* in the buffer or the layer's file */
    gsize bytes;    /* STREAM: of the stream */
} SinterTransferRun;

/* Data of the buffer that has its place in the target, and is not there yet. */
typedef struct {
    SinterFormatPlace place;
    guint64 from; /* in the buffer */
} SinterTransferPlaced;

typedef enum {
    SINTER_PIECE_RUNS,    /* nothing must be read: the runs are there */
    SINTER_PIECE_COPIES,  /* the same, but what they copy is to be read */
    SINTER_PIECE_READ,    /* to be read, which gives the runs */
    SINTER_PIECE_STREAMS, /* compressed clusters, to be read as they are */
} SinterTransferPieceKind;

typedef struct {
    SinterTransferPieceKind kind;
    guint64 offset; /* in the source */
    guint64 length;
    guint64 progress; /* bytes from the end of the piece before to the end of this one */
    guint layer;      /* STREAMS */
    guint n_runs;
    guint n_placed;
    SinterTransferRun runs[SINTER_TRANSFER_RUNS_MAX];
    SinterTransferPlaced placed[SINTER_TRANSFER_PLACES_MAX];
} SinterTransferPiece;

/* What the source has at one place, and what is to be done with it. */
typedef enum {
    SINTER_STEP_LEAVE,
    SINTER_STEP_ZERO,
    SINTER_STEP_COPY,
    SINTER_STEP_READ,
    SINTER_STEP_STREAMS,
} SinterTransferStepKind;

typedef struct {
    SinterTransferStepKind kind;
    guint64 end; /* in the source; begins where the transfer is */
} SinterTransferStep;

typedef struct {
    const SinterTransfer *job;
    guint64 end; /* of the source's part */
    guint last_layer;
    gboolean all_layers; /* and what none of them holds is zeros */
    gboolean rounds;     /* nothing is left alone, so what is read may go up to whole units */
    const SinterFormatTraits *traits; /* of the target */
    guint64 cluster_size;             /* its; 0: it has none */
    gboolean places;                  /* data is written side by side, once it has its place */
    guint64 piece_bytes;
    guint64 unit;     /* zeros are said, and what is read begins and ends, in such blocks; 1: raw */
    guint64 block;    /* data is searched in such blocks */
    gboolean looks;   /* for zeros */
    guint64 *sizes;   /* of the layers' data files */
    gboolean *shares; /* the target's file system shares blocks with a layer's data file */
    guint64 adopted_end; /* in the source: what could be adopted before it has been */

    /* where the next piece begins */
    SinterChainWalk walk;
    SinterExtent extent;
    SinterChainWalk same_walk; /* over unless_same, in step */
    SinterExtent same;
    guint64 at; /* in the source */

    /* delivery */
    guint64 moved_bytes;
    guint64 paced_rate;  /* the limit that was kept to last; since then … */
    gint64 paced_usec;   /* … it has been kept to … */
    guint64 paced_bytes; /* … with so much moved before */
    guint64 told_bytes;  /* to the progress */
    SinterTransferStats stats;
    GMutex salvaging; /* one call of the salvage function at a time */
} SinterTransferState;

/* Appends a run, or makes the last one longer where this one goes on with it. */
void sinter_transfer_piece_add(SinterTransferPiece *self, const SinterTransferRun *run);

/*
 * A worker's buffer: @piece_bytes for what is read, as much again for what comes of it or is
 * compared with it, and a cluster to decode into.
 */
static inline gsize
sinter_transfer_buffer_bytes(const SinterTransferState *self)
{
    return (gsize)(2 * self->piece_bytes + self->cluster_size);
}

G_END_DECLS
