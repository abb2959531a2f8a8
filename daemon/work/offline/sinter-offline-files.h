/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"
#include "sinter-worker-task.h"

G_BEGIN_DECLS

/**
 * SinterOfflineFiles:
 *
 * The images of a shut-off domain's disk, opened and locked for an offline merge: exclusively if
 * the merge writes to them, otherwise against writers. The locks keep QEMU from starting the
 * domain. They are shared with the worker, which gets the descriptors, and last until both
 * processes have closed them: so they also last when a worker is killed.
 */
typedef struct _SinterOfflineFiles SinterOfflineFiles;

/**
 * sinter_offline_files_open:
 * @disk: as just scanned; of a plan whose layers are all files or block devices
 *
 * Opens each image by its path and verifies that it is the scanned file, so that renames or links
 * since the scan cannot redirect it to another file; and that each image's header names the next
 * image and its format. Blocking.
 *
 * Returns: %NULL with LOCKED and the holder of the lock if an image is in use; with CHAIN_CHANGED
 * if a path now leads to another file, or the chain in the definition contradicts the headers; with
 * UNSUPPORTED if only the definition names a format.
 */
SinterOfflineFiles *sinter_offline_files_open(const SinterDisk *disk, const SinterDiskPlan *plan,
                                              GError **error);

/* Closes and unlocks. Accepts %NULL. */
void sinter_offline_files_free(SinterOfflineFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterOfflineFiles, sinter_offline_files_free)

/* (transfer none): the format of the merge's destination */
const char *sinter_offline_files_get_result_format(const SinterOfflineFiles *files);

/* @task: (out caller-allocates): what a worker needs to merge; the images in the order of the
 * chain. @files must exist until the worker is started. */
void sinter_offline_files_make_task(const SinterOfflineFiles *files,
                                    guint64 bandwidth_bytes_per_sec, SinterWorkerTask *task);

G_END_DECLS
