/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <sinter/io.h>

#include "sinter-worker-control.h"
#include "sinter-worker-message.h"

G_BEGIN_DECLS

/**
 * sinter_worker_merge:
 * @fs: the files of @request
 *
 * Carries out @request. When it returns %TRUE, the result is durable, including the new backing
 * file name of the layer above the range. If it is interrupted at any point, the chain reads as
 * before, and the same request completes the merge.
 */
gboolean sinter_worker_merge(SinterFs *fs, const SinterWorkerRequest *request,
                             SinterWorkerControl *control, GError **error);

G_END_DECLS
