/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:merge
 *
 * Makes one image of several that follow on each other in a chain.
 *
 * The images from a top down to a base, both of them included, are the stretch. Merged down, all
 * that the others decide moves into the base; merged up, all that the others decide moves into the
 * top. The image above the stretch is then put onto the result. What the disk holds is the same
 * through it, and through every image further up, at every moment.
 *
 * Units: bytes, unless a name says otherwise. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: a merge may run in any thread and uses some of its own; progress is told from the
 * thread that calls. A plan is a plain value.
 */

#include <gio/gio.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/* See sinter-progress.h. */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterMergeDirection:
 *
 * @SINTER_MERGE_CHEAPER: the one that moves less
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
 * @SINTER_MERGE_DROP_SHADOWED: leave out what images above the stretch decide anyway. The disk is
 *   the same, but the result by itself is no longer what the stretch was: only where nobody else
 *   stands on it.
 * @SINTER_MERGE_DELETE: remove the files that were merged away, when the result is durable
 * @SINTER_MERGE_PROBE: tell formats by the content where nobody says them; right only where the
 *   content is trusted
 * @SINTER_MERGE_NO_JOURNAL: write none: for callers that keep one of their own, or whose set of
 *   files takes no new names. Not with DELETE.
 */
typedef enum {
    SINTER_MERGE_DEFAULT = 0,
    SINTER_MERGE_DROP_SHADOWED = 1 << 0,
    SINTER_MERGE_DELETE = 1 << 1,
    SINTER_MERGE_PROBE = 1 << 2,
    SINTER_MERGE_NO_JOURNAL = 1 << 3,
} SinterMergeFlags;

/**
 * SinterMergeOptions:
 * @fs: (nullable): where the files are; %NULL for the host's
 * @format: (nullable): of the chain's top image; %NULL only with PROBE
 * @top: (nullable): the highest member of the stretch; %NULL for the chain's top image
 * @base: (nullable): its lowest member; %NULL for the chain's base. A member is named by its path,
 *   by its name as the image above stores it, or by any other path of that file.
 * @remove: (nullable): in place of @top and @base: the image to take out of the chain. It is merged
 *   with the one above or below it, whatever moves less; its own file is the one that is left over.
 * @direction: see there
 * @flags: see there
 * @rate_bytes_per_sec: at most; 0 for no limit
 * @rate_now: (nullable): in its place, looked at again and again while the merge runs: any thread
 *   may store another limit there, atomically
 * @n_threads: 0 for what fits the host
 * @cancellable: (nullable): cancelling it gives up with CANCELLED; heard until the result is linked
 * @progress: (nullable): how far it is
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
 * @members: the stretch's images, the top first
 * @result: which of them holds all of it in the end
 * @result_format: its format
 * @child: (nullable): the image above, which is put onto @result where it is not already
 * @backing: (nullable): what @result stands on in the end
 * @leftover: the members that nothing of the chain needs any longer, in the order of their removal
 * @deletes: they are removed
 * @bytes_to_move: data that the merge reads and writes
 * @bytes_down: what it would be down, %G_MAXUINT64 where that cannot be
 * @bytes_up: likewise
 * @why_not_down: (nullable): why it cannot be, a clause
 * @why_not_up: (nullable): likewise
 * @bytes_shadowed: of the stretch's data that images above it decide anyway
 * @space_before: host space that the members take
 * @space_after: what they take in the end, at most
 * @space_peak: the most that they take meanwhile, at most
 * @expected_sec: at the rate that is asked for, or that disks of today have; a rough figure
 * @resumes: it goes on with one that was interrupted
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
 * What sinter_merge() with the same arguments would do. Changes nothing.
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
 * @path: the chain's top image: all above the stretch is looked at, so that nobody uses it
 * @ret_plan: (out) (optional) (transfer full): what was done
 *
 * Merges. A success is durable. All images of the chain are locked meanwhile; one that is in use is
 * a LOCKED error that names who has it.
 *
 * Unless told otherwise, or where @path is a device, a journal, a small file beside @path, is kept
 * from before the first change to the end. When the merge is interrupted, by whatever, the same call finishes it. A journal that
 * does not fit what is found, or that another call left, is an error that says so.
 *
 * Images outside of the chain that stand on one of the stretch's cannot be known here: merged down,
 * those on the base or on a member above it are ruined; merged up, nothing changes for those on
 * members below the top, as long as files are not deleted.
 */
gboolean sinter_merge(const char *path, const SinterMergeOptions *options,
                      SinterMergePlan **ret_plan, GError **error);

G_END_DECLS
