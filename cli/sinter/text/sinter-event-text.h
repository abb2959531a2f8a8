/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * sinter_event_text_format:
 * @kind: of a Manager's Event, as the daemon names it
 * @disk: "" for none
 * @details: its a{sv}
 *
 * Returns: (transfer full): the event as text, without its time: "vm1 vda: block job ready
 * (active-commit)". Numbers are libvirt's; an unknown number is printed as a number.
 */
char *sinter_event_text_format(const char *kind, const char *domain, const char *disk,
                               GVariant *details);

/* (transfer full): "2026-03-01 14:02:07.123", local time */
char *sinter_event_text_time(gint64 time_usec);

G_END_DECLS
