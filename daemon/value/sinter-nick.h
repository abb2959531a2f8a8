/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/*
 * The names of enumeration members, as D-Bus, the journal and job records have them: GLib's nicks,
 * which glib-mkenums makes of the C names (SINTER_STEP_REMOVE_FILE is "remove-file"). So such a
 * name is a contract: who renames a member changes it. Pure. Any thread.
 */

/* (transfer none) (nullable): the nick of @value; %NULL where @type has no such member */
const char *sinter_nick_get(GType type, int value);

/* The member of @type with that nick. %FALSE where there is none; @nick: (nullable) */
gboolean sinter_nick_parse(GType type, const char *nick, int *ret_value);

G_END_DECLS
