/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "follow/sinter-follow.h"

G_BEGIN_DECLS

/* Common to the commands that plan and start work: their options, and how the options are passed to
 * the daemon. */

/* The selection of layers for plan and consolidate. */
typedef struct {
    const char *keep; /* a number */
    const char *top;
    const char *base;
    gboolean pull;
    gboolean keep_files;
} SinterRangeOptions;

#define SINTER_RANGE_OPTIONS(type)                                                                 \
    { "keep", 0, "N", "keep the newest N snapshots as separate layers",                            \
      SINTER_OPTION_MEMBER(type, range.keep) },                                                    \
        { "top", 0, "LAYER", "highest layer to merge (a path, a file name, vda[3], a snapshot)",   \
          SINTER_OPTION_MEMBER(type, range.top) },                                                 \
        { "base", 0, "LAYER", "layer to merge into; with --pull: the remaining backing file",      \
          SINTER_OPTION_MEMBER(type, range.base) },                                                \
        { "pull", 0, NULL, "merge into the active layer",                                          \
          SINTER_OPTION_MEMBER(type, range.pull) },                                                \
    {                                                                                              \
        "keep-files", 0, NULL, "keep the merged files",                                            \
            SINTER_OPTION_MEMBER(type, range.keep_files)                                           \
    }

/* Which safety rules an administrator overrides. */
typedef struct {
    char **readers; /* names of domains, paths of images */
    gboolean manager;
    gboolean migrated;
    gboolean drop_checkpoints;
} SinterIgnoreOptions;

#define SINTER_IGNORE_OPTIONS(type)                                                                \
    { "ignore-reader",                                                                             \
      0,                                                                                           \
      "NAME",                                                                                      \
      "this domain or image does not use the images; can be repeated",                             \
      SINTER_OPTION_MEMBER(type, ignore.readers),                                                  \
      .kind = SINTER_OPTION_LIST },                                                                \
        { "ignore-manager", 0, NULL, "also work on a domain that another program manages",         \
          SINTER_OPTION_MEMBER(type, ignore.manager) },                                            \
        { "ignore-migrated", 0, NULL, "also work on a domain that was migrated to another host",   \
          SINTER_OPTION_MEMBER(type, ignore.migrated) },                                           \
    {                                                                                              \
        "drop-checkpoints", 0, NULL, "delete checkpoints whose dirty bitmaps would be lost",       \
            SINTER_OPTION_MEMBER(type, ignore.drop_checkpoints)                                    \
    }

/* The rate limit. */
typedef struct {
    const char *limit;
    gboolean bytes;
} SinterBandwidthOptions;

#define SINTER_BANDWIDTH_OPTIONS(type)                                                             \
    { "bandwidth", 0, "RATE", "limit per second: MiB, or with a unit (500K, 1.5G); 0: no limit",   \
      SINTER_OPTION_MEMBER(type, bandwidth.limit) },                                               \
    {                                                                                              \
        "bytes", 0, NULL, "a RATE without a unit is in bytes per second",                          \
            SINTER_OPTION_MEMBER(type, bandwidth.bytes)                                            \
    }

/**
 * sinter_bandwidth_parse:
 * @text: a number with a unit, or a plain number: as in virsh in MiB per second, or in bytes per
 *   second if @plain_bytes
 *
 * Returns: %FALSE with an INVALID_ARGUMENT error that quotes @text
 */
gboolean sinter_bandwidth_parse(const char *text, gboolean plain_bytes, guint64 *ret_bytes_per_sec,
                                GError **error);

/* Add the given options to @dict. FALSE with an INVALID_ARGUMENT error. */
gboolean sinter_range_options_add(const SinterRangeOptions *options, GVariantDict *dict,
                                  GError **error);
gboolean sinter_bandwidth_options_add(const SinterBandwidthOptions *options, GVariantDict *dict,
                                      GError **error);

void sinter_ignore_options_add(const SinterIgnoreOptions *options, GVariantDict *dict);

/* @value: %NULL: not given */
void sinter_work_options_add_string(GVariantDict *dict, const char *key, const char *value);

G_END_DECLS
