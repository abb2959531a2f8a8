/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:create
 *
 * Makes new disk images.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR that begins with the image's path.
 * Threads: any; one image is made by one thread.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterPreallocation:
 *
 * @SINTER_PREALLOCATION_OFF: host space is taken when the guest writes
 * @SINTER_PREALLOCATION_METADATA: the mapping is complete, the file is sparse
 * @SINTER_PREALLOCATION_FALLOC: and the host's file system has set the space aside
 * @SINTER_PREALLOCATION_FULL: and all of it was written
 */
typedef enum {
    SINTER_PREALLOCATION_OFF,
    SINTER_PREALLOCATION_METADATA,
    SINTER_PREALLOCATION_FALLOC,
    SINTER_PREALLOCATION_FULL,
} SinterPreallocation;

/**
 * SinterCreateOptions:
 * @format: "qcow2" or "raw"
 * @virtual_size: of the disk; rounded up to sectors of 512
 * @preallocation: for raw images METADATA is not allowed
 * @version: 2 (compat 0.10) or 3 (compat 1.1); 0 for 3. This and all below is for qcow2.
 * @cluster_size: a power of two from 512 to 2 MiB; 0 for 64 KiB
 * @refcount_bits: a power of two from 1 to 64; 0 for 16
 * @lazy_refcounts: writers may leave reference counts stale
 * @extended_l2: 32 subclusters in each cluster
 * @compression: (nullable): "zlib" or "zstd"; %NULL for zlib
 * @backing_name: (nullable): stored as it is; the file is neither opened nor looked for
 * @backing_format: (nullable): its format; must be given with @backing_name
 * @data_file_name: (nullable): the guest's data goes there; a relative name is relative to the
 *   image's folder. The file is made, or emptied where it exists.
 * @data_file_raw: the data file is by itself a raw image of the disk
 * @nocow: the file system is not to copy on write what is overwritten, for images of any format.
 *   Only btrfs knows this, and for a file that is empty; elsewhere it does nothing.
 * @extent_size_hint: bytes, 0 for none: the file system takes space in such pieces, for images of
 *   any format; XFS knows this. At most %G_MAXUINT32
 * @warn: (nullable): is told that the hint could not be set, which is no error
 * @warn_data: for @warn
 *
 * The last four are of files; a block device has none.
 */
typedef struct {
    const char *format;
    guint64 virtual_size;
    SinterPreallocation preallocation;
    guint version;
    guint cluster_size;
    guint refcount_bits;
    gboolean lazy_refcounts;
    gboolean extended_l2;
    const char *compression;
    const char *backing_name;
    const char *backing_format;
    const char *data_file_name;
    gboolean data_file_raw;
    gboolean nocow;
    guint64 extent_size_hint;
    void (*warn)(const char *text, gpointer warn_data);
    gpointer warn_data;
} SinterCreateOptions;

/**
 * sinter_image_create:
 * @fs: (nullable): where the image is made; %NULL for the host's files
 * @path: the image: a new file (mode 0600), a block device, or a file that exists, whose content
 *   is lost. One that is in use is a LOCKED error.
 *
 * Makes an empty image. When it returns %TRUE the image and its name are durable. The image's
 * first bytes are written last, so that after a crash there is no image or a whole one. On
 * failure new files are removed; content that a file had before is lost once writing began.
 */
gboolean sinter_image_create(SinterFs *fs, const char *path, const SinterCreateOptions *options,
                             GError **error);

G_END_DECLS
