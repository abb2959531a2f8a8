/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"
#include "sinter-worker-task.h"

G_BEGIN_DECLS

/**
 * SinterResolveFiles:
 *
 * The images of the two chains of a job that is in doubt, opened for reading and locked against
 * writers, so that no QEMU can start on either chain. The locks last as long as this object and a
 * worker that got the descriptors.
 */
typedef struct _SinterResolveFiles SinterResolveFiles;

/**
 * sinter_resolve_files_open:
 * @disk: as just scanned, with the chain from before the pivot
 * @plan: of a job that ends with a pivot
 *
 * Returns: %NULL with LOCKED and the holder if an image is in use by a writer. Blocking.
 */
SinterResolveFiles *sinter_resolve_files_open(const SinterDisk *disk, const SinterDiskPlan *plan,
                                              GError **error);
void sinter_resolve_files_free(SinterResolveFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterResolveFiles, sinter_resolve_files_free)

/* @task: (out caller-allocates): a comparison of the two chains. @files must exist until the worker
 * is started. */
void sinter_resolve_files_make_task(const SinterResolveFiles *files, SinterWorkerTask *task);

/* (transfer full) (element-type SinterImageReport): on the old image and on the new one, with the
 * times at which they were last written. @compared: (transfer full) (nullable): the worker's
 * report; without it, the images could not be compared because of @failure. */
GPtrArray *sinter_resolve_files_report(const SinterResolveFiles *files, SinterImageReport *compared,
                                       const char *failure);

G_END_DECLS
