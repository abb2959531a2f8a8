/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-follow-state.h"

G_BEGIN_DECLS

/* Callbacks; the last argument is the SinterFollow. */
gboolean sinter_follow_on_interrupt(gpointer user_data);
gboolean sinter_follow_on_deadline(gpointer user_data);
void sinter_follow_on_appeared(GDBusConnection *bus, const char *name, const char *owner,
                               gpointer user_data);
void sinter_follow_on_vanished(GDBusConnection *bus, const char *name, gpointer user_data);

G_END_DECLS
