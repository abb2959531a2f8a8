/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-file-id.h"

G_BEGIN_DECLS

/* The identity of an image, including devices: two names with the same identity are one image. See
 * sinter_identity_read(). */
typedef SinterFileId SinterIdentity;

/**
 * sinter_identity_read:
 * @path: an absolute path; symbolic links are followed
 * @ret_stat: (out) (optional): the result of stat() for @path itself
 *
 * A file's identity is its st_dev and st_ino. A block device's identity is its st_rdev with inode
 * 0, for any device node; a loop device has the identity of the file behind it. May block.
 *
 * Returns: 0, or the errno value of stat(); the outputs are then unchanged.
 */
int sinter_identity_read(const char *path, SinterIdentity *ret_identity, struct stat *ret_stat);

/* Likewise for a file that is already open. */
void sinter_identity_from_stat(const struct stat *st, SinterIdentity *ret_identity);

G_END_DECLS
