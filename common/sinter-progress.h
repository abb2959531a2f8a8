/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:progress
 *
 * How far a long piece of work is. Units: each step's own, told as parts of the whole. Errors: none.
 * Threads: a tree of progresses belongs to one thread.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterProgress:
 *
 * How far a piece of work is, as a tree: an operation hands each of its steps a child with a
 * weight, and the step counts in its own unit (bytes, clusters). Children add up to the root's
 * fraction. Passed down as an argument, never global; %NULL is a valid progress that tells
 * nobody, so callers need no checks.
 *
 * Threads: a tree belongs to the thread that works with it, and the root's callback runs there.
 */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterProgressFunc:
 * @fraction: 0 to 1, never smaller than the last time
 *
 * Called at most once for each thousandth, and once with exactly 1 when the root is finished.
 */
typedef void (*SinterProgressFunc)(double fraction, gpointer user_data);

/* (transfer full): a root, which tells @func. Free it with sinter_progress_free(). */
SinterProgress *sinter_progress_new(SinterProgressFunc func, gpointer user_data);
void sinter_progress_free(SinterProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterProgress, sinter_progress_free)

/**
 * sinter_progress_child:
 * @parent: (nullable): the step's parent, which must outlive the child
 * @weight: the part of @parent's whole that the child stands for, 0 to 1
 *
 * Returns: (transfer full) (nullable): the child; %NULL for a %NULL @parent.
 */
SinterProgress *sinter_progress_child(SinterProgress *parent, double weight);

/* Says how many units the work has in all. Without it only sinter_progress_finish() moves. */
void sinter_progress_set_total(SinterProgress *progress, guint64 n_units);

/* Says that @n_units more are done. */
void sinter_progress_advance(SinterProgress *progress, guint64 n_units);

/* Says that all of it is done, whatever was counted. */
void sinter_progress_finish(SinterProgress *progress);

G_END_DECLS
