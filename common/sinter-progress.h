/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:progress
 *
 * Progress of a long operation. Units: each step counts in its own unit; results are fractions of
 * the whole. Errors: none. Threads: a progress tree belongs to one thread.
 */

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterProgress:
 *
 * The progress of an operation, as a tree. An operation gives each of its steps a child with a
 * weight, and the step counts in its own unit (bytes, clusters). The children add up to the
 * fraction of the root. A progress is passed as an argument and is never global. %NULL is a valid
 * progress that reports nothing, so that callers need no checks.
 *
 * Threads: a tree belongs to the thread that runs the operation. The root's callback runs there.
 */
typedef struct _SinterProgress SinterProgress;

/**
 * SinterProgressFunc:
 * @fraction: 0 to 1, never smaller than in the previous call
 *
 * Called at most once for each thousandth, and once with exactly 1 when the root is finished.
 */
typedef void (*SinterProgressFunc)(double fraction, gpointer user_data);

/* (transfer full): a root, which calls @func. Free it with sinter_progress_free(). */
SinterProgress *sinter_progress_new(SinterProgressFunc func, gpointer user_data);
void sinter_progress_free(SinterProgress *progress);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterProgress, sinter_progress_free)

/**
 * sinter_progress_child:
 * @parent: (nullable): the parent of the step; must outlive the child
 * @weight: the part of @parent's work that the child represents, 0 to 1
 *
 * Returns: (transfer full) (nullable): the child; %NULL if @parent is %NULL
 */
SinterProgress *sinter_progress_child(SinterProgress *parent, double weight);

/* Sets the total number of units. Without it only sinter_progress_finish() changes the fraction. */
void sinter_progress_set_total(SinterProgress *progress, guint64 n_units);

/* Reports that @n_units more units are done. */
void sinter_progress_advance(SinterProgress *progress, guint64 n_units);

/* Reports that all work is done, regardless of the units counted so far. */
void sinter_progress_finish(SinterProgress *progress);

G_END_DECLS
