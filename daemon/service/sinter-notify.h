/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Notifications to the service manager. Without one (NOTIFY_SOCKET unset) all functions do nothing.
 */

/* The daemon is ready, for the first time or after sinter_notify_reloading(); with a status
 * line. */
void sinter_notify_ready(const char *status);
void sinter_notify_status(const char *status);
void sinter_notify_reloading(void);
void sinter_notify_stopping(void);

/* Answers the watchdog at half its period if one is set for this process; else creates no timer. */
void sinter_notify_start_watchdog(void);

G_END_DECLS
