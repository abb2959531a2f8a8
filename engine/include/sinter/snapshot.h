/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:snapshot
 *
 * Internal snapshots of disk images: earlier states of the disk, stored in the image itself. They
 * are listed by sinter_image_list_snapshots() and read through #SinterChainOptions.
 *
 * Each function opens the image itself, with locks that exclude all other users. When it returns
 * %TRUE the change is durable; a crash at any moment leaves the image in the old or the new state,
 * with nothing leaked.
 *
 * Units: times are microseconds. Errors: #GError of the domain %SINTER_ERROR. UNSUPPORTED if the
 * format has no internal snapshots, or if the image has an external data file. Threads: any; only
 * one thread may change a given image.
 */

#include <glib.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/**
 * SinterSnapshotKey:
 * @SINTER_SNAPSHOT_BY_ID_OR_NAME: the snapshot with that id or, if there is none, with that name
 * @SINTER_SNAPSHOT_BY_NAME: the first snapshot with that name
 */
typedef enum {
    SINTER_SNAPSHOT_BY_ID_OR_NAME,
    SINTER_SNAPSHOT_BY_NAME,
} SinterSnapshotKey;

/**
 * sinter_snapshot_create:
 * @fs: (nullable): the set of files that the image is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes, which is safe only for trusted content
 * @name: name of the snapshot; need not be unique. A unique id is assigned.
 * @date_usec: microseconds since 1970
 *
 * Saves the disk's current state. If the image's reference counts are too narrow, they are widened
 * in the same atomic change; version 2 supports only one width, so this case fails with
 * INVALID_ARGUMENT before anything changes.
 */
gboolean sinter_snapshot_create(SinterFs *fs, const char *path, const char *format,
                                SinterHandleFlags flags, const char *name, gint64 date_usec,
                                GError **error);

/**
 * sinter_snapshot_apply:
 *
 * Reverts the disk to the snapshot, including its size; the current state is lost. Fails with BUSY
 * if the image has dirty bitmaps, which would become wrong, and with NOT_FOUND if there is no such
 * snapshot. Reference counts are widened as in sinter_snapshot_create().
 */
gboolean sinter_snapshot_apply(SinterFs *fs, const char *path, const char *format,
                               SinterHandleFlags flags, const char *wanted, SinterSnapshotKey key,
                               GError **error);

/*
 * Deletes the snapshot and frees the clusters that nothing else uses. If the image is damaged, the
 * snapshot is removed from the snapshot table, and its clusters are freed only if no damaged entry
 * can refer to them; otherwise they leak, and no refcount becomes lower.
 */
gboolean sinter_snapshot_delete(SinterFs *fs, const char *path, const char *format,
                                SinterHandleFlags flags, const char *wanted, SinterSnapshotKey key,
                                GError **error);

/**
 * sinter_snapshot_delete_except:
 * @kept: ids or names of the snapshots to keep, %NULL-terminated
 *
 * Deletes all other snapshots, one after the other, as sinter_snapshot_delete() does. Fails with
 * NOT_FOUND, before anything changes, if a snapshot in @kept does not exist.
 */
gboolean sinter_snapshot_delete_except(SinterFs *fs, const char *path, const char *format,
                                       SinterHandleFlags flags, const char *const *kept,
                                       GError **error);

/**
 * SinterSnapshotChange:
 * @offset: offset in the active disk
 * @length: number of bytes
 * @is_readable: %FALSE: damage prevents reading the range from the active disk
 *
 * A range that is lost if the disk is reverted to a snapshot.
 */
typedef struct {
    guint64 offset;
    guint64 length;
    gboolean is_readable;
} SinterSnapshotChange;

/**
 * sinter_snapshot_compare:
 * @wanted: id or name of the snapshot
 *
 * Lists the ranges of the active disk that were written or freed since the snapshot, or that cannot
 * be read because of damage. Opens the image for reading. The result is exact to a cluster.
 *
 * Returns: (transfer full): array of SinterSnapshotChange, sorted; %NULL with CORRUPT if the
 * snapshot itself is damaged
 */
GArray *sinter_snapshot_compare(SinterFs *fs, const char *path, const char *format,
                                const char *wanted, GError **error);

G_END_DECLS
