/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

#include <sys/stat.h>

G_BEGIN_DECLS

/* Checks that @fd, which may be an O_PATH descriptor, is of a file type that can be an image. */
gboolean sinter_io_file_check_kind(int fd, const char *path, struct stat *ret_st, GError **error);

/*
 * Creates a file driver over @fd. Takes @fd, also on failure. @by_path: @fd was opened by @path, so
 * locking verifies that @path still names the file.
 */
SinterIo *sinter_io_file_new(int fd, const char *path, SinterIoFlags flags, gboolean by_path,
                             GError **error);

/* Bulk overwrites of @io use a duplicate of @fd, which was opened with O_DIRECT. */
gboolean sinter_io_file_set_bulk(SinterIo *io, int fd, GError **error);

/* Gives an open unnamed file the name @path. */
gboolean sinter_io_file_link(SinterIo *io, const char *path, GError **error);

G_END_DECLS
