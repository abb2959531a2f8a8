/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The properties of an object on the bus. A daemon of another version may lack a property or give
 * it another type: such a property reads as empty, and is never an error.
 */

#include "sinter-properties.h"

#include "sinter-json.h"

struct _SinterProperties {
    GHashTable *values; /* name → GVariant */
};

SinterProperties *
sinter_properties_new(GVariant *dictionary)
{
    SinterProperties *properties = g_new0(SinterProperties, 1);

    properties->values =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
    if (dictionary)
        sinter_properties_update(properties, dictionary);
    return properties;
}

void
sinter_properties_free(SinterProperties *properties)
{
    if (!properties)
        return;
    g_hash_table_unref(properties->values);
    g_free(properties);
}

void
sinter_properties_update(SinterProperties *properties, GVariant *dictionary)
{
    GVariantIter iter;
    char *name;
    GVariant *value;

    g_variant_iter_init(&iter, dictionary);
    while (g_variant_iter_next(&iter, "{sv}", &name, &value))
        g_hash_table_replace(properties->values, name, value);
}

GVariant *
sinter_properties_get(const SinterProperties *properties, const char *name)
{
    return g_hash_table_lookup(properties->values, name);
}

const char *
sinter_properties_get_string(const SinterProperties *properties, const char *name)
{
    GVariant *value = sinter_properties_get(properties, name);

    if (!value || !(g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ||
                    g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH)))
        return "";
    return g_variant_get_string(value, NULL);
}

guint64
sinter_properties_get_number(const SinterProperties *properties, const char *name)
{
    GVariant *value = sinter_properties_get(properties, name);

    if (!value)
        return 0;
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_UINT32:
        return g_variant_get_uint32(value);
    case G_VARIANT_CLASS_UINT64:
        return g_variant_get_uint64(value);
    case G_VARIANT_CLASS_INT64:
        return (guint64)MAX(g_variant_get_int64(value), 0);
    default:
        return 0;
    }
}

double
sinter_properties_get_double(const SinterProperties *properties, const char *name)
{
    GVariant *value = sinter_properties_get(properties, name);

    if (!value || !g_variant_is_of_type(value, G_VARIANT_TYPE_DOUBLE))
        return 0;
    return g_variant_get_double(value);
}

gboolean
sinter_properties_get_boolean(const SinterProperties *properties, const char *name)
{
    GVariant *value = sinter_properties_get(properties, name);

    return value && g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN) &&
           g_variant_get_boolean(value);
}

const char **
sinter_properties_get_strings(const SinterProperties *properties, const char *name)
{
    GVariant *value = sinter_properties_get(properties, name);

    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY))
        return g_variant_get_strv(value, NULL);
    if (value && g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH_ARRAY))
        return g_variant_get_objv(value, NULL);
    return g_new0(const char *, 1);
}

static gboolean
is_path(GVariant *value)
{
    return g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH) ||
           g_variant_is_of_type(value, G_VARIANT_TYPE_OBJECT_PATH_ARRAY);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(a, b);
}

JsonObject *
sinter_properties_to_json(const SinterProperties *properties)
{
    JsonObject *object = json_object_new();
    g_autoptr(GList) names = g_list_sort(g_hash_table_get_keys(properties->values), compare_names);

    for (GList *name = names; name; name = name->next) {
        GVariant *value = sinter_properties_get(properties, name->data);
        g_autofree char *key = sinter_json_key(name->data);

        if (!is_path(value))
            json_object_set_member(object, key, json_gvariant_serialize(value));
    }
    return object;
}
