/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "follow/sinter-follow.h"

G_BEGIN_DECLS

/* What the commands that plan and start work have in common: their options, and how these go to
 * the daemon. */

/* Which layers: of plan and consolidate. */
typedef struct {
    char *keep; /* a number */
    char *top;
    char *base;
    gboolean pull;
    gboolean keep_files;
} SinterRangeOptions;

#define SINTER_RANGE_ENTRIES(type)                                                                 \
    { "keep",                                                                                      \
      0,                                                                                           \
      0,                                                                                           \
      G_OPTION_ARG_FILENAME,                                                                       \
      SINTER_COMMAND_MEMBER(type, range.keep),                                                     \
      "leave the newest N snapshots as layers of their own",                                       \
      "N" },                                                                                       \
        { "top",                                                                                   \
          0,                                                                                       \
          0,                                                                                       \
          G_OPTION_ARG_FILENAME,                                                                   \
          SINTER_COMMAND_MEMBER(type, range.top),                                                  \
          "the highest layer to merge (a path, a file name, vda[3], a snapshot)",                  \
          "LAYER" },                                                                               \
        { "base",                                                                                  \
          0,                                                                                       \
          0,                                                                                       \
          G_OPTION_ARG_FILENAME,                                                                   \
          SINTER_COMMAND_MEMBER(type, range.base),                                                 \
          "the layer to merge into; with --pull: that stays below",                                \
          "LAYER" },                                                                               \
        { "pull",                                                                                  \
          0,                                                                                       \
          0,                                                                                       \
          G_OPTION_ARG_NONE,                                                                       \
          SINTER_COMMAND_MEMBER(type, range.pull),                                                 \
          "merge upward, into the active layer",                                                   \
          NULL },                                                                                  \
    {                                                                                              \
        "keep-files", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(type, range.keep_files),      \
            "leave the merged files", NULL                                                         \
    }

/* How fast. */
typedef struct {
    char *limit;
    gboolean bytes;
} SinterBandwidthOptions;

#define SINTER_BANDWIDTH_ENTRIES(type)                                                             \
    { "bandwidth",                                                                                 \
      0,                                                                                           \
      0,                                                                                           \
      G_OPTION_ARG_FILENAME,                                                                       \
      SINTER_COMMAND_MEMBER(type, bandwidth.limit),                                                \
      "at most so much a second: MiB, or with a unit (500K, 1.5G); 0: no limit",                   \
      "RATE" },                                                                                    \
    {                                                                                              \
        "bytes", 0, 0, G_OPTION_ARG_NONE, SINTER_COMMAND_MEMBER(type, bandwidth.bytes),            \
            "a RATE without a unit is bytes, not MiB", NULL                                        \
    }

/**
 * sinter_bandwidth_parse:
 * @text: a number with a unit, or a plain number: as in virsh that is MiB a second, or bytes a
 *   second when @plain_bytes
 *
 * Returns: %FALSE with an INVALID_ARGUMENT error that quotes @text
 */
gboolean sinter_bandwidth_parse(const char *text, gboolean plain_bytes, guint64 *ret_bytes_per_sec,
                                GError **error);

/* Put what was given into @dict. FALSE with an INVALID_ARGUMENT error. */
gboolean sinter_range_options_add(const SinterRangeOptions *options, GVariantDict *dict,
                                  GError **error);
gboolean sinter_bandwidth_options_add(const SinterBandwidthOptions *options, GVariantDict *dict,
                                      GError **error);

/* @value: %NULL: not given */
void sinter_work_options_add_string(GVariantDict *dict, const char *key, const char *value);

G_END_DECLS
