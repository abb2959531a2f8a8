/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:create
 *
 * Creates disk images.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR; messages begin with the image's path.
 * Threads: any; only one thread may create a given image.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterPreallocation:
 *
 * @SINTER_PREALLOCATION_OFF: host space is allocated when the guest writes
 * @SINTER_PREALLOCATION_METADATA: all mapping metadata is allocated; the data is sparse
 * @SINTER_PREALLOCATION_FALLOC: like METADATA, and the host's file system reserves the space
 * @SINTER_PREALLOCATION_FULL: like METADATA, and all of the space is written
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
 * @virtual_size: size of the disk; rounded up to sectors of 512
 * @preallocation: METADATA is not allowed for raw images
 * @version: 2 (compat 0.10) or 3 (compat 1.1); 0 for 3. This and the following members up to
 *   @data_file_raw are for qcow2.
 * @cluster_size: a power of two from 512 to 2 MiB; 0 for 64 KiB
 * @refcount_bits: a power of two from 1 to 64; 0 for 16
 * @lazy_refcounts: writers may leave reference counts stale
 * @extended_l2: 32 subclusters per cluster
 * @compression: (nullable): "zlib" or "zstd"; %NULL for zlib
 * @backing_name: (nullable): stored unchanged; the file is neither opened nor checked for existence
 * @backing_format: (nullable): its format; required with @backing_name
 * @data_file_name: (nullable): the external data file; a relative name is relative to the image's
 *   folder. The file is created, or emptied if it exists.
 * @data_file_raw: the data file is a valid raw image of the disk on its own
 * @nocow: disable the file system's copy-on-write for the files, for images of any format. Only
 *   btrfs supports this, for empty files; other file systems ignore it.
 * @extent_size_hint: the unit in bytes in which the file system allocates space, for images of any
 *   format; 0 for none, at most %G_MAXUINT32. XFS supports this.
 * @readable: new files may be read by everybody as far as the umask allows, unless the backing file
 *   may not; otherwise only their owner may access them
 * @warn: (nullable): called if the hint could not be set, which is not an error
 * @warn_data: for @warn
 *
 * The last five members apply to files only, not to block devices.
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
    gboolean readable;
    void (*warn)(const char *text, gpointer warn_data);
    gpointer warn_data;
} SinterCreateOptions;

/**
 * sinter_image_create:
 * @fs: (nullable): the set of files to create the image in; %NULL for the host's files
 * @path: the image: a new file, a block device, or an existing file, whose content is
 *   lost. Fails with LOCKED if it is in use.
 *
 * Creates an empty image. When it returns %TRUE the image and its directory entry are durable. The
 * image's first bytes are written last, so after a crash there is either no image or a complete
 * one. On failure new files are removed; the previous content of an existing file is lost once
 * writing has begun.
 */
gboolean sinter_image_create(SinterFs *fs, const char *path, const SinterCreateOptions *options,
                             GError **error);

G_END_DECLS
