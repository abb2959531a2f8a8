/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages. Invariant: a text from an image cannot begin a line of its own on a terminal (nothing
 * that is printed can control one, img-terminal.h); output to a pipe or a file is byte for byte
 * what qemu-img would write.
 */

#include "img-message.h"
#include "sinter-error.h"
#include "sinter-text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *program = "sinter-img";

const char *
sinter_img_program(void)
{
    return program;
}

void
sinter_img_set_program(const char *argv0)
{
    g_autofree char *base = g_path_get_basename(argv0);

    if (strcmp(base, "qemu-img") == 0)
        program = "qemu-img";
}

static char *
shown_on(int fd, const char *text)
{
    g_autofree char *valid = NULL;

    if (!isatty(fd))
        return g_strdup(text);
    valid = g_utf8_make_valid(text, -1);
    return sinter_text_printable(valid);
}

static void
say(const char *kind, const char *text)
{
    g_autofree char *shown = shown_on(STDERR_FILENO, text);

    fprintf(stderr, "%s: %s%s\n", program, kind, shown);
}

static void G_GNUC_PRINTF(2, 0) say_formatted(const char *kind, const char *format, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(format, args);

    say(kind, text);
}

void
sinter_img_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_formatted("", format, args);
    va_end(args);
}

void
sinter_img_warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_formatted("warning: ", format, args);
    va_end(args);
}

int
sinter_img_usage_error(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    say_formatted("", format, args);
    va_end(args);
    fprintf(stderr, "Try '%s --help' for more information\n", program);
    return 1;
}

/* Prints @text and the texts of @error and its causes; a hint is printed on a separate line. */
static void
report_chain(const char *text, const GError *error)
{
    const char *hint = sinter_error_get_hint(error);
    g_autoptr(GString) line = g_string_new(text);

    for (const GError *at = error; at; at = sinter_error_get_cause(at))
        g_string_append(line, sinter_error_get_text(at));
    say("", line->str);
    if (hint) {
        g_autofree char *shown = shown_on(STDERR_FILENO, hint);

        fprintf(stderr, "%c%s\n", g_ascii_toupper(*shown), shown + 1);
    }
}

void
sinter_img_report(const GError *error)
{
    report_chain("", error);
}

void
sinter_img_report_as(const GError *error, SinterStage stage, const char *file, const char *format,
                     ...)
{
    g_autofree char *text = NULL;
    va_list args;

    if (!sinter_error_is_about(error, stage, file)) {
        report_chain("", error);
        return;
    }
    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    report_chain(text, sinter_error_get_cause(error));
}

char *
sinter_img_name(const char *name)
{
    return shown_on(STDOUT_FILENO, name);
}

char *
sinter_img_error_name(const char *name)
{
    return shown_on(STDERR_FILENO, name);
}
