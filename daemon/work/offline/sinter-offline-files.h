/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-model.h"
#include "sinter-plan.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/**
 * SinterOfflineFiles:
 *
 * The images of a shut-off domain's disk, open and locked for an offline merge: what it writes to
 * for itself alone, the rest against writers. Who has locked an image keeps QEMU from starting the
 * domain. The locks are shared with the worker, to which the descriptors go, and last until both
 * have let go: so they outlive a worker that was killed.
 */
typedef struct _SinterOfflineFiles SinterOfflineFiles;

/**
 * sinter_offline_files_open:
 * @disk: as just scanned; of a plan whose layers are all files or block devices
 *
 * Opens each image by its path and makes sure that it is the one that was scanned, whatever was
 * renamed or linked meanwhile: it cannot be led to another file; and that each one's header names
 * the next, and its format. Blocking.
 *
 * Returns: %NULL with LOCKED, and by whom, where an image is in use; with CHAIN_CHANGED where a
 * path leads to another file by now, or a definition that holds a chain contradicts the headers;
 * with UNSUPPORTED where only the definition says a format.
 */
SinterOfflineFiles *sinter_offline_files_open(const SinterDisk *disk, const SinterDiskPlan *plan,
                                              GError **error);

/* Closes and unlocks. Accepts %NULL. */
void sinter_offline_files_free(SinterOfflineFiles *files);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterOfflineFiles, sinter_offline_files_free)

guint sinter_offline_files_get_n(const SinterOfflineFiles *files);

/* The open image at a place, 0 the active one. */
int sinter_offline_files_get_fd(const SinterOfflineFiles *files, guint place);

/* What the merge writes to, opened once more with O_DIRECT; -1: that cannot be had. */
int sinter_offline_files_get_direct_fd(const SinterOfflineFiles *files);

/* (transfer none): the format of the image that the merge writes to */
const char *sinter_offline_files_get_result_format(const SinterOfflineFiles *files);

/*
 * (transfer full): what the worker is told of them; the image at place N as @first_fd + N, what is
 * open with O_DIRECT behind the last one
 */
SinterWorkerRequest *sinter_offline_files_make_request(const SinterOfflineFiles *files,
                                                       guint first_fd,
                                                       guint64 bandwidth_bytes_per_sec);

G_END_DECLS
