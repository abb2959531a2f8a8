/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Converts the options of commands that plan and start work for the daemon. */

#include "sinter-work-options.h"

#include <string.h>

#include "sinter-error.h"
#include "sinter-units.h"

#define MIB ((guint64)1 << 20)

static gboolean
is_plain_number(const char *text)
{
    return *text != '\0' && strspn(text, "0123456789") == strlen(text);
}

gboolean
sinter_bandwidth_parse(const char *text, gboolean plain_bytes, guint64 *ret_bytes_per_sec,
                       GError **error)
{
    g_autofree char *size = g_strdup(text);
    g_autoptr(GError) cause = NULL;
    guint64 bytes;

    if (g_str_has_suffix(size, "/s"))
        size[strlen(size) - 2] = '\0';
    if (!sinter_units_parse_bytes(size, &bytes, &cause) ||
        (is_plain_number(text) && !plain_bytes && !g_uint64_checked_mul(&bytes, bytes, MIB)) ||
        bytes > G_MAXINT64) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "'%s' is not a rate: expected MiB per second, or a number with K, M or G",
                    text);
        return FALSE;
    }
    *ret_bytes_per_sec = bytes;
    return TRUE;
}

void
sinter_work_options_add_string(GVariantDict *dict, const char *key, const char *value)
{
    if (value)
        g_variant_dict_insert(dict, key, "s", value);
}

gboolean
sinter_range_options_add(const SinterRangeOptions *options, GVariantDict *dict, GError **error)
{
    guint64 keep = 0;

    if (options->keep &&
        !g_ascii_string_to_unsigned(options->keep, 10, 0, G_MAXUINT32, &keep, NULL)) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT,
                    "invalid value '%s' of --keep: expected a number of snapshots", options->keep);
        return FALSE;
    }
    if (options->keep)
        g_variant_dict_insert(dict, "keep", "u", (guint32)keep);
    sinter_work_options_add_string(dict, "top", options->top);
    sinter_work_options_add_string(dict, "base", options->base);
    if (options->pull)
        g_variant_dict_insert(dict, "pull", "b", TRUE);
    if (options->keep_files)
        g_variant_dict_insert(dict, "keep-files", "b", TRUE);
    return TRUE;
}

void
sinter_ignore_options_add(const SinterIgnoreOptions *options, GVariantDict *dict)
{
    if (options->readers)
        g_variant_dict_insert_value(dict, "ignore-readers",
                                    g_variant_new_strv((const char *const *)options->readers, -1));
    if (options->manager)
        g_variant_dict_insert(dict, "ignore-manager", "b", TRUE);
    if (options->migrated)
        g_variant_dict_insert(dict, "ignore-migrated", "b", TRUE);
    if (options->drop_checkpoints)
        g_variant_dict_insert(dict, "drop-checkpoints", "b", TRUE);
}

gboolean
sinter_bandwidth_options_add(const SinterBandwidthOptions *options, GVariantDict *dict,
                             GError **error)
{
    guint64 bytes_per_sec;

    if (!options->limit)
        return TRUE;
    if (!sinter_bandwidth_parse(options->limit, options->bytes, &bytes_per_sec, error))
        return FALSE;
    g_variant_dict_insert(dict, "bandwidth", "t", bytes_per_sec);
    return TRUE;
}
