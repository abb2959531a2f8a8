/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The user that sinter-worker runs as. Invariant: if the daemon runs as root, the worker's user
 * owns nothing. It is not the owner of the images: that may be root, or the user of all QEMU
 * processes, so that worker and QEMU could signal each other. The descriptors carry the rights to
 * the images, so any user works that their file systems accept.
 */

#include "sinter-worker-user.h"

#include "sinter-log.h"

#include <pwd.h>
#include <unistd.h>

#define USER_NAME "sinter-worker"

/* the conventional number of nobody: what the kernel shows for unmapped users */
#define NOBODY 65534

/* Larger than any valid entry; a longer one is treated as absent. */
#define MAX_ENTRY_BYTES (64 * 1024)

gboolean
sinter_worker_user_look_up(const char *name, guint *ret_uid, guint *ret_gid)
{
    g_autofree char *buf = g_malloc(MAX_ENTRY_BYTES);
    struct passwd entry;
    struct passwd *found = NULL;

    getpwnam_r(name, &entry, buf, MAX_ENTRY_BYTES, &found);
    if (!found || found->pw_uid == 0 || found->pw_gid == 0) {
        *ret_uid = *ret_gid = NOBODY;
        return FALSE;
    }
    *ret_uid = found->pw_uid;
    *ret_gid = found->pw_gid;
    return TRUE;
}

void
sinter_worker_user_find(guint *ret_uid, guint *ret_gid)
{
    static gsize told;

    *ret_uid = *ret_gid = 0;
    if (geteuid() != 0 || sinter_worker_user_look_up(USER_NAME, ret_uid, ret_gid))
        return;
    if (g_once_init_enter(&told)) {
        sinter_log(G_LOG_LEVEL_WARNING, NULL,
                   "this host has no user '" USER_NAME
                   "', so its program runs as nobody (%d): create it with systemd-sysusers",
                   NOBODY);
        g_once_init_leave(&told, 1);
    }
}
