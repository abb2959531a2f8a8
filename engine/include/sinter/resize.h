/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:resize
 *
 * Gives disk images another size.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: any; one image is changed by
 * one thread.
 */

#include <glib.h>
#include <sinter/create.h>
#include <sinter/handle.h>

G_BEGIN_DECLS

/**
 * SinterResizeOptions:
 * @size: of the disk from now on; for qcow2 a multiple of 512
 * @preallocation: for what is added to the disk; %SINTER_PREALLOCATION_OFF where nothing is
 * @shrink: whether the disk may get smaller, by which what lies behind its end is lost. %FALSE
 *   makes that an INVALID_ARGUMENT error.
 */
typedef struct {
    guint64 size;
    SinterPreallocation preallocation;
    gboolean shrink;
} SinterResizeOptions;

/**
 * sinter_image_resize:
 * @fs: (nullable): where the image is; %NULL for the host's files
 * @path: the image
 * @format: (nullable): its format; %NULL probes, which is right only for trusted content
 *
 * What is added reads as zeros. Internal snapshots keep the size that they have; dirty bitmaps go
 * along, and mark nothing of what is added. When it returns %TRUE the change is durable. A crash at
 * any moment leaves a disk of the old size or the new one, with its content; space may then not be
 * given back, and dirty bitmaps not be trusted.
 */
gboolean sinter_image_resize(SinterFs *fs, const char *path, const char *format,
                             SinterHandleFlags flags, const SinterResizeOptions *options,
                             GError **error);

G_END_DECLS
