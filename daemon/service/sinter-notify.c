/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The interface to the service manager: sd_notify(3) and the watchdog. The main loop answers the
 * watchdog, so that the service manager detects a daemon whose loop hangs.
 */

#include "sinter-notify.h"

#include <systemd/sd-daemon.h>

void
sinter_notify_ready(const char *status)
{
    sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

void
sinter_notify_status(const char *status)
{
    sd_notifyf(0, "STATUS=%s", status);
}

void
sinter_notify_reloading(void)
{
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, g_get_monotonic_time());
}

void
sinter_notify_stopping(void)
{
    sd_notify(0, "STOPPING=1\nSTATUS=Stopping");
}

static gboolean
on_watchdog(gpointer user_data)
{
    sd_notify(0, "WATCHDOG=1");
    return G_SOURCE_CONTINUE;
}

void
sinter_notify_start_watchdog(void)
{
    guint64 period_usec = 0;

    if (sd_watchdog_enabled(0, &period_usec) <= 0)
        return;
    on_watchdog(NULL);
    g_timeout_add((guint)CLAMP(period_usec / 2000, 1, G_MAXUINT), on_watchdog, NULL);
}
