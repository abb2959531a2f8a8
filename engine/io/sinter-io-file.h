/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"

#include <sys/stat.h>

G_BEGIN_DECLS

/* Whether @fd (also one that only names a file) is of a kind that can be an image. */
gboolean sinter_io_file_check_kind(int fd, const char *path, struct stat *ret_st, GError **error);

/*
 * The file driver over @fd, which it takes, also on failure. @by_path: @path was opened to get
 * it, so locking makes sure that @path still names it.
 */
SinterIo *sinter_io_file_new(int fd, const char *path, SinterIoFlags flags, gboolean by_path,
                             GError **error);

/* What overwrites @io in bulk goes through a duplicate of @fd, which was opened with O_DIRECT. */
gboolean sinter_io_file_set_bulk(SinterIo *io, int fd, GError **error);

/* Gives an open file that has no name the name @path. */
gboolean sinter_io_file_link(SinterIo *io, const char *path, GError **error);

G_END_DECLS
