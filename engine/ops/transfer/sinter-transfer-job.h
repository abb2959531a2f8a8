/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The parameters of a transfer, and its statistics. */

#include "ops/handle/sinter-handle-internal.h"
#include "sinter/convert.h"

G_BEGIN_DECLS

/* How ranges that read as zeros are handled. */
typedef enum {
    SINTER_TRANSFER_ZEROS_SAY,   /* stored as zeros, as cheaply as the target can */
    SINTER_TRANSFER_ZEROS_SKIP,  /* skipped: unwritten ranges already read as zeros */
    SINTER_TRANSFER_ZEROS_WRITE, /* written explicitly, so that they occupy space */
} SinterTransferZeros;

typedef enum {
    SINTER_TRANSFER_PLAIN,    /* no cluster of the target is compressed */
    SINTER_TRANSFER_KEEP,     /* compressed clusters are kept if type and cluster size agree */
    SINTER_TRANSFER_COMPRESS, /* all clusters are compressed */
} SinterTransferCompression;

/*
 * Returns in @ret_skip whether to skip the first bytes of a range of the source, and for how many
 * bytes, at least 1, this is valid. Called for ascending ranges, one call at a time.
 */
typedef gboolean (*SinterTransferFilter)(guint64 offset, guint64 length, gboolean *ret_skip,
                                         guint64 *ret_length, gpointer user_data, GError **error);

/*
 * Zero is a good default for each field except @source and @target. Ranges are in bytes.
 *
 * @source, @target: the target must not be a layer of the source, unless only_missing is set and
 *   the source is the backing chain of the target (sinter_handle_get_backing()).
 * @first_layer, @n_layers: only ranges that these layers decide are moved; the rest of the target
 *   is not changed. @n_layers 0 or G_MAXUINT: all layers from @first_layer on, and ranges that no
 *   layer holds are zeros. A range beyond the end of one of these layers is zeros decided by that
 *   layer.
 * @takes_end: the same for a range beyond the end of the layer below these
 * @offset, @length: the part of the source to move; @length 0: to its end
 * @target_offset: offset in the target for the source's byte @offset
 * @only_missing: ranges that the target itself holds are not changed
 * @unless_same: (nullable): the content of the target where it holds nothing: ranges that read the
 *   same there are skipped
 * @sparse_bytes: a run of zeros in data, of at least this size, is treated as zeros; 0: data is not
 *   searched
 * @via_memory: data is read ahead even if it could be copied in the kernel: for a target such as a
 *   pipe
 * @unordered: writes need not be in disk order: faster if the target holds most of the ranges that
 *   are written, since new clusters are best allocated in order
 * @side_by_side: several threads may write to a raw target concurrently. The writes are then in
 *   disk order except for a few pieces, which a page cache evens out
 * @rate_bytes_per_sec: maximum rate of the moved data; 0: no limit
 * @rate_now: (nullable): used instead, and read repeatedly: any thread may store a new rate
 *   atomically
 * @n_threads: 0: chosen for the host
 * @progress: (nullable): advances by @length in all; the caller sets its total
 * @filter: (nullable)
 * @salvages: ranges that cannot be read become zeros, and are reported to @salvaged
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

/* The current limit. */
static inline guint64
sinter_transfer_get_rate(const SinterTransfer *job)
{
    return job->rate_now ? __atomic_load_n(job->rate_now, __ATOMIC_RELAXED)
                         : job->rate_bytes_per_sec;
}

/* Guest bytes, by how they were stored. */
typedef struct {
    guint64 written;    /* processed in memory: decompressed, or searched for zeros */
    guint64 copied;     /* copied unchanged */
    guint64 compressed; /* as compressed clusters */
    guint64 zeroed;
} SinterTransferStats;

G_END_DECLS
