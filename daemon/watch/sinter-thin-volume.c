/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Recognizes thin volumes. LVM gives the device of a thin pool a UUID that ends with "-tpool", and
 * the pool is what a thin volume is stacked on. What the pool has left, only the device mapper
 * knows, which answers CAP_SYS_ADMIN alone.
 */

#include "sinter-thin-volume.h"

#include <sys/sysmacros.h>

#define POOL_SUFFIX "-tpool"

static gboolean
is_pool(const char *slaves, const char *name)
{
    g_autofree char *path = g_build_filename(slaves, name, "dm", "uuid", NULL);
    g_autofree char *uuid = NULL;

    return g_file_get_contents(path, &uuid, NULL, NULL) &&
           g_str_has_suffix(g_strchomp(uuid), POOL_SUFFIX);
}

gboolean
sinter_thin_volume_is(const char *sysfs, guint64 device)
{
    g_autofree char *slaves = g_strdup_printf("%s/dev/block/%u:%u/slaves", sysfs,
                                              (guint)major(device), (guint)minor(device));
    g_autoptr(GDir) dir = g_dir_open(slaves, 0, NULL);
    gboolean found = FALSE;
    const char *name;

    while (dir && !found && (name = g_dir_read_name(dir)))
        found = is_pool(slaves, name);
    return found;
}
