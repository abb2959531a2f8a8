/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterPolicyWindow:
 *
 * The times of the week in which automatic work may begin, as local time: "22:00-06:00",
 * "Mon-Fri 22:00-06:00; Sat,Sun 00:00-24:00". A window that ends before it starts ends on the next
 * day; the days are those on which it starts. A plain value; any thread.
 */
typedef struct _SinterPolicyWindow SinterPolicyWindow;

/* (transfer full) (nullable): INVALID_ARGUMENT if the text is no list of windows; an empty text is
 * a window that is always open */
SinterPolicyWindow *sinter_policy_window_parse(const char *text, GError **error);
void sinter_policy_window_free(SinterPolicyWindow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterPolicyWindow, sinter_policy_window_free)

/**
 * sinter_policy_window_find_opening:
 * @now_usec: microseconds since the epoch
 * @zone: the local time zone
 *
 * Returns: @now_usec if a window is open, else when the next one opens. When the clock is put
 *   forward, a time that does not exist is the one after the gap.
 */
gint64 sinter_policy_window_find_opening(const SinterPolicyWindow *self, gint64 now_usec,
                                         GTimeZone *zone);

G_END_DECLS
