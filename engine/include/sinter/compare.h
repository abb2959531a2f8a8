/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:compare
 *
 * Compares the content of two disks, regardless of their formats and chains.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a comparison may run in any
 * thread and starts threads of its own; progress is reported in the calling thread.
 */

#include <gio/gio.h>
#include <sinter/chain.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterCompareVerdict:
 *
 * @SINTER_COMPARE_SAME: a guest reads the same content; if the sizes differ, the rest of the longer
 *   disk is zeros
 * @SINTER_COMPARE_CONTENT: the content differs
 * @SINTER_COMPARE_ALLOCATION: strict only: one disk has space allocated where the other has none
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
 * @offset: guest offset of the difference, for CONTENT (a multiple of 512) and ALLOCATION
 * @common_size: size of the shorter disk
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
 * The stage at which a comparison failed.
 */
typedef enum {
    SINTER_COMPARE_MAPPING,
    SINTER_COMPARE_READING,
} SinterCompareStage;

/**
 * SinterCompareOptions:
 * @strict: also compare sizes and allocation
 * @n_threads: number of threads; 0 to choose by the host
 * @cancellable: (nullable): cancelling it ends the comparison with CANCELLED
 * @progress: (nullable): receives the progress
 */
typedef struct {
    gboolean strict;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterCompareOptions;

/**
 * sinter_compare:
 * @options: (nullable): %NULL for all defaults (zero)
 * @ret: (out): the outcome
 * @ret_stage: (out) (optional): the stage that failed; set only on failure
 *
 * Compares the disks that the guest sees through @a and @b. Ranges that are zeros in both maps are
 * not read.
 */
gboolean sinter_compare(SinterChain *a, SinterChain *b, const SinterCompareOptions *options,
                        SinterComparison *ret, SinterCompareStage *ret_stage, GError **error);

/**
 * SinterDifferenceFunc:
 * @offset: guest offset, a multiple of 512
 * @length: in bytes; never 0
 *
 * Receives a range of the disk that differs. Called in the thread of the comparison.
 */
typedef void (*SinterDifferenceFunc)(guint64 offset, guint64 length, gpointer user_data);

/**
 * sinter_compare_all:
 * @options: (nullable): as for sinter_compare(); strict has no effect
 *
 * Compares the content of two disks to their ends. Calls @func for each range that differs, in the
 * order of the disk; two ranges never touch. Beyond the end of the shorter disk, data of the longer
 * one that is not zero differs.
 *
 * Returns: whether both disks could be read completely, whatever the result
 */
gboolean sinter_compare_all(SinterChain *a, SinterChain *b, const SinterCompareOptions *options,
                            SinterDifferenceFunc func, gpointer user_data, GError **error);

G_END_DECLS
