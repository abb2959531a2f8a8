/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:rebase
 *
 * Puts an overlay onto another backing file, or onto none.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a rebase may run in any
 * thread and uses some of its own; progress is told from the thread that calls.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterRebaseFlags:
 *
 * @SINTER_REBASE_UNSAFE: change the names in the header and nothing else: for a backing file that
 *   was moved, and whose content is the same. Neither the old nor the new one is opened.
 * @SINTER_REBASE_PROBE: tell formats by the content where nobody says them; right only where the
 *   content is trusted
 * @SINTER_REBASE_DIRECT: pass by the page cache in writing, where the file system can
 * @SINTER_REBASE_READ_DIRECT: likewise in reading
 * @SINTER_REBASE_SHARE_NEW: open the new backing file also where somebody writes to it
 */
typedef enum {
    SINTER_REBASE_DEFAULT = 0,
    SINTER_REBASE_UNSAFE = 1 << 0,
    SINTER_REBASE_PROBE = 1 << 1,
    SINTER_REBASE_DIRECT = 1 << 2,
    SINTER_REBASE_READ_DIRECT = 1 << 3,
    SINTER_REBASE_SHARE_NEW = 1 << 4,
} SinterRebaseFlags;

/**
 * SinterRebaseStage:
 *
 * What a rebase that failed was doing.
 *
 * @SINTER_REBASE_OPENING: opening the image and what it stands on
 * @SINTER_REBASE_OPENING_NEW: opening the new backing file
 * @SINTER_REBASE_COPYING: comparing and copying
 * @SINTER_REBASE_LINKING: writing the new name
 */
typedef enum {
    SINTER_REBASE_OPENING,
    SINTER_REBASE_OPENING_NEW,
    SINTER_REBASE_COPYING,
    SINTER_REBASE_LINKING,
} SinterRebaseStage;

/**
 * SinterRebaseOptions:
 * @fs: (nullable): where the files are; %NULL for the host's
 * @format: (nullable): of the image; %NULL only with PROBE
 * @backing_name: (nullable): the new backing file's name, stored as it is; a relative one is
 *   relative to the image's folder. %NULL or empty for none.
 * @backing_format: (nullable): its format; must be given with a name
 * @flags: see there
 * @rate_bytes_per_sec: at most; 0 for no limit
 * @n_threads: 0 for what fits the host
 * @cancellable: (nullable): cancelling it gives up with CANCELLED
 * @progress: (nullable): how far it is
 */
typedef struct {
    SinterFs *fs;
    const char *format;
    const char *backing_name;
    const char *backing_format;
    SinterRebaseFlags flags;
    guint64 rate_bytes_per_sec;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterRebaseOptions;

/**
 * sinter_rebase:
 * @path: the image
 * @ret_stage: (out) (optional): where it failed, set on failure only
 *
 * Copies into @path what the old backing file has and the new one has not, then writes the new
 * name into the header. The disk reads the same through @path at every moment, and the same call
 * again finishes what was interrupted. Enabled bitmaps of the image record what is copied. A
 * success is durable.
 *
 * Refused for an image with internal snapshots, unless UNSAFE: what they see of the backing file
 * is not copied.
 */
gboolean sinter_rebase(const char *path, const SinterRebaseOptions *options,
                       SinterRebaseStage *ret_stage, GError **error);

G_END_DECLS
