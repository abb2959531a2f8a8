/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Loads plugins. Call init() once, then load() once for each folder, before the first image is
 * opened. Both return FALSE after a message.
 */

/* Registers the built-in plugins. */
gboolean sinter_img_plugins_init(void);

/* Loads all plugins in @folder (`--plugin-dir`); fails if one cannot be loaded. */
gboolean sinter_img_plugins_load(const char *folder);

/* (transfer full): names of the formats that can be read, for people, separated by spaces */
char *sinter_img_plugins_list_formats(void);

G_END_DECLS
