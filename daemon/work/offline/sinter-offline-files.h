/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"
#include "sinter-worker-message.h"

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

guint sinter_offline_files_get_n(const SinterOfflineFiles *files);

/* The open image at index @place; 0 is the active layer. */
int sinter_offline_files_get_fd(const SinterOfflineFiles *files, guint place);

/* The merge's destination, opened a second time with O_DIRECT; -1: unavailable. */
int sinter_offline_files_get_direct_fd(const SinterOfflineFiles *files);

/* (transfer none): the format of the merge's destination */
const char *sinter_offline_files_get_result_format(const SinterOfflineFiles *files);

/*
 * (transfer full): the request for the worker; the image at index N is descriptor @first_fd + N,
 * the O_DIRECT descriptor follows the last one
 */
SinterWorkerRequest *sinter_offline_files_make_request(const SinterOfflineFiles *files,
                                                       guint first_fd,
                                                       guint64 bandwidth_bytes_per_sec);

G_END_DECLS
