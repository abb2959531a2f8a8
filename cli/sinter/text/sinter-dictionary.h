/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Reads a dictionary (a{sv}) that the daemon has sent: a key that is absent, or of another type,
 * reads as %NULL, 0 or %FALSE. */

/* (nullable): lives as long as @row */
const char *sinter_dictionary_get_string(GVariant *row, const char *key);

guint64 sinter_dictionary_get_number(GVariant *row, const char *key);
gboolean sinter_dictionary_get_flag(GVariant *row, const char *key);

G_END_DECLS
