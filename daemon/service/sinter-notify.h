/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * What the service manager is told. Where there is none (NOTIFY_SOCKET unset) all of it does
 * nothing.
 */

/* Ready for the first time, or again after sinter_notify_reloading(); with a status line. */
void sinter_notify_ready(const char *status);
void sinter_notify_status(const char *status);
void sinter_notify_reloading(void);
void sinter_notify_stopping(void);

/* Answers the watchdog at half its period, where one is set for this process; else there is no
 * timer. */
void sinter_notify_start_watchdog(void);

G_END_DECLS
