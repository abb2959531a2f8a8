/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <sys/stat.h>

G_BEGIN_DECLS

/* How much more the quotas of a user and of a group allow. */

/* A quota as the kernel reports it; 0 for no limit. */
typedef struct {
    guint64 hard_bytes;
    guint64 soft_bytes;
    guint64 used_bytes;
    guint64 grace_end_sec; /* when the grace period above the soft limit ends; 0: it has not begun */
} SinterQuota;

/* Returns the bytes that can still be written at @now_sec; G_MAXUINT64 without a limit. Pure. */
guint64 sinter_quota_get_room(const SinterQuota *quota, guint64 now_sec);

/**
 * sinter_quota_find_room:
 * @path: a file
 * @st: of @path
 *
 * Returns: the bytes that the quotas of the file's owner and group still allow on its file system;
 * G_MAXUINT64 if there is no limit or it is unknown. Blocking; any thread.
 */
guint64 sinter_quota_find_room(const char *path, const struct stat *st);

G_END_DECLS
