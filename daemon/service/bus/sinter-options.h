/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-plan-request.h"

G_BEGIN_DECLS

/* The keys of a method's dictionary of options, as bits: the row in sinter-method.c has those that
 * the method allows, SinterOptions.set has those that the caller gave. */
typedef enum {
    SINTER_OPTION_NO_INTERACTION = 1 << 0, /* allowed for every method */
    SINTER_OPTION_DISK = 1 << 1,
    SINTER_OPTION_KEEP = 1 << 2,
    SINTER_OPTION_TOP = 1 << 3,
    SINTER_OPTION_BASE = 1 << 4,
    SINTER_OPTION_PULL = 1 << 5,
    SINTER_OPTION_KEEP_FILES = 1 << 6,
    SINTER_OPTION_BANDWIDTH = 1 << 7,
    SINTER_OPTION_FORMAT = 1 << 8,
    SINTER_OPTION_SHALLOW = 1 << 9,
    SINTER_OPTION_REUSE_EXTERNAL = 1 << 10,
    SINTER_OPTION_FINISH = 1 << 11,
    SINTER_OPTION_IGNORE_READERS = 1 << 12,
    SINTER_OPTION_IGNORE_MANAGER = 1 << 13,
    SINTER_OPTION_LEVEL = 1 << 14,
    SINTER_OPTION_DROP_CHECKPOINTS = 1 << 15,
    SINTER_OPTION_IGNORE_MIGRATED = 1 << 16,
    SINTER_OPTION_NAME = 1 << 17,
    SINTER_OPTION_DESCRIPTION = 1 << 18,
    SINTER_OPTION_DISKS = 1 << 19,
} SinterOptionFlags;

/* The options of a caller. Strings belong to the dictionary that was read. Options that were not
 * given are %NULL, 0 or %FALSE. */
typedef struct {
    SinterOptionFlags set;
    gboolean no_interaction;
    guint64 bandwidth_bytes_per_sec;
    gboolean finish;
    SinterPlanRequest wanted; /* the options for the planner */
} SinterOptions;

/* The longest string that an option may hold, in bytes. */
#define SINTER_OPTION_MAX_STRING 4096

/**
 * sinter_options_read:
 * @dictionary: an a{sv}
 * @allowed: the keys that the method allows
 * @ret_options: (out) (optional): the options; unchanged on failure
 *
 * Returns: %FALSE with an INVALID_ARGUMENT error that names the key, if a key is not allowed,
 * occurs twice, has another type, is too long or has too many elements.
 */
gboolean sinter_options_read(GVariant *dictionary, SinterOptionFlags allowed,
                             SinterOptions *ret_options, GError **error);

G_END_DECLS
