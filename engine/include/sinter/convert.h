/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:convert
 *
 * Copies the content of disks, as the guest sees it, into an image or a stream.
 *
 * Units: bytes. Errors: #GError of the domain %SINTER_ERROR. Threads: a conversion may run in any
 * thread and starts threads of its own; progress is reported in the calling thread.
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
 * @SINTER_CONVERT_EXISTING: write into the existing image, which keeps its size and the content
 *   beyond what is copied. It must be large enough.
 * @SINTER_CONVERT_TARGET_IS_ZERO: with EXISTING: the whole image reads as zeros, so zeros are not
 *   written
 * @SINTER_CONVERT_FULL: write zeros as data: the file is fully allocated
 * @SINTER_CONVERT_SALVAGE: write zeros for ranges that cannot be read
 * @SINTER_CONVERT_UNORDERED: writes need not follow the order of the disk
 * @SINTER_CONVERT_DIRECT: bypass the page cache in writing if the file system supports it
 * @SINTER_CONVERT_COMPRESS: compress data; clusters that are already compressed in the target's way
 *   are copied unchanged
 * @SINTER_CONVERT_TOP_LAYER: write only what the sources' top images hold: the target has the same
 *   backing file
 * @SINTER_CONVERT_OFFLOAD: let the kernel copy, which may share blocks; data is not searched for
 *   zeros
 * @SINTER_CONVERT_BITMAPS: copy the dirty bitmaps of the top image of the only source into the
 *   target, which must be qcow2 version 3
 * @SINTER_CONVERT_KEEP_FORMAT: the target's format was not stated: fail with UNSUPPORTED if the
 *   content would make a raw target look like an image of another format
 * @SINTER_CONVERT_SKIP_BROKEN_BITMAPS: with BITMAPS: skip inconsistent bitmaps, which are an error
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

/* Default for @sparse_bytes: a run of at least this many zero bytes becomes a hole. */
#define SINTER_CONVERT_SPARSE_BYTES 4096

/**
 * SinterSalvageFunc:
 * @offset: offset in the target of the range that could not be read
 * @error: the cause
 *
 * Called for each such range, one call at a time, from any of the conversion's threads.
 */
typedef void (*SinterSalvageFunc)(guint64 offset, guint64 length, const GError *error,
                                  gpointer user_data);

/**
 * SinterConvertOptions:
 * @fs: (nullable): the set of files that the target is in; %NULL for the host's files
 * @flags: see #SinterConvertFlags
 * @has_part: copy only a part of the concatenated disks
 * @part_offset: start of that part
 * @part_length: its length, limited by the end of the disks
 * @sparse_bytes: a multiple of 512; 0 for %SINTER_CONVERT_SPARSE_BYTES
 * @rate_bytes_per_sec: rate limit in bytes per second; 0 for no limit
 * @n_threads: number of threads; 0 to choose by the host
 * @cancellable: (nullable): cancelling it ends the conversion with CANCELLED
 * @progress: (nullable): receives the progress
 * @salvaged: (nullable): called for ranges that SALVAGE could not read
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
 * @sources: (array length=n_sources): disks, concatenated in the target
 * @path: the file or block device to write
 * @image: properties of the target. Its size is ignored: the target has the size of the copied
 *   content, rounded up to sectors of 512; with EXISTING only the format is used.
 * @options: (nullable): %NULL for all defaults (zero)
 *
 * Writes the content of @sources to @path. On success the target is durable.
 *
 * The target appears under its name only when it is complete, its data file immediately before it;
 * on failure an existing file stays unchanged. A file is replaced only if no process has it open;
 * the new file gets its owner, permissions and label. A target that did not exist is accessible to
 * its owner only, or readable by all, within the umask, if all members of @sources are. The target
 * is written in place, so that a failure leaves it incomplete, in these cases: with EXISTING, a
 * block device, a file with several hard links, a file whose owner cannot be preserved, and a
 * folder in which no file can be created.
 *
 * A file that belongs to @sources, or to the target's backing chain, is refused as a target.
 */
gboolean sinter_convert_to_image(SinterChain *const *sources, guint n_sources, const char *path,
                                 const SinterCreateOptions *image,
                                 const SinterConvertOptions *options, GError **error);

/**
 * sinter_convert_to_stream:
 * @fd: a descriptor that is written sequentially, such as a pipe; the caller keeps it
 * @name: its name in errors
 *
 * Writes the content of @sources to @fd, including zeros.
 */
gboolean sinter_convert_to_stream(SinterChain *const *sources, guint n_sources, int fd,
                                  const char *name, const SinterConvertOptions *options,
                                  GError **error);

G_END_DECLS
