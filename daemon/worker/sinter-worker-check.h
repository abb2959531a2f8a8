/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

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

G_END_DECLS
