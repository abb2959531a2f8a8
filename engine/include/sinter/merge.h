/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:merge
 *
 * Merges several consecutive images of a chain into one.
 *
 * The images from a top down to a base, both included, are called the range here. Merging down
 * moves the content of all other images of the range into the base; merging up moves it into the
 * top. The image above the range then gets the result as its backing file. Through it, and through
 * every image further up, the disk reads the same at every moment.
 *
 * Units: bytes, unless a name says otherwise. Errors: #GError of the domain %SINTER_ERROR. Threads:
 * a merge may run in any thread and starts threads of its own; progress is reported in the calling
 * thread. A plan is a plain value.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterMergeDirection:
 *
 * @SINTER_MERGE_CHEAPER: the direction that moves less data
 * @SINTER_MERGE_DOWN: into the base
 * @SINTER_MERGE_UP: into the top
 */
typedef enum {
    SINTER_MERGE_CHEAPER,
    SINTER_MERGE_DOWN,
    SINTER_MERGE_UP,
} SinterMergeDirection;

/**
 * SinterMergeFlags:
 *
 * @SINTER_MERGE_DROP_SHADOWED: do not move content that images above the range override. The disk
 *   is the same, but the result read on its own differs from the range: use it only if no other
 *   image is backed by the range.
 * @SINTER_MERGE_DELETE: remove the files that the chain no longer uses, after the result is durable
 * @SINTER_MERGE_PROBE: probe formats that are not stated; safe only if the content is trusted
 * @SINTER_MERGE_NO_JOURNAL: do not write a journal: for callers that keep their own, or whose set
 *   of files cannot create files. Not allowed with DELETE.
 * @SINTER_MERGE_BITMAPS: the result gets the dirty bitmaps of the range, as in a merge by QEMU and
 *   libvirt: those that every image from the chain's top down to the range has under the same name,
 *   enabled and consistent. A result whose format has no bitmaps gets none.
 */
typedef enum {
    SINTER_MERGE_DEFAULT = 0,
    SINTER_MERGE_DROP_SHADOWED = 1 << 0,
    SINTER_MERGE_DELETE = 1 << 1,
    SINTER_MERGE_PROBE = 1 << 2,
    SINTER_MERGE_NO_JOURNAL = 1 << 3,
    SINTER_MERGE_BITMAPS = 1 << 4,
} SinterMergeFlags;

/**
 * SinterMergeOptions:
 * @fs: (nullable): the set of files; %NULL for the host's files
 * @format: (nullable): format of the chain's top image; %NULL only with PROBE
 * @top: (nullable): the highest member of the range; %NULL for the chain's top image
 * @base: (nullable): the lowest member of the range; %NULL for the chain's base. A member is named
 *   by its path, by its name as stored in its overlay, or by any other path of the same file.
 * @remove: (nullable): used instead of @top and @base: the image to remove from the chain. It is
 *   merged with the image above or below it, whichever moves less data; its own file is the one
 *   left over.
 * @direction: see #SinterMergeDirection
 * @flags: see #SinterMergeFlags
 * @rate_bytes_per_sec: rate limit in bytes per second; 0 for no limit
 * @rate_now: (nullable): used instead of @rate_bytes_per_sec and re-read while the merge runs: any
 *   thread may atomically store another limit there
 * @n_threads: number of threads; 0 to choose by the host
 * @cancellable: (nullable): cancelling it ends the merge with CANCELLED; has no effect after the
 *   result is linked
 * @progress: (nullable): receives the progress
 */
typedef struct {
    SinterFs *fs;
    const char *format;
    const char *top;
    const char *base;
    const char *remove;
    SinterMergeDirection direction;
    SinterMergeFlags flags;
    guint64 rate_bytes_per_sec;
    const guint64 *rate_now;
    guint n_threads;
    GCancellable *cancellable;
    SinterProgress *progress;
} SinterMergeOptions;

/**
 * SinterMergePlan:
 * @direction: DOWN or UP
 * @members: the images of the range, the top first
 * @result: the member that holds the merged content
 * @result_format: its format
 * @child: (nullable): the image above the range, whose backing file becomes @result
 * @backing: (nullable): the backing file of @result after the merge
 * @leftover: the members that the chain no longer uses, in the order of their removal
 * @deletes: whether they are removed
 * @lost_bitmaps: names of the dirty bitmaps of @leftover; the result does not have them
 * @lost_bitmap_files: for each of @lost_bitmaps, the image that has it
 * @bytes_to_move: amount of data that the merge copies
 * @bytes_down: amount to copy when merging down, %G_MAXUINT64 if not possible
 * @bytes_up: likewise when merging up
 * @why_not_down: (nullable): why merging down is not possible, as a clause
 * @why_not_up: (nullable): likewise
 * @bytes_shadowed: amount of the range's data that images above it override
 * @space_before: host space of the members before the merge
 * @space_after: maximum host space after the merge
 * @space_peak: maximum host space during the merge
 * @expected_sec: rough estimate of the duration, at the rate limit or at a typical disk's rate
 * @resumes: whether an interrupted merge is continued
 */
typedef struct {
    SinterMergeDirection direction;
    char **members;
    char *result;
    char *result_format;
    char *child;
    char *backing;
    char **leftover;
    gboolean deletes;
    char **lost_bitmaps;
    char **lost_bitmap_files;
    guint64 bytes_to_move;
    guint64 bytes_down;
    guint64 bytes_up;
    char *why_not_down;
    char *why_not_up;
    guint64 bytes_shadowed;
    guint64 space_before;
    guint64 space_after;
    guint64 space_peak;
    guint64 expected_sec;
    gboolean resumes;
} SinterMergePlan;

/**
 * sinter_merge_plan_new:
 * @path: the chain's top image
 *
 * Returns what sinter_merge() would do with the same arguments. Changes nothing.
 *
 * Returns: (transfer full): free with sinter_merge_plan_free().
 */
SinterMergePlan *sinter_merge_plan_new(const char *path, const SinterMergeOptions *options,
                                       GError **error);

/* Accepts %NULL. */
void sinter_merge_plan_free(SinterMergePlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterMergePlan, sinter_merge_plan_free)

/**
 * sinter_merge:
 * @path: the chain's top image: the images above the range are checked for users, too
 * @ret_plan: (out) (optional) (transfer full): what was done; also set if the merge fails after the
 *   chain has the result, so that only files are left to be removed
 *
 * Merges the range. On success the result is durable. All images of the chain are locked during the
 * merge; if one is in use, fails with LOCKED and names the user.
 *
 * Unless %SINTER_MERGE_NO_JOURNAL is set or @path is a device, a journal, a small file beside
 * @path, exists from before the first change until the end. After any interruption, repeating the
 * call finishes the merge. A journal that does not match the chain, or that belongs to a different
 * call, is an error.
 *
 * This function cannot know of images outside the chain that are backed by images of the range.
 * Merging down invalidates those that are backed by the base or by a member above it; merging up
 * does not affect those that are backed by members below the top, unless files are deleted.
 */
gboolean sinter_merge(const char *path, const SinterMergeOptions *options,
                      SinterMergePlan **ret_plan, GError **error);

G_END_DECLS
