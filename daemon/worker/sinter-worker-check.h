/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/check.h>
#include <sinter/io.h>

#include "sinter-worker-control.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/**
 * sinter_worker_check:
 * @fs: the files of @request
 *
 * Checks each image of @request on its own, reading only, and reports on each. An image that could
 * not be checked is reported too; only a cancellation, or a file that cannot be opened, is an
 * error.
 */
gboolean sinter_worker_check(SinterFs *fs, const SinterWorkerRequest *request,
                             SinterWorkerControl *control, GError **error);

/* Works on one image. (transfer full) (nullable): its report, or NULL with an error */
typedef SinterImageReport *(*SinterWorkerImageFunc)(SinterFs *fs, const SinterWorkerFile *file,
                                                    const SinterCheckOptions *options,
                                                    GError **error);

/* Likewise with @func for each image. */
gboolean sinter_worker_check_each(SinterFs *fs, const SinterWorkerRequest *request,
                                  SinterWorkerImageFunc func, SinterWorkerControl *control,
                                  GError **error);

/* (transfer full): the report on a check */
SinterImageReport *sinter_worker_check_report(const SinterCheckResult *result);

G_END_DECLS
