/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The only reader of option dictionaries. Each key is listed once, with its type and its offset in
 * SinterOptions; nothing that a caller sends reaches a handler without this check.
 */

#include "sinter-options.h"

#include <string.h>

#include "sinter-error.h"

typedef struct {
    const char *key;
    const char *type;
    SinterOptionFlags flag;
    gsize offset; /* in SinterOptions */
} OptionKey;

#define AT(member) G_STRUCT_OFFSET(SinterOptions, member)

static const OptionKey option_keys[] = {
    { "no-interaction", "b", SINTER_OPTION_NO_INTERACTION, AT(no_interaction) },
    { "disk", "s", SINTER_OPTION_DISK, AT(wanted.disk) },
    { "keep", "u", SINTER_OPTION_KEEP, AT(wanted.keep) },
    { "top", "s", SINTER_OPTION_TOP, AT(wanted.top) },
    { "base", "s", SINTER_OPTION_BASE, AT(wanted.base) },
    { "pull", "b", SINTER_OPTION_PULL, AT(wanted.pull) },
    { "keep-files", "b", SINTER_OPTION_KEEP_FILES, AT(wanted.keep_files) },
    { "bandwidth", "t", SINTER_OPTION_BANDWIDTH, AT(bandwidth_bytes_per_sec) },
    { "format", "s", SINTER_OPTION_FORMAT, AT(wanted.destination_format) },
    { "shallow", "b", SINTER_OPTION_SHALLOW, AT(wanted.shallow) },
    { "reuse-external", "b", SINTER_OPTION_REUSE_EXTERNAL, AT(wanted.reuse_external) },
    { "ignore-readers", "as", SINTER_OPTION_IGNORE_READERS, AT(wanted.ignored_readers) },
    { "ignore-manager", "b", SINTER_OPTION_IGNORE_MANAGER, AT(wanted.ignore_manager) },
    { "ignore-migrated", "b", SINTER_OPTION_IGNORE_MIGRATED, AT(wanted.ignore_migrated) },
    { "drop-checkpoints", "b", SINTER_OPTION_DROP_CHECKPOINTS, AT(wanted.drop_checkpoints) },
    { "level", "s", SINTER_OPTION_LEVEL, AT(wanted.level) },
    { "name", "s", SINTER_OPTION_NAME, AT(wanted.snapshot_name) },
    { "description", "s", SINTER_OPTION_DESCRIPTION, AT(wanted.snapshot_description) },
    { "disks", "as", SINTER_OPTION_DISKS, AT(wanted.disks) },
    { "finish", "b", SINTER_OPTION_FINISH, AT(finish) },
};

static const OptionKey *
find_key(const char *name, SinterOptionFlags allowed)
{
    for (gsize i = 0; i < G_N_ELEMENTS(option_keys); i++) {
        if ((option_keys[i].flag & allowed) && strcmp(option_keys[i].key, name) == 0)
            return &option_keys[i];
    }
    return NULL;
}

/* The dictionary owns the strings. */
static void
store_strings(const char **member, GVariant *value)
{
    g_autofree const char **strings = g_variant_get_strv(value, NULL);

    for (guint i = 0; strings[i]; i++)
        member[i] = strings[i];
}

static void
store_value(SinterOptions *options, const OptionKey *key, GVariant *value)
{
    gpointer member = G_STRUCT_MEMBER_P(options, key->offset);

    switch (*key->type) {
    case 's':
        *(const char **)member = g_variant_get_string(value, NULL);
        break;
    case 'b':
        *(gboolean *)member = g_variant_get_boolean(value);
        break;
    case 'u':
        *(guint *)member = g_variant_get_uint32(value);
        break;
    case 't':
        *(guint64 *)member = g_variant_get_uint64(value);
        break;
    case 'a':
        store_strings(member, value);
        break;
    default:
        g_assert_not_reached();
    }
    options->set |= key->flag;
}

static gboolean
read_option(SinterOptions *options, SinterOptionFlags allowed, const char *name, GVariant *value,
            GError **error)
{
    const OptionKey *key = find_key(name, allowed);
    const char *fault = NULL;

    if (!key)
        fault = "is unknown to this method";
    else if (options->set & key->flag)
        fault = "stands twice";
    else if (!g_variant_is_of_type(value, G_VARIANT_TYPE(key->type)))
        fault = "has the wrong type";
    else if (*key->type == 's' && g_variant_get_size(value) > SINTER_OPTION_MAX_STRING)
        fault = "is too long";
    else if (*key->type == 'a' && g_variant_n_children(value) > SINTER_PLAN_MAX_IGNORED)
        fault = "has too many elements";
    if (fault) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT, "option '%.64s' %s%s%s",
                    name, fault, key ? "; its type is " : "", key ? key->type : "");
        return FALSE;
    }
    store_value(options, key, value);
    return TRUE;
}

gboolean
sinter_options_read(GVariant *dictionary, SinterOptionFlags allowed, SinterOptions *ret_options,
                    GError **error)
{
    SinterOptions options = { 0 };
    const char *name;
    GVariant *value;
    GVariantIter iter;

    g_variant_iter_init(&iter, dictionary);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        gboolean good = read_option(&options, allowed, name, value, error);

        /* the dictionary owns the strings */
        g_variant_unref(value);
        if (!good)
            return FALSE;
    }
    if (ret_options)
        *ret_options = options;
    return TRUE;
}
