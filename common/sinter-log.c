/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Structured log for all programs of the project: one call with named fields. GLib's writer sends
 * the line to the journal. Without a journal a plain line goes to standard error, so that a daemon
 * in a terminal and one under systemd log the same text.
 */

#include "sinter-log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_FIELDS 16

static const char *log_program = "sinter";
static gboolean log_verbose;

static const char *
level_word(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return "error: ";
    if (level & G_LOG_LEVEL_WARNING)
        return "warning: ";
    if (level & G_LOG_LEVEL_DEBUG)
        return "debug: ";
    return "";
}

static GLogWriterOutput
log_writer(GLogLevelFlags level, const GLogField *fields, gsize n_fields, gpointer user_data)
{
    const char *message = "";
    int message_len = 0;

    if ((level & G_LOG_LEVEL_DEBUG) && !log_verbose)
        return G_LOG_WRITER_HANDLED;
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, fields, n_fields, user_data) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0) {
            message = fields[i].value;
            message_len = fields[i].length < 0 ? (int)strlen(message) : (int)fields[i].length;
        }
    }
    fprintf(stderr, "%s: %s%.*s\n", log_program, level_word(level), message_len, message);
    return G_LOG_WRITER_HANDLED;
}

void
sinter_log_init(const char *program, gboolean verbose)
{
    log_program = program;
    log_verbose = verbose;
    g_log_set_writer_func(log_writer, NULL, NULL);
}

/* Returns journald's PRIORITY value, which is a syslog level. */
static const char *
level_priority(GLogLevelFlags level)
{
    if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
        return "3";
    if (level & G_LOG_LEVEL_WARNING)
        return "4";
    if (level & G_LOG_LEVEL_MESSAGE)
        return "5";
    return level & G_LOG_LEVEL_DEBUG ? "7" : "6";
}

void
sinter_log(GLogLevelFlags level, const SinterLogField *fields, const char *format, ...)
{
    g_autofree char *message = NULL;
    GLogField out[MAX_FIELDS];
    gsize n = 0;
    va_list args;

    va_start(args, format);
    message = g_strdup_vprintf(format, args);
    va_end(args);
    out[n++] = (GLogField){ "MESSAGE", message, -1 };
    out[n++] = (GLogField){ "PRIORITY", level_priority(level), -1 };
    out[n++] = (GLogField){ "GLIB_DOMAIN", "Sinter", -1 };
    for (; fields && fields->name && n < MAX_FIELDS; fields++) {
        if (fields->value)
            out[n++] = (GLogField){ fields->name, fields->value, -1 };
    }
    g_log_structured_array(level, out, n);
}
