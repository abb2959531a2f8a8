/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:convert
 *
 * Copies disks: their content, as the guest sees it, into an image or a stream.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a conversion may run in any
 * thread and uses some of its own; progress is told from the thread that calls.
 */

#include <gio/gio.h>
#include <sinter/chain.h>
#include <sinter/create.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterConvertFlags:
 *
 * @SINTER_CONVERT_EXISTING: write into the image that is there, which keeps its size and what
 *   follows. It must be large enough.
 * @SINTER_CONVERT_TARGET_IS_ZERO: with EXISTING: it reads as zeros all over, so zeros need no
 *   writing
 * @SINTER_CONVERT_FULL: zeros are written as such: the file takes all its space
 * @SINTER_CONVERT_SALVAGE: what cannot be read becomes zeros
 * @SINTER_CONVERT_UNORDERED: writes need not follow the order of the disk
 * @SINTER_CONVERT_DIRECT: pass by the page cache in writing, where the file system can
 * @SINTER_CONVERT_COMPRESS: data is compressed; clusters that are compressed as the target wants
 *   it move as they are
 * @SINTER_CONVERT_TOP_LAYER: write only what the sources' top images say: the target stands on
 *   the same as they do
 * @SINTER_CONVERT_OFFLOAD: leave copying to the kernel, where blocks may be shared; zeros are not
 *   looked for in data
 * @SINTER_CONVERT_BITMAPS: the target, which is qcow2 of version 3, gets copies of the dirty
 * bitmaps of the one source's top image
 * @SINTER_CONVERT_KEEP_FORMAT: nobody has stated the target's format: bytes that would make a raw
 *   target look like an image of another format are refused with UNSUPPORTED
 * @SINTER_CONVERT_SKIP_BROKEN_BITMAPS: leave out those that cannot be trusted, which are an error
 *   otherwise
 */
typedef enum {
    SINTER_CONVERT_DEFAULT = 0,
    SINTER_CONVERT_EXISTING = 1 << 0,
    SINTER_CONVERT_TARGET_IS_ZERO = 1 << 1,
    SINTER_CONVERT_FULL = 1 << 2,
    SINTER_CONVERT_SALVAGE = 1 << 3,
    SINTER_CONVERT_UNORDERED = 1 << 4,
    SINTER_CONVERT_DIRECT = 1 << 5,
    SINTER_CONVERT_COMPRESS = 1 << 6,
    SINTER_CONVERT_TOP_LAYER = 1 << 7,
    SINTER_CONVERT_OFFLOAD = 1 << 8,
    SINTER_CONVERT_BITMAPS = 1 << 9,
    SINTER_CONVERT_SKIP_BROKEN_BITMAPS = 1 << 10,
    SINTER_CONVERT_KEEP_FORMAT = 1 << 11,
} SinterConvertFlags;

/* A run of zeros of at least that much becomes a hole, where the caller does not say. */
#define SINTER_CONVERT_SPARSE_BYTES 4096

/**
 * SinterSalvageFunc:
 * @offset: in the target, of what could not be read
 * @error: why
 *
 * Called for each such stretch, one at a time, from any of the conversion's threads.
 */
typedef void (*SinterSalvageFunc)(guint64 offset, guint64 length, const GError *error,
                                  gpointer user_data);

/**
 * SinterConvertOptions:
 * @fs: (nullable): where the target is; %NULL for the host's files
 * @flags: see there
 * @has_part: copy a part of the disks, as they lie behind each other, and not all:
 * @part_offset: from here
 * @part_length: so much, or up to the end
 * @sparse_bytes: see %SINTER_CONVERT_SPARSE_BYTES, which 0 stands for; a multiple of 512
 * @rate_bytes_per_sec: at most; 0 for no limit
 * @n_threads: 0 for what fits the host
 * @cancellable: (nullable): cancelling it gives up with CANCELLED
 * @progress: (nullable): how far it is
 * @salvaged: (nullable): hears of what SALVAGE could not read
 * @salvaged_data: for @salvaged
 */
typedef struct {
    SinterFs *fs;
    SinterConvertFlags flags;
    gboolean has_part;
    guint64 part_offset;
    guint64 part_length;
    guint64 sparse_bytes;
    guint64 rate_bytes_per_sec;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
    SinterSalvageFunc salvaged;
    gpointer salvaged_data;
} SinterConvertOptions;

/**
 * sinter_convert_to_image:
 * @sources: (array length=n_sources): disks, one behind the other in the target
 * @path: the file or block device to write
 * @image: what the target is to be. Its size is that of what is copied, in whole sectors of 512,
 *   whatever is said here; with EXISTING nothing but the format counts.
 * @options: (nullable): %NULL is all zero
 *
 * Writes the content of @sources to @path. A success is durable.
 *
 * The target appears under its name when it is complete, and its data file right before it; a
 * failure leaves what stood there before. A file that it replaces is one that nobody has open, and
 * hands down its owner, permissions and label; a new one is for its owner alone, or readable for
 * all, as far as the umask allows, where all members of @sources are. Written in place, so that a
 * failure leaves it half done, are: with EXISTING, a block device, a file with several names, and
 * one whose owner cannot be handed down or whose folder takes no new file.
 *
 * A file that belongs to @sources, or to what the target stands on, is refused as a target.
 */
gboolean sinter_convert_to_image(SinterChain *const *sources, guint n_sources, const char *path,
                                 const SinterCreateOptions *image,
                                 const SinterConvertOptions *options, GError **error);

/**
 * sinter_convert_to_stream:
 * @fd: a descriptor that takes bytes in order, such as a pipe; stays the caller's
 * @name: what errors call it
 *
 * Writes the content of @sources to @fd, zeros included.
 */
gboolean sinter_convert_to_stream(SinterChain *const *sources, guint n_sources, int fd,
                                  const char *name, const SinterConvertOptions *options,
                                  GError **error);

G_END_DECLS
