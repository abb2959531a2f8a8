/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

G_BEGIN_DECLS

/*
 * A file that can only be written sequentially, such as a pipe: each write must start where the
 * previous one ended. The driver uses a duplicate of @fd; errors call it @name.
 */
SinterIo *sinter_io_stream_new(int fd, const char *name, GError **error);

G_END_DECLS
