/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The dictionaries (a{sv}) of views: a key without a value, that is %NULL, 0 or %FALSE, is absent.
 */

void sinter_view_builder_add_string(GVariantBuilder *builder, const char *key, const char *value);
void sinter_view_builder_add_number(GVariantBuilder *builder, const char *key, guint64 value);
void sinter_view_builder_add_flag(GVariantBuilder *builder, const char *key, gboolean value);

G_END_DECLS
