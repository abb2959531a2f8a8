/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Which image a name leads to. Loop devices are resolved to their files, because QEMU's locks and
 * another domain's chain may refer to the file while this name is the device.
 */

#include "sinter-identity.h"

#include <errno.h>
#include <sys/sysmacros.h>

#define LOOP_MAJOR 7

/* The file behind loop device @rdev, from sysfs. */
static gboolean
read_loop_file(dev_t rdev, struct stat *ret_stat)
{
    g_autofree char *attribute =
        g_strdup_printf("/sys/dev/block/%u:%u/loop/backing_file", major(rdev), minor(rdev));
    g_autofree char *file = NULL;

    if (!g_file_get_contents(attribute, &file, NULL, NULL))
        return FALSE;
    g_strchomp(file);
    return stat(file, ret_stat) == 0;
}

void
sinter_identity_from_stat(const struct stat *st, SinterIdentity *ret_identity)
{
    struct stat behind;

    if (!S_ISBLK(st->st_mode))
        *ret_identity = sinter_file_id_of(st);
    else if (major(st->st_rdev) == LOOP_MAJOR && read_loop_file(st->st_rdev, &behind))
        *ret_identity = sinter_file_id_of(&behind);
    else
        *ret_identity = (SinterIdentity){ st->st_rdev, 0 };
}

int
sinter_identity_read(const char *path, SinterIdentity *ret_identity, struct stat *ret_stat)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errno;
    sinter_identity_from_stat(&st, ret_identity);
    if (ret_stat)
        *ret_stat = st;
    return 0;
}
