/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:resize
 *
 * Resizes disk images.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; only one thread may
 * change a given image.
 */

#include <glib.h>
#include <sinter/create.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/**
 * SinterResizeOptions:
 * @size: new size of the disk; for qcow2 a multiple of 512
 * @preallocation: for the added part of the disk; must be %SINTER_PREALLOCATION_OFF if the disk
 *   does not grow
 * @shrink: whether the disk may shrink, which loses the content beyond the new end. If %FALSE,
 *   shrinking fails with INVALID_ARGUMENT.
 */
typedef struct {
    guint64 size;
    SinterPreallocation preallocation;
    gboolean shrink;
} SinterResizeOptions;

/**
 * sinter_image_resize:
 * @fs: (nullable): the set of files that the image is in; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes, which is safe only for trusted content
 *
 * The added part reads as zeros. Internal snapshots keep their size; dirty bitmaps are resized, and
 * do not mark the added part. When it returns %TRUE the change is durable. A crash at any moment
 * leaves a disk of the old or the new size, with its content; some space may then be leaked, and
 * dirty bitmaps may be marked inconsistent.
 */
gboolean sinter_image_resize(SinterFs *fs, const char *path, const char *format,
                             SinterHandleFlags flags, const SinterResizeOptions *options,
                             GError **error);

G_END_DECLS
