/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * SinterProperties:
 *
 * The properties of an interface of a D-Bus object, from GetAll, GetManagedObjects and
 * PropertiesChanged. A property that is missing, or of another type than requested, reads as empty:
 * "", 0, %FALSE. Strings belong to the object and are valid until the property changes.
 */
typedef struct _SinterProperties SinterProperties;

/* @dictionary: (nullable): an a{sv} */
SinterProperties *sinter_properties_new(GVariant *dictionary);
void sinter_properties_free(SinterProperties *properties);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterProperties, sinter_properties_free)

/* Replaces the values that are in an a{sv}; other values are kept. */
void sinter_properties_update(SinterProperties *properties, GVariant *dictionary);

/* (transfer none) (nullable) */
GVariant *sinter_properties_get(const SinterProperties *properties, const char *name);

/* For an "s" or "o". */
const char *sinter_properties_get_string(const SinterProperties *properties, const char *name);

/* For a "t", "u" or "x" that is not negative. */
guint64 sinter_properties_get_number(const SinterProperties *properties, const char *name);

double sinter_properties_get_double(const SinterProperties *properties, const char *name);
gboolean sinter_properties_get_boolean(const SinterProperties *properties, const char *name);

/* (transfer container), terminated by %NULL: for an "as" or "ao" */
const char **sinter_properties_get_strings(const SinterProperties *properties, const char *name);

/* (transfer full): all properties except object paths, which are meaningless outside the bus; keys
 * as sinter_json_key() makes them, in alphabetical order */
JsonObject *sinter_properties_to_json(const SinterProperties *properties);

G_END_DECLS
