/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The gate of a played libvirt. Invariant: from the call at which the daemon dies until the host
 * is revived no call has an effect, as if the process were gone.
 */

#include "played-host.h"

#include "sinter-error.h"

void
played_host_init(PlayedHost *host, const SinterVirtClass *klass)
{
    host->parent.klass = klass;
    host->connected = TRUE;
    g_mutex_init(&host->lock);
    g_cond_init(&host->go_on);
}

void
played_host_clear(PlayedHost *host)
{
    g_mutex_clear(&host->lock);
    g_cond_clear(&host->go_on);
}

static void
die(PlayedHost *host)
{
    sinter_mailbox_post(host->mailbox, SINTER_MESSAGE_STOP);
    host->connected = FALSE;
}

gboolean
played_host_enter(SinterVirt *virt, GError **error)
{
    PlayedHost *host = (PlayedHost *)virt;

    g_mutex_lock(&host->lock);
    while (host->hangs)
        g_cond_wait(&host->go_on, &host->lock);
    if (++host->n_calls == host->die_at && !host->die_after)
        die(host);
    if (host->connected)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED, "lost");
    g_mutex_unlock(&host->lock);
    return FALSE;
}

gboolean
played_host_leave(SinterVirt *virt, GError **error)
{
    PlayedHost *host = (PlayedHost *)virt;
    gboolean dies = host->n_calls == host->die_at && host->die_after;

    if (dies) {
        die(host);
        g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_DISCONNECTED, "lost");
    }
    g_mutex_unlock(&host->lock);
    return !dies;
}

gboolean
played_host_refuse(SinterVirt *virt, const char *why, GError **error)
{
    g_mutex_unlock(&((PlayedHost *)virt)->lock);
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, why);
    return FALSE;
}

void
played_host_revive(PlayedHost *host)
{
    host->connected = TRUE;
    host->die_at = 0;
}

gboolean
played_host_sync_definition(SinterVirt *virt, const char *name, GError **error)
{
    if (!((PlayedHost *)virt)->sync_fails)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, "no sync");
    return FALSE;
}

gboolean
played_host_sync_snapshots(SinterVirt *virt, const char *name, GError **error)
{
    if (!((PlayedHost *)virt)->snapshot_sync_fails)
        return TRUE;
    g_set_error_literal(error, SINTER_ERROR, SINTER_ERROR_FAILED, "no sync of snapshots");
    return FALSE;
}

gboolean
played_host_refresh_pool(SinterVirt *virt, const char *folder, GError **error)
{
    return played_host_enter(virt, error) && played_host_leave(virt, error);
}
