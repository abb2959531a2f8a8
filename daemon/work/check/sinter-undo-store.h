/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-file.h"

G_BEGIN_DECLS

/* How many undo files are kept and for how long; 0: no limit. */
typedef struct {
    guint max_files;
    guint max_days;
} SinterUndoLimits;

/*
 * The folder of undo files: "jobID-IMAGE-TRY.undo", where IMAGE is the place of the image in the
 * chain. A repair that was interrupted leaves the files of its former tries. Blocking. Any thread,
 * but one thread for each job.
 */

/* Creates an empty undo file, 0600, whose name is durable, and the folder if it is absent. -1 with
 * an error. */
int sinter_undo_store_create(const char *dir, const char *job_id, guint image, GError **error);

/* (transfer full): the undo files of the job that hold anything, in the order of their creation;
 * removes those that are empty. */
char **sinter_undo_store_collect(const char *dir, const char *job_id);

/* Removes the undo files of other jobs that the limits do not allow, the oldest first. */
void sinter_undo_store_rotate(const char *dir, const char *job_id, const SinterUndoLimits *limits);

G_END_DECLS
