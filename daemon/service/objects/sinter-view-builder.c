/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Builds the dictionaries of views. Invariant: a text on the bus is valid UTF-8. */

#include "sinter-view-builder.h"

#include "sinter-dbus-error.h"

void
sinter_view_builder_add_string(GVariantBuilder *builder, const char *key, const char *value)
{
    if (value)
        g_variant_builder_add(builder, "{sv}", key,
                              g_variant_new_take_string(sinter_dbus_text(value)));
}

void
sinter_view_builder_add_number(GVariantBuilder *builder, const char *key, guint64 value)
{
    if (value > 0)
        g_variant_builder_add(builder, "{sv}", key, g_variant_new_uint64(value));
}

void
sinter_view_builder_add_flag(GVariantBuilder *builder, const char *key, gboolean value)
{
    if (value)
        g_variant_builder_add(builder, "{sv}", key, g_variant_new_boolean(TRUE));
}
