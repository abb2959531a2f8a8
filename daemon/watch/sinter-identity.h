/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-file-id.h"

G_BEGIN_DECLS

/* What makes two names one image, devices included: see sinter_identity_read(). */
typedef SinterFileId SinterIdentity;

/**
 * sinter_identity_read:
 * @path: an absolute path; symbolic links are followed
 * @ret_stat: (out) (optional): what stat() said of @path itself
 *
 * A file's identity is its st_dev and st_ino. A block device's is its st_rdev and inode 0,
 * whatever node it is reached by; a loop device's is that of the file behind it. May block.
 *
 * Returns: 0, or the errno value of stat(); then the outputs are untouched.
 */
int sinter_identity_read(const char *path, SinterIdentity *ret_identity, struct stat *ret_stat);

/* The same of what was opened already. */
void sinter_identity_from_stat(const struct stat *st, SinterIdentity *ret_identity);

G_END_DECLS
