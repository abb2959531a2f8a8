/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"
#include "sinter-worker-task.h"

G_BEGIN_DECLS

/**
 * SinterCheckFiles:
 *
 * The images of a check: those that a worker can check now, open and locked against writers, and a
 * report on each of the others. The locks last as long as the worker and this object.
 */
typedef struct _SinterCheckFiles SinterCheckFiles;

/**
 * sinter_check_files_open:
 * @disk: (nullable): as just scanned; %NULL for the check of a file
 *
 * Opens each image that @plan wants to be checked; for a repair for writing, and locked
 * exclusively. One that is in use by a writer, or that cannot
 * be opened, gets a report that it has failed. Blocking.
 */
SinterCheckFiles *sinter_check_files_open(const SinterDiskPlan *plan, const SinterDisk *disk);
void sinter_check_files_free(SinterCheckFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterCheckFiles, sinter_check_files_free)

/* (nullable): why the first image that could not be opened could not */
const GError *sinter_check_files_get_error(const SinterCheckFiles *files);

guint sinter_check_files_get_n_open(const SinterCheckFiles *files);

/* Creates the undo files of the open images of a repair. */
gboolean sinter_check_files_make_undo_files(SinterCheckFiles *files, const char *undo_dir,
                                            const char *job_id, GError **error);

/* @task: (out caller-allocates): what a worker needs. @files must exist until it is started. */
void sinter_check_files_make_task(const SinterCheckFiles *files, SinterWorkerAction action,
                                  SinterWorkerTask *task);

/* (transfer full) (element-type SinterImageReport): the reports on all images, in the order of the
 * chain. @from_worker: (element-type SinterImageReport): by place in the task, %NULL where none
 * came; taken out of the array */
GPtrArray *sinter_check_files_take_reports(SinterCheckFiles *files, GPtrArray *from_worker);

G_END_DECLS
