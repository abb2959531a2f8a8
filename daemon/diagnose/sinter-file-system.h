/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/**
 * SinterFileSystem:
 * @type: (nullable): "ext4"
 * @path: (nullable): the mount point
 * @source: (nullable): the device
 *
 * The mount that holds a file, from /proc/self/mountinfo.
 */
typedef struct {
    char *type;
    char *path;
    char *source;
} SinterFileSystem;

/* Blocking: reads /proc only, never the file system itself. All members are NULL if no mount
 * matches. */
void sinter_file_system_find(SinterFileSystem *self, const struct stat *st);
void sinter_file_system_clear(SinterFileSystem *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterFileSystem, sinter_file_system_clear)

/**
 * sinter_file_system_find_quota:
 *
 * Returns: (transfer full) (nullable): the exhausted quota that limits the file with @st ("the
 * quota of user 107"); %NULL if there is none or it cannot be read
 */
char *sinter_file_system_find_quota(const SinterFileSystem *self, const struct stat *st);

G_END_DECLS
