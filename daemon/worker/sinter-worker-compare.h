/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/io.h>

#include "sinter-worker-control.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/**
 * sinter_worker_compare:
 * @fs: the files of @request
 *
 * Compares what a guest reads through the two chains of @request, reading only, and reports the
 * ranges that differ as findings of the top of the second chain. An image that cannot be read is an
 * error.
 */
gboolean sinter_worker_compare(SinterFs *fs, const SinterWorkerRequest *request,
                               SinterWorkerControl *control, GError **error);

G_END_DECLS
