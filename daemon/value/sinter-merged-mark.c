/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mark of merged images. Invariant: the mark belongs to the file, not to its name: another file
 * with the same name has none.
 */

#include "sinter-merged-mark.h"

#include <string.h>
#include <sys/xattr.h>

#define ATTRIBUTE "user.sinter.merged"

gboolean
sinter_merged_mark_set(int fd, const char *job)
{
    return fsetxattr(fd, ATTRIBUTE, job, strlen(job), 0) == 0;
}

gboolean
sinter_merged_mark_is_set(int fd)
{
    return fgetxattr(fd, ATTRIBUTE, NULL, 0) >= 0;
}
