/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:commit
 *
 * Moves what an overlay decides into an image below it.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a commit may run in any
 * thread and uses some of its own; progress is told from the thread that calls.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterCommitFlags:
 *
 * @SINTER_COMMIT_KEEP: leave the overlays as they are; without it the top image is emptied, which
 *   can only be where it stands on the base directly
 * @SINTER_COMMIT_PROBE: tell formats by the content where nobody says them; right only where the
 *   content is trusted
 * @SINTER_COMMIT_DIRECT: pass by the page cache where the file system can
 */
typedef enum {
    SINTER_COMMIT_DEFAULT = 0,
    SINTER_COMMIT_KEEP = 1 << 0,
    SINTER_COMMIT_PROBE = 1 << 1,
    SINTER_COMMIT_DIRECT = 1 << 2,
} SinterCommitFlags;

/**
 * SinterCommitOptions:
 * @fs: (nullable): where the files are; %NULL for the host's
 * @format: (nullable): of the top image; %NULL only with PROBE
 * @base: (nullable): the image to commit into, as sinter_merge() takes a member; %NULL for the
 *   one that the top stands on
 * @flags: see there
 * @rate_bytes_per_sec: at most; 0 for no limit
 * @n_threads: 0 for what fits the host
 * @cancellable: (nullable): cancelling it gives up with CANCELLED
 * @progress: (nullable): how far it is
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
 * @options: (nullable): %NULL is all zero
 *
 * Writes all that @path and the images between it and the base decide into the base, which grows
 * where it is smaller than the disk. Enabled bitmaps of the base record what is written. A success
 * is durable.
 *
 * Whatever interrupts it, the disk reads the same through @path, and the same call again finishes
 * the work. Other overlays of the base see it change and are ruined by that: whether there are any
 * cannot be known here.
 */
gboolean sinter_commit(const char *path, const SinterCommitOptions *options, GError **error);

G_END_DECLS
