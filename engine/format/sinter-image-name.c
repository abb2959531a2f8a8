/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Names of images in the JSON form of QEMU. Invariant: a name either says exactly which file is
 * opened and how, in terms that this engine has, or it is refused; no key is passed over.
 */

#include "sinter-format.h"
#include "sinter-json-flat.h"
#include "sinter/image.h"
#include "sinter-error.h"

#include <string.h>

#define JSON_PREFIX "json:"
/* The size of a null device for QEMU, if none is stated. */
#define NULL_DEFAULT_BYTES (G_GUINT64_CONSTANT(1) << 30)

static gboolean
is_one_of(const char *word, const char *const *words)
{
    return word && g_strv_contains(words, word);
}

static const char *const protocols[] = { "file", "host_device", "null-co", NULL };
static const char *const formats[] = { "qcow2", "raw", NULL };

static gboolean
refuse(GError **error, const char *what, const char *which)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "%s '%s' is not supported", what,
                which);
    return FALSE;
}

/* Removes @prefix@key from @pairs and returns its value; NULL if it is null or missing. */
static char *
take(GHashTable *pairs, const char *prefix, const char *key)
{
    g_autofree char *full = g_strconcat(prefix, key, NULL);
    g_autofree char *stored = NULL;
    char *value = NULL;

    g_hash_table_steal_extended(pairs, full, (gpointer *)&stored, (gpointer *)&value);
    return value;
}

/* "off" reads without a lock, "on" and "auto" are what is done anyway. */
static gboolean
take_locking(GHashTable *pairs, const char *prefix, gboolean *ret_off, GError **error)
{
    static const char *const values[] = { "on", "off", "auto", "true", "false", NULL };
    g_autofree char *value = take(pairs, prefix, "locking");

    *ret_off = g_strcmp0(value, "off") == 0 || g_strcmp0(value, "false") == 0;
    return !value || is_one_of(value, values) || refuse(error, "the value of 'locking'", value);
}

static gboolean
take_null(GHashTable *pairs, const char *prefix, SinterImageName *ret, GError **error)
{
    g_autofree char *size = take(pairs, prefix, "size");
    g_autofree char *zeroes = take(pairs, prefix, "read-zeroes");

    ret->null_size = NULL_DEFAULT_BYTES;
    if (size && !g_ascii_string_to_unsigned(size, 10, 0, G_MAXINT64, &ret->null_size, NULL))
        return refuse(error, "the size", size);
    return TRUE;
}

static gboolean
take_file(GHashTable *pairs, const char *prefix, const char *protocol, SinterImageName *ret,
          GError **error)
{
    if (strcmp(protocol, "null-co") == 0)
        return take_null(pairs, prefix, ret, error);
    ret->is_device = strcmp(protocol, "host_device") == 0;
    ret->path = take(pairs, prefix, "filename");
    if (!take_locking(pairs, prefix, &ret->no_lock, error))
        return FALSE;
    if (ret->path && *ret->path)
        return TRUE;
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                "The '%s' block driver requires a file name", protocol);
    return FALSE;
}

/* "backing": null: without its backing file */
static gboolean
take_backing(GHashTable *pairs, SinterImageName *ret, GError **error)
{
    g_autofree char *value = NULL;

    ret->no_backing = g_hash_table_contains(pairs, "backing");
    value = take(pairs, "", "backing");
    return !value || refuse(error, "another backing file in a name:", value);
}

static gboolean
take_all(GHashTable *pairs, SinterImageName *ret, GError **error)
{
    g_autofree char *driver = take(pairs, "", "driver");
    gboolean is_protocol = is_one_of(driver, protocols);
    g_autofree char *below = is_protocol ? NULL : take(pairs, "file.", "driver");
    const char *protocol = is_protocol ? driver : below ? below : "file";

    if (driver && !is_protocol && !is_one_of(driver, formats))
        return refuse(error, "the driver", driver);
    if (!is_one_of(protocol, protocols))
        return refuse(error, "the driver", protocol);
    if (!is_protocol) {
        ret->format = g_strdup(driver);
        if (!take_backing(pairs, ret, error))
            return FALSE;
    }
    return take_file(pairs, is_protocol ? "" : "file.", protocol, ret, error);
}

gboolean
sinter_image_name_is_json(const char *name)
{
    return g_str_has_prefix(name, JSON_PREFIX);
}

gboolean
sinter_image_name_parse(const char *name, SinterImageName *ret, GError **error)
{
    g_autoptr(GHashTable) pairs = NULL;
    GHashTableIter iter;
    gpointer key;

    *ret = (SinterImageName){ 0 };
    if (!sinter_image_name_is_json(name)) {
        ret->path = g_strdup(name);
        return TRUE;
    }
    pairs = sinter_json_flatten(name + strlen(JSON_PREFIX), error);
    if (!pairs)
        return FALSE;
    if (take_all(pairs, ret, error)) {
        g_hash_table_iter_init(&iter, pairs);
        if (!g_hash_table_iter_next(&iter, &key, NULL))
            return TRUE;
        refuse(error, "the option", key);
    }
    sinter_image_name_clear(ret);
    return FALSE;
}

void
sinter_image_name_clear(SinterImageName *self)
{
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->format, g_free);
}

gboolean
sinter_image_name_get_format(const char *name, const char *stored, char **ret_format,
                             GError **error)
{
    g_auto(SinterImageName) parsed = { 0 };

    *ret_format = NULL;
    if (!sinter_image_name_parse(name, &parsed, error))
        return FALSE;
    if (stored && parsed.format && strcmp(stored, parsed.format) != 0) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "the backing file '%s' is recorded as format '%s', but its name states '%s'",
                    name, stored, parsed.format);
        return FALSE;
    }
    *ret_format = stored ? g_strdup(stored) : g_steal_pointer(&parsed.format);
    return TRUE;
}
