/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-worker-message.h"

#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * sinter_worker_files_take:
 *
 * The files of @request, whose descriptors are closed, under the names that the images give them.
 * sinterd has locked them.
 */
SinterFs *sinter_worker_files_take(const SinterWorkerRequest *request, GError **error);

/**
 * sinter_worker_files_check:
 * @fs: of sinter_worker_files_take()
 *
 * Whether they can be worked on by who we are now. The rights are in the descriptors; but some file
 * systems ask again at each use.
 *
 * Returns: %FALSE with NOT_AUTHORIZED, and what helps, where a file system lets only others look.
 */
gboolean sinter_worker_files_check(SinterFs *fs, const SinterWorkerRequest *request,
                                   GError **error);

G_END_DECLS
