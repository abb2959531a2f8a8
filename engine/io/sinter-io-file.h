/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * The file driver over @fd, which it takes, also on failure. @by_path: @path was opened to get
 * it, so locking makes sure that @path still names it.
 */
SinterIo *sinter_io_file_new(int fd, const char *path, SinterIoFlags flags, gboolean by_path,
                             GError **error);

G_END_DECLS
