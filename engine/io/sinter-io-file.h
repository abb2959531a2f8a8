/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

G_BEGIN_DECLS

/* The file driver over @fd, which it takes, also on failure. */
SinterIo *sinter_io_file_new(int fd, const char *path, SinterIoFlags flags, GError **error);

G_END_DECLS
