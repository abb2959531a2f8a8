/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter/lock.h"

#include <sys/types.h>

G_BEGIN_DECLS

/* The first of QEMU's lock bytes, one byte per permission. */
#define SINTER_LOCK_USES_BYTE 100
#define SINTER_LOCK_UNSHARED_BYTE 200
#define SINTER_LOCK_PERMISSIONS 4

/* Locked bytes, as bits. */
typedef struct {
    guint uses;
    guint unshared;
} SinterLockBytes;

/*
 * Returns the holders of locks on the file @device:@inode, except through the descriptor @own_fd
 * (-1 for none).
 */
GPtrArray *sinter_lock_holders(dev_t device, ino_t inode, int own_fd);

G_END_DECLS
