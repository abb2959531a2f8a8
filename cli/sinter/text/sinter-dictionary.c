/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads dictionaries. Invariant: what another version of the daemon left out is no error. */

#include "sinter-dictionary.h"

const char *
sinter_dictionary_get_string(GVariant *row, const char *key)
{
    const char *value = NULL;

    g_variant_lookup(row, key, "&s", &value);
    return value;
}

guint64
sinter_dictionary_get_number(GVariant *row, const char *key)
{
    guint64 value = 0;

    g_variant_lookup(row, key, "t", &value);
    return value;
}

gboolean
sinter_dictionary_get_flag(GVariant *row, const char *key)
{
    gboolean value = FALSE;

    g_variant_lookup(row, key, "b", &value);
    return value;
}
