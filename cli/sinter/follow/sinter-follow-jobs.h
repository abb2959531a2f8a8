/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-follow-state.h"

G_BEGIN_DECLS

/* Reads all properties of a job from the daemon; after that, signals of the job are used. */
void sinter_follow_read_job(SinterFollow *self, SinterJobTrack *track);

/* Requests the daemon to cancel the job. */
void sinter_follow_cancel_job(SinterFollow *self, SinterJobTrack *track);

/* Signal callbacks; the last argument is the SinterFollow. */
void sinter_follow_on_job_signal(GDBusConnection *bus, const char *sender, const char *path,
                                 const char *interface, const char *signal, GVariant *parameters,
                                 gpointer user_data);
void sinter_follow_on_disk_signal(GDBusConnection *bus, const char *sender, const char *path,
                                  const char *interface, const char *signal, GVariant *parameters,
                                  gpointer user_data);

G_END_DECLS
