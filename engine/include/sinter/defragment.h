/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:defragment
 *
 * Rewrites an image so that its clusters are in the order of the disk, without gaps and leaks.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; starts threads of its
 * own; progress is reported in the calling thread.
 */

#include <gio/gio.h>
#include <sinter/check.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * sinter_defragment_suggested:
 * @stats: statistics from a check
 *
 * Returns whether defragmenting is worth it: the image holds at least 64 MiB of data, in runs of
 * less than 512 KiB on average. Measured with direct reads of a whole disk: with runs of 64 KiB
 * they took 2.5 times as long as in order, with 128 KiB 1.9 times, with 256 KiB 1.6 times, and from
 * 512 KiB on no longer.
 */
gboolean sinter_defragment_suggested(const SinterImageStats *stats);

/**
 * SinterDefragmentOptions:
 * @fs: (nullable): the set of files that the image is in; %NULL for the host's files
 * @format: (nullable): format of the image; %NULL probes the content
 * @dry_run: only examine the image
 * @rate_bytes_per_sec: rate limit in bytes per second; 0 for no limit
 * @cancellable: (nullable): cancelling it ends the operation with CANCELLED
 * @progress: (nullable): receives the progress
 */
typedef struct {
    SinterFs *fs;
    const char *format;
    gboolean dry_run;
    guint64 rate_bytes_per_sec;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterDefragmentOptions;

/**
 * SinterDefragmentResult:
 * @before: statistics of the image as it was
 * @after: statistics of the new image; not set after a dry run
 */
typedef struct {
    SinterCheckResult *before;
    SinterCheckResult *after;
} SinterDefragmentResult;

/**
 * sinter_defragment:
 * @path: the image
 * @options: (nullable): %NULL is all zero
 *
 * Writes the clusters that @path itself holds into a new file, in the order of the disk, checks
 * that file and replaces @path by it. The disk reads the same; the new image has the same
 * properties, backing file and dirty bitmaps, and the file the same owner, permissions, access list
 * and label. Clusters that are allocated but were never written become unallocated.
 *
 * When it returns, the new image is durable. At every moment before, a crash leaves the old one.
 * The file system needs space for both.
 *
 * Refuses with UNSUPPORTED, before anything is written: an image with internal snapshots, an
 * external data file, encryption or header extensions that are not known; and a file that cannot be
 * replaced: a block device, a file with several names, one whose owner cannot be preserved. A
 * damaged image is refused with CORRUPT, one in use with LOCKED.
 *
 * Returns: (transfer full): free with sinter_defragment_result_free().
 */
SinterDefragmentResult *sinter_defragment(const char *path, const SinterDefragmentOptions *options,
                                          GError **error);

/* Accepts %NULL. */
void sinter_defragment_result_free(SinterDefragmentResult *result);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterDefragmentResult, sinter_defragment_result_free)

G_END_DECLS
