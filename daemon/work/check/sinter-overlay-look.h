/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is known of the file of a temporary overlay that libvirt may or may not have put on a
 * disk. */
typedef enum {
    SINTER_OVERLAY_ABSENT, /* there is no such file */
    SINTER_OVERLAY_FREE,   /* no process uses it: it is a leftover */
    SINTER_OVERLAY_USED,   /* a process uses it, or that is not known */
} SinterOverlayUse;

/* Blocking. */
SinterOverlayUse sinter_overlay_look(const char *path);

/* Removes the leftover at @path, if no process uses it. Blocking. */
gboolean sinter_overlay_remove(const char *path, GError **error);

G_END_DECLS
