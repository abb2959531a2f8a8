/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The error domain: codes and their names, the mapping from errno to codes, and the data that an
 * error carries in addition to its message. Invariant: the message of an error with a cause is its
 * own text followed by the message of the cause, until g_prefix_error() is called on it.
 */

#include "sinter-error.h"

#include <errno.h>

typedef struct {
    SinterStage stage;
    char *file;    /* NULL: none */
    char *text;    /* NULL: the whole message */
    char *hint;    /* NULL: none */
    int errnum;    /* 0: none */
    GError *cause; /* NULL: this is the first error */
} SinterErrorPrivate;

static void
sinter_error_private_init(SinterErrorPrivate *data)
{
}

static void
sinter_error_private_copy(const SinterErrorPrivate *source, SinterErrorPrivate *copy)
{
    copy->stage = source->stage;
    copy->file = g_strdup(source->file);
    copy->text = g_strdup(source->text);
    copy->hint = g_strdup(source->hint);
    copy->errnum = source->errnum;
    copy->cause = source->cause ? g_error_copy(source->cause) : NULL;
}

static void
sinter_error_private_clear(SinterErrorPrivate *data)
{
    g_free(data->file);
    g_free(data->text);
    g_free(data->hint);
    g_clear_error(&data->cause);
}

G_DEFINE_EXTENDED_ERROR(SinterError, sinter_error)

static const char *const error_names[] = {
    [SINTER_ERROR_FAILED] = "Failed",
    [SINTER_ERROR_NOT_AUTHORIZED] = "NotAuthorized",
    [SINTER_ERROR_SHARED_BASE] = "SharedBase",
    [SINTER_ERROR_LOCKED] = "Locked",
    [SINTER_ERROR_NO_SPACE] = "NoSpace",
    [SINTER_ERROR_CHAIN_CHANGED] = "ChainChanged",
    [SINTER_ERROR_CORRUPT] = "Corrupt",
    [SINTER_ERROR_UNSUPPORTED] = "Unsupported",
    [SINTER_ERROR_NOT_FOUND] = "NotFound",
    [SINTER_ERROR_BUSY] = "Busy",
    [SINTER_ERROR_INVALID_ARGUMENT] = "InvalidArgument",
    [SINTER_ERROR_CANCELLED] = "Cancelled",
    [SINTER_ERROR_TIMED_OUT] = "TimedOut",
    [SINTER_ERROR_DISCONNECTED] = "Disconnected",
    [SINTER_ERROR_SHORT_READ] = "ShortRead",
    [SINTER_ERROR_DENIED] = "Denied",
};

const char *
sinter_error_name(int code)
{
    if (code < 0 || code >= SINTER_N_ERRORS)
        return error_names[SINTER_ERROR_FAILED];
    return error_names[code];
}

SinterError
sinter_error_from_name(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(error_names); i++) {
        if (g_strcmp0(name, error_names[i]) == 0)
            return (SinterError)i;
    }
    return SINTER_ERROR_FAILED;
}

static SinterError
error_code_from_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
        return SINTER_ERROR_NO_SPACE;
    case ENOENT:
        return SINTER_ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
        return SINTER_ERROR_NOT_AUTHORIZED;
    case EBUSY:
        return SINTER_ERROR_BUSY;
    default:
        return SINTER_ERROR_FAILED;
    }
}

void
sinter_error_set_errno(GError **error, int errnum, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, SINTER_ERROR, error_code_from_errno(errnum), "%s: %s", what,
                g_strerror(errnum));
    if (error)
        sinter_error_get_private(*error)->errnum = errnum;
}

gboolean
sinter_error_refuse(GError **error, SinterError code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(SINTER_ERROR, (int)code, format, args);
    va_end(args);
    return FALSE;
}

/* --- the data of an error --------------------------------------------------------------------- */

static const SinterErrorPrivate *
error_data(const GError *error)
{
    static const SinterErrorPrivate none;

    return error && error->domain == SINTER_ERROR ? sinter_error_get_private(error) : &none;
}

/* Takes ownership of @text. */
static void
error_wrap(GError **error, SinterStage stage, const char *file, char *text)
{
    g_autofree char *message = g_strconcat(text, (*error)->message, NULL);
    GError *outer = g_error_new_literal(SINTER_ERROR, (*error)->code, message);
    SinterErrorPrivate *data = sinter_error_get_private(outer);

    data->stage = stage;
    data->file = g_strdup(file);
    data->text = text;
    data->cause = *error;
    *error = outer;
}

static void G_GNUC_PRINTF(4, 0)
    error_wrap_formatted(GError **error, SinterStage stage, const char *file, const char *format,
                         va_list args)
{
    if (!error || !*error)
        return;
    if ((*error)->domain == SINTER_ERROR) {
        error_wrap(error, stage, file, g_strdup_vprintf(format, args));
    } else {
        g_autofree char *text = g_strdup_vprintf(format, args);

        g_prefix_error(error, "%s", text);
    }
}

void
sinter_error_wrap(GError **error, SinterStage stage, const char *file, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_wrap_formatted(error, stage, file, format, args);
    va_end(args);
}

void
sinter_error_prefix(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    error_wrap_formatted(error, SINTER_STAGE_NONE, NULL, format, args);
    va_end(args);
}

void
sinter_error_wrap_open(GError **error, const char *path)
{
    sinter_error_wrap(error, SINTER_STAGE_OPEN, path, "Could not open '%s': ", path);
}

void
sinter_error_set_open(GError **error, SinterError code, const char *path, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error_literal(error, SINTER_ERROR, (int)code, why);
    sinter_error_wrap_open(error, path);
}

void
sinter_error_set_open_errno(GError **error, int errnum, const char *path)
{
    sinter_error_set_open(error, error_code_from_errno(errnum), path, "%s", g_strerror(errnum));
}

void
sinter_error_set_hinted(GError **error, SinterError code, const char *hint, const char *format, ...)
{
    g_autofree char *text = NULL;
    SinterErrorPrivate *data;
    va_list args;

    if (!error)
        return;
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, SINTER_ERROR, (int)code, "%s: %s", text, hint);
    data = sinter_error_get_private(*error);
    data->text = g_steal_pointer(&text);
    data->hint = g_strdup(hint);
}

void
sinter_error_set_stage(GError **error, SinterStage stage, const char *file)
{
    SinterErrorPrivate *data;

    if (!error || !*error || (*error)->domain != SINTER_ERROR)
        return;
    data = sinter_error_get_private(*error);
    data->stage = stage;
    g_free(data->file);
    data->file = g_strdup(file);
}

SinterStage
sinter_error_get_stage(const GError *error)
{
    return error_data(error)->stage;
}

const char *
sinter_error_get_file(const GError *error)
{
    return error_data(error)->file;
}

const GError *
sinter_error_get_cause(const GError *error)
{
    return error_data(error)->cause;
}

const char *
sinter_error_get_text(const GError *error)
{
    const char *text = error_data(error)->text;

    return text ? text : error->message;
}

const char *
sinter_error_get_hint(const GError *error)
{
    while (error && !error_data(error)->hint)
        error = error_data(error)->cause;
    return error ? error_data(error)->hint : NULL;
}

int
sinter_error_get_errno(const GError *error)
{
    while (error && error_data(error)->errnum == 0)
        error = error_data(error)->cause;
    return error ? error_data(error)->errnum : 0;
}

const GError *
sinter_error_find(const GError *error, SinterStage stage)
{
    while (error && error_data(error)->stage != stage)
        error = error_data(error)->cause;
    return error;
}

gboolean
sinter_error_is_about(const GError *error, SinterStage stage, const char *file)
{
    const SinterErrorPrivate *data = error_data(error);

    return data->stage == stage && g_strcmp0(data->file, file) == 0;
}
