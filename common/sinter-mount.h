/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterMount:
 * @fs_type: "ext4", "nfs4"
 * @mount_point: where it is mounted
 * @lock_options: (array zero-terminated=1): its mount options that matter for locks
 * @locks_are_local: locks on its files are not visible to other hosts, though the files are
 *
 * The mount that a file is on.
 */
typedef struct {
    char *fs_type;
    char *mount_point;
    char **lock_options;
    gboolean locks_are_local;
} SinterMount;

/**
 * sinter_mount_find:
 * @path: a file; symbolic links are followed
 *
 * Returns: (transfer full): the mount; %NULL with an error if it cannot be determined
 */
SinterMount *sinter_mount_find(const char *path, GError **error);

/**
 * sinter_mount_parse:
 * @mountinfo: the content of /proc/self/mountinfo; its format is documented in proc(5)
 * @mount_id: the mount to find
 *
 * Returns: (transfer full) (nullable): the mount; %NULL if it is not listed
 */
SinterMount *sinter_mount_parse(const char *mountinfo, guint64 mount_id);

/* Accepts %NULL. */
void sinter_mount_free(SinterMount *mount);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterMount, sinter_mount_free)

G_END_DECLS
