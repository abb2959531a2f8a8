/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-lock-holder.h"
#include "sinter-io.h"
#include "sinter/lock.h"

G_BEGIN_DECLS

SinterLockBytes sinter_lock_bytes(SinterIoLock mode);

/*
 * Switches from the lock bytes of @held to those of @mode on @fd: locks first, then tests for other
 * holders. On conflict @held is kept, and the error is LOCKED and names the holders.
 */
gboolean sinter_lock_switch(int fd, const char *path, SinterIoLock held, SinterIoLock mode,
                            GError **error);

G_END_DECLS
