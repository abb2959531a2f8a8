/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* (transfer full): a point in time (real time, in microseconds) for people, in local time: only the
 * time of day if it is less than 12 hours ago, else the date as well. Any thread. */
char *sinter_time_text_since(gint64 usec);

G_END_DECLS
