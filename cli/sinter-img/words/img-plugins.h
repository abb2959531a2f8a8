/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/*
 * Plugins, before the first image is opened. Once each; FALSE after a message.
 */

/* Makes those known that the program was built with. */
gboolean sinter_img_plugins_init(void);

/* Loads those in @folder (`--plugin-dir`), all of them or it is an error. */
gboolean sinter_img_plugins_load(const char *folder);

/* (transfer full): names of the formats that can be read, for people, separated by spaces */
char *sinter_img_plugins_list_formats(void);

G_END_DECLS
