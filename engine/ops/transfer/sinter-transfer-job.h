/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a transfer is to do, and what it has done. */

#include "ops/handle/sinter-handle-internal.h"
#include "sinter/convert.h"

G_BEGIN_DECLS

/* What becomes of stretches that read as zeros. */
typedef enum {
    SINTER_TRANSFER_ZEROS_SAY,   /* the target reads as zeros there, as cheaply as it can */
    SINTER_TRANSFER_ZEROS_SKIP,  /* left out: what is not written reads as zeros already */
    SINTER_TRANSFER_ZEROS_WRITE, /* written in full, so that they take space */
} SinterTransferZeros;

typedef enum {
    SINTER_TRANSFER_PLAIN,    /* nothing is compressed in the target */
    SINTER_TRANSFER_KEEP,     /* what is compressed stays so where type and cluster size agree */
    SINTER_TRANSFER_COMPRESS, /* everything is compressed */
} SinterTransferCompression;

/*
 * Whether the first bytes of a range of the source are to be left alone, and for how many that is
 * so: at least 1. Called for ascending ranges, one call at a time.
 */
typedef gboolean (*SinterTransferFilter)(guint64 offset, guint64 length, gboolean *ret_skip,
                                         guint64 *ret_length, gpointer user_data, GError **error);

/*
 * Zero is a good default for each field but @source and @target. Ranges are bytes.
 *
 * @source, @target: the target is none of the source's layers, unless only_missing is set and the
 *   source is what the target stands on (sinter_handle_get_backing()).
 * @first_layer, @n_layers: moved is what these layers decide; the rest of the target is left alone.
 *   @n_layers 0 or G_MAXUINT: all from @first_layer on, and what no layer holds is zeros.
 *   A stretch beyond the end of one of these layers is zeros by that layer's decision.
 * @takes_end: the same for a stretch beyond the end of the layer below these
 * @offset, @length: the part of the source to move; @length 0: to its end
 * @target_offset: where the source's byte @offset goes
 * @only_missing: what the target itself holds is left alone
 * @unless_same: (nullable): what the target shows where it holds nothing: what reads the same there
 *   is left out
 * @sparse_bytes: a run of zeros in data, of at least that much, counts as zeros; 0: data is not
 *   looked at
 * @via_memory: data is read ahead even where it could be copied: for a target such as a pipe
 * @unordered: writes need not follow the order of the disk: faster where the target holds most of
 *   what is written, as new clusters are best laid out in order
 * @side_by_side: into a raw target several threads may write at a time. The order is then the
 *   disk's but for a few pieces, which a page cache evens out
 * @rate_bytes_per_sec: of what is moved, at most; 0: no limit
 * @rate_now: (nullable): in its place, looked at again and again: any thread may store another one,
 *   atomically
 * @n_threads: 0: what fits the host
 * @progress: (nullable): advances by @length in all; its total is the caller's to set
 * @filter: (nullable)
 * @salvages: what cannot be read becomes zeros, of which @salvaged hears
 */
typedef struct {
    SinterChain *source;
    guint first_layer;
    guint n_layers;
    gboolean takes_end;
    guint64 offset;
    guint64 length;
    SinterHandle *target;
    guint64 target_offset;
    gboolean only_missing;
    SinterChain *unless_same;
    SinterTransferZeros zeros;
    SinterTransferCompression compression;
    guint64 sparse_bytes;
    gboolean via_memory;
    gboolean unordered;
    gboolean side_by_side;
    guint64 rate_bytes_per_sec;
    const guint64 *rate_now;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
    SinterTransferFilter filter;
    gpointer filter_data;
    gboolean salvages;
    SinterSalvageFunc salvaged;
    gpointer salvaged_data;
} SinterTransfer;

/* The limit of this moment. */
static inline guint64
sinter_transfer_get_rate(const SinterTransfer *job)
{
    return job->rate_now ? __atomic_load_n(job->rate_now, __ATOMIC_RELAXED)
                         : job->rate_bytes_per_sec;
}

/* Guest bytes, by how they arrived. */
typedef struct {
    guint64 written;    /* after a look at them: decoded, or searched for zeros */
    guint64 copied;     /* as they are */
    guint64 compressed; /* as compressed clusters */
    guint64 zeroed;
} SinterTransferStats;

G_END_DECLS
