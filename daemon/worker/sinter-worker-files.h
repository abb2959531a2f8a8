/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-worker-message.h"

#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * sinter_worker_files_take:
 *
 * Returns the files of @request under the names that the images use for them, and closes the
 * request's descriptors. sinterd has locked the files.
 */
SinterFs *sinter_worker_files_take(const SinterWorkerRequest *request, GError **error);

/**
 * sinter_worker_files_check:
 * @fs: from sinter_worker_files_take()
 *
 * Checks that the process can access the files with its present user. The descriptors carry the
 * access rights, but some file systems check again at each use.
 *
 * Returns: %FALSE with NOT_AUTHORIZED and a remedy if a file system does not allow this user.
 */
gboolean sinter_worker_files_check(SinterFs *fs, const SinterWorkerRequest *request,
                                   GError **error);

G_END_DECLS
