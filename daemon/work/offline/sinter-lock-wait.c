/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a job says that waits for the lock of an image. Invariant: our own process is never named as
 * the one to wait for.
 */

#include "sinter-lock-wait.h"

#include <sinter/lock.h>
#include <unistd.h>

char *
sinter_lock_wait_describe(const char *path)
{
    g_autoptr(GPtrArray) holders = sinter_lock_list(path, NULL);
    g_autoptr(GString) names = g_string_new(NULL);

    for (guint i = 0; holders && i < holders->len; i++) {
        const SinterLockHolder *holder = g_ptr_array_index(holders, i);
        g_autofree char *name = NULL;

        if (holder->pid == 0 || holder->pid == getpid())
            continue;
        name = sinter_lock_holder_describe(holder);
        g_string_append_printf(names, "%s%s", names->len > 0 ? " and " : "", name);
    }
    if (names->len > 0)
        return g_strdup_printf("image '%s', in use by %s", path, names->str);
    return g_strdup_printf("image '%s', which is locked, but not by a process of this host that "
                           "sinterd can see: if another host uses it, stop it there; an NFS server "
                           "keeps the lock of a host that failed until that host is started again, "
                           "or the server releases its locks",
                           path);
}
