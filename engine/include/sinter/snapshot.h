/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:snapshot
 *
 * Internal snapshots of disk images: former states of the disk that lie in the image itself. They
 * are listed by sinter_image_list_snapshots() and read through #SinterChainOptions.
 *
 * Each function opens the image by itself, with the locks that keep everybody else out. When it
 * returns %TRUE the change is durable; a crash at any moment leaves the image as it was or as it
 * was to be, with nothing leaked.
 *
 * Units: times are microseconds. Errors: #GError of the domain %SINTER_ERROR. UNSUPPORTED where the format, or an image whose
 * data lies in a file of its own, has no internal snapshots. Threads: any; one image is changed by
 * one thread.
 */

#include <glib.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/**
 * SinterSnapshotKey:
 * @SINTER_SNAPSHOT_BY_ID_OR_NAME: the snapshot of that id or, where no id fits, of that name
 * @SINTER_SNAPSHOT_BY_NAME: the first one of that name
 */
typedef enum {
    SINTER_SNAPSHOT_BY_ID_OR_NAME,
    SINTER_SNAPSHOT_BY_NAME,
} SinterSnapshotKey;

/**
 * sinter_snapshot_create:
 * @fs: (nullable): where the image is; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes, which is right only for trusted content
 * @name: of the snapshot; need not be unique. Its id is made up.
 * @date_usec: microseconds since 1970
 *
 * Keeps the disk's present state. Where the image's reference counts are too narrow for it they are
 * made wider at the same moment; version 2 has one width only, and there INVALID_ARGUMENT says so
 * before anything changes.
 */
gboolean sinter_snapshot_create(SinterFs *fs, const char *path, const char *format,
                                SinterHandleFlags flags, const char *name, gint64 date_usec,
                                GError **error);

/**
 * sinter_snapshot_apply:
 *
 * Makes the disk what it was in the snapshot, its size included; what it is now is lost. BUSY where
 * the image has dirty bitmaps, which would no longer be true; NOT_FOUND where there is no such
 * snapshot. Reference counts get wider as for sinter_snapshot_create().
 */
gboolean sinter_snapshot_apply(SinterFs *fs, const char *path, const char *format,
                               SinterHandleFlags flags, const char *wanted, SinterSnapshotKey key,
                               GError **error);

/* Removes the snapshot and gives back what nothing else needs. */
gboolean sinter_snapshot_delete(SinterFs *fs, const char *path, const char *format,
                                SinterHandleFlags flags, const char *wanted, SinterSnapshotKey key,
                                GError **error);

G_END_DECLS
