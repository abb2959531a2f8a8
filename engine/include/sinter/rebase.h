/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:rebase
 *
 * Changes the backing file of an overlay, or removes it.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a rebase may run in any
 * thread and starts threads of its own; progress is reported in the calling thread.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterRebaseFlags:
 *
 * @SINTER_REBASE_UNSAFE: change only the names in the header: for a backing file that was moved and
 *   has the same content. Neither the old nor the new backing file is opened.
 * @SINTER_REBASE_PROBE: probe formats that are not stated; safe only if the content is trusted
 * @SINTER_REBASE_DIRECT: bypass the page cache in writing if the file system supports it
 * @SINTER_REBASE_READ_DIRECT: likewise in reading
 * @SINTER_REBASE_SHARE_NEW: open the new backing file even if a process has it open for writing
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
 * The stage at which a rebase failed.
 *
 * @SINTER_REBASE_OPENING: opening the image and its backing chain
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
 * @fs: (nullable): the set of files; %NULL for the host's files
 * @format: (nullable): format of the image; %NULL only with PROBE
 * @backing_name: (nullable): the new backing file's name, stored unchanged; a relative name is
 *   relative to the image's folder. %NULL or empty for none.
 * @backing_format: (nullable): its format; required with a name
 * @flags: see #SinterRebaseFlags
 * @rate_bytes_per_sec: rate limit in bytes per second; 0 for no limit
 * @n_threads: number of threads; 0 to choose by the host
 * @cancellable: (nullable): cancelling it ends the rebase with CANCELLED
 * @progress: (nullable): receives the progress
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
 * @ret_stage: (out) (optional): the stage that failed; set only on failure
 *
 * Copies into @path the content in which the old and the new backing file differ, then writes the
 * new name into the header. The disk reads the same through @path at every moment, and repeating
 * the call finishes an interrupted rebase. Enabled bitmaps of the image record what is copied. On
 * success the change is durable.
 *
 * Refused for an image with internal snapshots, unless UNSAFE is set: the backing content that
 * snapshots see is not copied.
 */
gboolean sinter_rebase(const char *path, const SinterRebaseOptions *options,
                       SinterRebaseStage *ret_stage, GError **error);

G_END_DECLS
