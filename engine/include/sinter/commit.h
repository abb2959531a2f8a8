/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:commit
 *
 * Moves the content of an overlay into an image below it.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a commit may run in any
 * thread and starts threads of its own; progress is reported in the calling thread.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterCommitFlags:
 *
 * @SINTER_COMMIT_KEEP: leave the overlays unchanged; without this flag the top image is emptied,
 *   which is possible only if the base is its immediate backing file
 * @SINTER_COMMIT_PROBE: probe formats that are not stated; safe only if the content is trusted
 * @SINTER_COMMIT_DIRECT: bypass the page cache if the file system supports it
 */
typedef enum {
    SINTER_COMMIT_DEFAULT = 0,
    SINTER_COMMIT_KEEP = 1 << 0,
    SINTER_COMMIT_PROBE = 1 << 1,
    SINTER_COMMIT_DIRECT = 1 << 2,
} SinterCommitFlags;

/**
 * SinterCommitOptions:
 * @fs: (nullable): the set of files; %NULL for the host's files
 * @format: (nullable): format of the top image; %NULL only with PROBE
 * @base: (nullable): the image to commit into, named as in sinter_merge(); %NULL for the top
 *   image's backing file
 * @flags: see #SinterCommitFlags
 * @rate_bytes_per_sec: rate limit in bytes per second; 0 for no limit
 * @n_threads: number of threads; 0 to choose by the host
 * @cancellable: (nullable): cancelling it ends the commit with CANCELLED
 * @progress: (nullable): receives the progress
 */
typedef struct {
    SinterFs *fs;
    const char *format;
    const char *base;
    SinterCommitFlags flags;
    guint64 rate_bytes_per_sec;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterCommitOptions;

/**
 * sinter_commit:
 * @path: the top image
 * @options: (nullable): %NULL for all defaults (zero)
 *
 * Writes all content that @path and the images between it and the base hold into the base, which is
 * extended if it is smaller than the disk. Enabled bitmaps of the base record what is written. On
 * success the change is durable.
 *
 * After any interruption the disk reads the same through @path, and repeating the call finishes the
 * work. Other overlays of the base become invalid because the base changes: this function cannot
 * know whether there are any.
 */
gboolean sinter_commit(const char *path, const SinterCommitOptions *options, GError **error);

G_END_DECLS
