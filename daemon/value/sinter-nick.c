/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Nicks of enumeration members. GLib never frees the class of an enumeration, so a nick stays
 * valid. */

#include "sinter-nick.h"

const char *
sinter_nick_get(GType type, int value)
{
    GEnumClass *members = g_type_class_ref(type);
    const GEnumValue *member = g_enum_get_value(members, value);

    g_type_class_unref(members);
    return member ? member->value_nick : NULL;
}

gboolean
sinter_nick_parse(GType type, const char *nick, int *ret_value)
{
    GEnumClass *members = g_type_class_ref(type);
    const GEnumValue *member = nick ? g_enum_get_value_by_nick(members, nick) : NULL;

    if (member)
        *ret_value = member->value;
    g_type_class_unref(members);
    return member != NULL;
}
