/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:format_change
 *
 * What drivers of image formats (<sinter/format.h>) are asked to change and to measure.
 *
 * Units: bytes, unless a name says otherwise. Errors: none; these are values. Threads: any.
 */

#include <sinter/bitmap.h>
#include <sinter/image.h>
#include <sinter/io.h>
#include <sinter/snapshot.h>

G_BEGIN_DECLS

/**
 * SinterFormatSnapshotKind:
 * @SINTER_FORMAT_SNAPSHOT_CREATE: save the disk's current state
 * @SINTER_FORMAT_SNAPSHOT_APPLY: revert the disk to the snapshot
 * @SINTER_FORMAT_SNAPSHOT_DELETE: remove the snapshot
 * @SINTER_FORMAT_SNAPSHOT_DELETE_EXCEPT: remove all snapshots that are not in @names
 * @SINTER_FORMAT_SNAPSHOT_COMPARE: list what differs between the disk and the snapshot
 *
 * What a driver is asked to do.
 */
typedef enum {
    SINTER_FORMAT_SNAPSHOT_CREATE,
    SINTER_FORMAT_SNAPSHOT_APPLY,
    SINTER_FORMAT_SNAPSHOT_DELETE,
    SINTER_FORMAT_SNAPSHOT_DELETE_EXCEPT,
    SINTER_FORMAT_SNAPSHOT_COMPARE,
} SinterFormatSnapshotKind;

/**
 * SinterFormatSnapshot:
 * @kind: what to do
 * @name: CREATE: name of the new snapshot; otherwise name or id of an existing one
 * @key: how @name is compared; unused for CREATE
 * @date_usec: CREATE: microseconds since 1970
 * @names: DELETE_EXCEPT: ids or names, %NULL-terminated; each must exist
 * @changes: COMPARE: (element-type SinterSnapshotChange): receives the differences
 */
typedef struct {
    SinterFormatSnapshotKind kind;
    const char *name;
    SinterSnapshotKey key;
    gint64 date_usec;
    const char *const *names;
    GArray *changes;
} SinterFormatSnapshot;

/**
 * SinterFormatBitmaps:
 * @name: name of the bitmap to change
 * @actions: the actions, done in order
 * @n_actions: number of actions
 * @source: (nullable): an image, open for reading and locked, that holds the sources of merges;
 *   %NULL: the image itself
 * @source_is_empty: @source has no bitmaps because its format has none; otherwise @source is of the
 *   driver's own format
 * @n_done: (out): number of actions that succeeded
 *
 * Changes of a dirty bitmap. If an action fails, those before it are kept.
 */
typedef struct {
    const char *name;
    const SinterBitmapAction *actions;
    gsize n_actions;
    SinterIo *source;
    gboolean source_is_empty;
    gsize n_done;
} SinterFormatBitmaps;

/**
 * SinterFormatMeasure:
 * @virtual_size: size of the disk
 * @count_data: (nullable): sets @ret to the number of bytes in clusters of @cluster_size bytes that
 *   hold data; %NULL for an empty disk
 * @data: for @count_data
 * @top: (nullable): the image that holds the content; %NULL for an empty disk
 * @bitmaps: (nullable) (element-type SinterBitmapInfo): bitmaps of @top; %NULL if its format has
 *   none, or if none are copied
 *
 * The disk for which an image is measured.
 */
typedef struct {
    guint64 virtual_size;
    gboolean (*count_data)(guint64 cluster_size, guint64 *ret, gpointer data, GError **error);
    gpointer data;
    const SinterImageInfo *top;
    GPtrArray *bitmaps;
} SinterFormatMeasure;

G_END_DECLS
