/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib-object.h>

G_BEGIN_DECLS

/*
 * The names of enumeration members in D-Bus, the journal and job records: GLib's nicks, which
 * glib-mkenums derives from the C names (SINTER_STEP_REMOVE_FILE is "remove-file"). The names are
 * part of the interface: renaming a member changes them. Pure functions. Any thread.
 */

/* (transfer none) (nullable): the nick of @value; %NULL if @type has no such member */
const char *sinter_nick_get(GType type, int value);

/* Finds the member of @type with the nick @nick (nullable). Returns %FALSE if there is none. */
gboolean sinter_nick_parse(GType type, const char *nick, int *ret_value);

G_END_DECLS
