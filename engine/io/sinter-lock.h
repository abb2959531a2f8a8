/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-io.h"
#include "sinter/lock.h"

#include <sys/types.h>

G_BEGIN_DECLS

#define SINTER_LOCK_USES_BYTE 100
#define SINTER_LOCK_UNSHARED_BYTE 200
#define SINTER_LOCK_PERMISSIONS 4

/* The bytes that a mode takes, as bits. */
typedef struct {
    guint uses;
    guint unshared;
} SinterLockBytes;

SinterLockBytes sinter_lock_bytes(SinterIoLock mode);

/*
 * Goes over from the bytes of @held to those of @mode on @fd: locks first, then tests what others
 * hold. On conflict @held stands, and the error is LOCKED and names the holders.
 */
gboolean sinter_lock_switch(int fd, const char *path, SinterIoLock held, SinterIoLock mode,
                            GError **error);

/* The holders of locks on the file @device:@inode, except through the descriptor @own_fd (-1). */
GPtrArray *sinter_lock_holders(dev_t device, ino_t inode, int own_fd);

G_END_DECLS
