/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:compare
 *
 * Whether two disks hold the same, whatever their formats and chains.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a comparison may run in any
 * thread and uses some of its own; a progress is told from the thread that calls.
 */

#include <gio/gio.h>
#include <sinter/chain.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterCompareVerdict:
 *
 * @SINTER_COMPARE_SAME: a guest could not tell the two apart, except by their size where that
 *   differs: the longer one ends in zeros then
 * @SINTER_COMPARE_CONTENT: the content differs
 * @SINTER_COMPARE_ALLOCATION: strict only: one has space where the other has none
 * @SINTER_COMPARE_SIZE: strict only: the sizes differ
 */
typedef enum {
    SINTER_COMPARE_SAME,
    SINTER_COMPARE_CONTENT,
    SINTER_COMPARE_ALLOCATION,
    SINTER_COMPARE_SIZE,
} SinterCompareVerdict;

/**
 * SinterComparison:
 * @verdict: the first difference, in the order of the disk
 * @offset: where CONTENT (a multiple of 512) and ALLOCATION differ
 * @common_size: of the shorter disk
 * @sizes_differ: whether one disk is longer
 */
typedef struct {
    SinterCompareVerdict verdict;
    guint64 offset;
    guint64 common_size;
    gboolean sizes_differ;
} SinterComparison;

/**
 * SinterCompareStage:
 *
 * What a comparison that failed was doing.
 */
typedef enum {
    SINTER_COMPARE_MAPPING,
    SINTER_COMPARE_READING,
} SinterCompareStage;

/**
 * SinterCompareOptions:
 * @strict: also compare sizes and allocation
 * @n_threads: 0 for what fits the host
 * @cancellable: (nullable): cancelling it gives up with CANCELLED
 * @progress: (nullable): how far it is
 */
typedef struct {
    gboolean strict;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterCompareOptions;

/**
 * sinter_compare:
 * @options: (nullable): %NULL is all zero
 * @ret: (out): the outcome
 * @ret_stage: (out) (optional): where it failed, set on failure only
 *
 * Compares what the guest sees of @a and @b. What both maps call zero is not read.
 */
gboolean sinter_compare(SinterChain *a, SinterChain *b, const SinterCompareOptions *options,
                        SinterComparison *ret, SinterCompareStage *ret_stage, GError **error);

G_END_DECLS
