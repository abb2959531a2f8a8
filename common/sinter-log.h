/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * SinterLogField:
 *
 * One structured field of a log line, in addition to its message: SINTER_JOB, SINTER_INCIDENT,
 * DOMAIN_UUID, DOMAIN_NAME, DISK, IMAGE, ERRNO, MESSAGE_ID. A field with a %NULL value is omitted.
 */
typedef struct {
    const char *name;
    const char *value;
} SinterLogField;

/**
 * sinter_log:
 * @level: a GLib log level (one level bit)
 * @fields: (nullable): fields, terminated by one whose name is %NULL
 *
 * Logs a line with structured fields: to the journal if standard error is connected to it,
 * otherwise as plain text to standard error. For programs; libraries return GError. Any thread.
 */
void sinter_log(GLogLevelFlags level, const SinterLogField *fields, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

/**
 * sinter_log_init:
 * @program: the prefix of each plain line
 * @verbose: whether to show debug lines
 *
 * Installs the log writer for this process. Call it once, before threads are started.
 */
void sinter_log_init(const char *program, gboolean verbose);

G_END_DECLS
