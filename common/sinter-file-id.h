/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The identity of a file, independent of its name: the device and inode numbers of stat(). Two
 * files that exist at the same time never have the same identity. A number can be reused after its
 * file is removed. Both numbers are 0 for no file.
 */

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

typedef struct {
    guint64 device;
    guint64 inode;
} SinterFileId;

static inline SinterFileId
sinter_file_id_of(const struct stat *st)
{
    return (SinterFileId){ st->st_dev, st->st_ino };
}

static inline gboolean
sinter_file_id_equal(SinterFileId a, SinterFileId b)
{
    return a.device == b.device && a.inode == b.inode;
}

static inline gboolean
sinter_file_id_is_known(SinterFileId id)
{
    return id.device != 0 || id.inode != 0;
}

/* Returns whether two results of stat() refer to the same file. */
static inline gboolean
sinter_file_id_same(const struct stat *a, const struct stat *b)
{
    return sinter_file_id_equal(sinter_file_id_of(a), sinter_file_id_of(b));
}

G_END_DECLS
