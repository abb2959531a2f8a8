/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:bitmap
 *
 * Dirty bitmaps of disk images. A dirty bitmap records which parts of the disk were written since
 * it was created or cleared. sinter_image_list_bitmaps() lists them.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; only one thread may
 * change a given image.
 */

#include <glib.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/**
 * SinterBitmapActionKind:
 * @SINTER_BITMAP_ADD: create a bitmap, enabled and clear
 * @SINTER_BITMAP_REMOVE: remove it; the only action allowed for an inconsistent (in-use) bitmap
 * @SINTER_BITMAP_CLEAR: clear all bits
 * @SINTER_BITMAP_ENABLE: writes to the image are recorded in it
 * @SINTER_BITMAP_DISABLE: writes are no longer recorded in it
 * @SINTER_BITMAP_MERGE: add the set bits of another bitmap
 */
typedef enum {
    SINTER_BITMAP_ADD,
    SINTER_BITMAP_REMOVE,
    SINTER_BITMAP_CLEAR,
    SINTER_BITMAP_ENABLE,
    SINTER_BITMAP_DISABLE,
    SINTER_BITMAP_MERGE,
} SinterBitmapActionKind;

/**
 * SinterBitmapAction:
 * @kind: the action
 * @granularity: ADD: bytes per bit, a power of two from 512; 0 for a default that suits the image
 * @source: MERGE: name of the other bitmap
 */
typedef struct {
    SinterBitmapActionKind kind;
    guint64 granularity;
    const char *source;
} SinterBitmapAction;

/**
 * SinterBitmapSource:
 * @path: an image other than the one that is changed
 * @format: (nullable): its format; %NULL probes
 */
typedef struct {
    const char *path;
    const char *format;
} SinterBitmapSource;

/**
 * SinterBitmapChange:
 * @format: (nullable): the image's format; %NULL probes, which is safe only for trusted content
 * @flags: how to open the image
 * @name: name of the bitmap
 * @actions: the actions, done in order
 * @n_actions: number of actions
 * @from: (nullable): the image that holds the sources of merges; %NULL for the image itself
 */
typedef struct {
    const char *format;
    SinterHandleFlags flags;
    const char *name;
    const SinterBitmapAction *actions;
    gsize n_actions;
    const SinterBitmapSource *from;
} SinterBitmapChange;

/**
 * sinter_bitmap_change:
 * @fs: (nullable): the set of files that the images are in; %NULL for the host's files
 * @path: the image
 * @change: the change
 * @ret_n_done: (out): number of actions that succeeded. If one fails, those before it are kept.
 *
 * When it returns %TRUE the change is durable. A crash at any moment leaves the bitmaps in the old
 * or the new state, with leaks at worst.
 */
gboolean sinter_bitmap_change(SinterFs *fs, const char *path, const SinterBitmapChange *change,
                              gsize *ret_n_done, GError **error);

G_END_DECLS
