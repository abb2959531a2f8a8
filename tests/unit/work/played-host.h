/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-mailbox.h"
#include "sinter-virt.h"

/**
 * PlayedHost:
 *
 * What every libvirt that a test plays has: calls that go through one gate, at which the daemon may
 * die or the connection hang. It stands first in the test's own, which adds the state to show.
 */
typedef struct {
    SinterVirt parent;
    GMutex lock;            /* guards all of the host: the job's thread and the test's use it */
    SinterMailbox *mailbox; /* where events go, or NULL */
    gboolean connected;
    guint n_calls;
    guint die_at;                 /* the call at which the daemon dies, 0 for never */
    gboolean die_after;           /* … after it did its work */
    gboolean sync_fails;          /* the definition cannot be made durable */
    gboolean snapshot_sync_fails; /* nor the metadata of snapshots */
    gboolean hangs;               /* in the next call; told to go on by … */
    GCond go_on;
} PlayedHost;

void played_host_init(PlayedHost *host, const SinterVirtClass *klass);
void played_host_clear(PlayedHost *host);

/* Every call begins with this, and holds the lock then. FALSE when the connection is lost or the
 * daemon dies; then the lock is free. */
gboolean played_host_enter(SinterVirt *virt, GError **error);

/* … and ends with this: FALSE when the daemon died of it. */
gboolean played_host_leave(SinterVirt *virt, GError **error);

/* A call that was entered and is refused. Returns FALSE. */
gboolean played_host_refuse(SinterVirt *virt, const char *why, GError **error);

/* The connection is there again, with another daemon on it. */
void played_host_revive(PlayedHost *host);

/* Members of the class that show nothing. */
gboolean played_host_sync_definition(SinterVirt *virt, const char *name, GError **error);
gboolean played_host_sync_snapshots(SinterVirt *virt, const char *name, GError **error);
gboolean played_host_refresh_pool(SinterVirt *virt, const char *folder, GError **error);
