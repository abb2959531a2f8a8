/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:bitmap
 *
 * Dirty bitmaps of disk images: which parts of the disk were written to since a bitmap was made or
 * cleared. They are listed by sinter_image_list_bitmaps().
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; one image is changed by
 * one thread.
 */

#include <glib.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/**
 * SinterBitmapActionKind:
 * @SINTER_BITMAP_ADD: make a bitmap, which is enabled and marks nothing
 * @SINTER_BITMAP_REMOVE: remove it; the only thing that can be done to one that is in use
 * @SINTER_BITMAP_CLEAR: mark nothing any more
 * @SINTER_BITMAP_ENABLE: whoever writes to the image marks it
 * @SINTER_BITMAP_DISABLE: nobody marks it
 * @SINTER_BITMAP_MERGE: mark what another bitmap marks as well
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
 * @kind: what is done
 * @granularity: ADD: bytes that a bit stands for, a power of two from 512; 0: as suits the image
 * @source: MERGE: the name of the other bitmap
 */
typedef struct {
    SinterBitmapActionKind kind;
    guint64 granularity;
    const char *source;
} SinterBitmapAction;

/**
 * SinterBitmapSource:
 * @path: an image, other than the one that is changed
 * @format: (nullable): its format; %NULL probes
 */
typedef struct {
    const char *path;
    const char *format;
} SinterBitmapSource;

/**
 * SinterBitmapChange:
 * @format: (nullable): the image's format; %NULL probes, which is right only for trusted content
 * @flags: how the image is opened
 * @name: of the bitmap
 * @actions: done one after the other
 * @n_actions: how many
 * @from: (nullable): where the sources of merges are; %NULL: in the image itself
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
 * @fs: (nullable): where the images are; %NULL for the host's files
 * @path: the image
 * @change: what is done
 * @ret_n_done: (out): how many of the actions went well. Where one fails, those before it are kept.
 *
 * When it returns %TRUE the change is durable. A crash at any moment leaves the bitmaps as they
 * were, or as they were to be, with leaks at worst.
 */
gboolean sinter_bitmap_change(SinterFs *fs, const char *path, const SinterBitmapChange *change,
                              gsize *ret_n_done, GError **error);

G_END_DECLS
