/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

#include "sinter-plan-request.h"

G_BEGIN_DECLS

/* What a caller may put into a method's dictionary of options, as bits: those of one method are
 * in its row of sinter-method.c, and those that were given are in SinterOptions.set. */
typedef enum {
    SINTER_OPTION_NO_INTERACTION = 1 << 0, /* every method has it */
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
} SinterOptionFlags;

/* What a caller gave. Strings belong to the dictionary that was read. What was not given is %NULL,
 * 0 and %FALSE. */
typedef struct {
    SinterOptionFlags set;
    gboolean no_interaction;
    guint64 bandwidth_bytes_per_sec;
    gboolean finish;
    SinterPlanRequest wanted; /* the options that are the planner's */
} SinterOptions;

/* The longest string that an option may hold, in bytes. */
#define SINTER_OPTION_MAX_STRING 4096

/**
 * sinter_options_read:
 * @dictionary: an a{sv}
 * @allowed: the keys that the method knows
 * @ret_options: (out) (optional): what was given; untouched on failure
 *
 * Returns: %FALSE with an INVALID_ARGUMENT error that names the key, for one that is not allowed,
 * stands twice, has another type or is too long.
 */
gboolean sinter_options_read(GVariant *dictionary, SinterOptionFlags allowed,
                             SinterOptions *ret_options, GError **error);

G_END_DECLS
