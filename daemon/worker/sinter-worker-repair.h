/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/io.h>

#include "sinter-worker-control.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/**
 * sinter_worker_repair:
 * @fs: the files of @request
 *
 * Repairs each image of @request on its own, and reports on each: its state after the repair.
 * Before a byte of an image changes, its former content is durable in the image's undo file; an
 * image that needs no repair leaves its undo file empty. If it is interrupted at any point, the
 * images read as before, and the same request with new undo files completes the repair.
 */
gboolean sinter_worker_repair(SinterFs *fs, const SinterWorkerRequest *request,
                              SinterWorkerControl *control, GError **error);

/* Passes the undo files of @request to the set that sinter_worker_repair() uses, and closes the
 * request's descriptors. Call before the sandbox. */
gboolean sinter_worker_repair_take_undo_files(SinterFs *fs, const SinterWorkerRequest *request,
                                              GError **error);

G_END_DECLS
