/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Standard output and standard error on a terminal. Names come from images that anybody may have
 * written, and they are printed in many places. Invariant: whatever a place prints, no byte reaches
 * a terminal that could control it. (That a name does not contain line ends is up to the place; see
 * sinter_img_name().)
 */

#include "img-terminal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A character of UTF-8 has at most 4 bytes. */
#define PENDING_MAX 3

typedef struct {
    int fd;
    char pending[PENDING_MAX]; /* the beginning of a character */
    gsize n_pending;
} Stream;

static Stream streams[2];

static gboolean
is_plain(gunichar c, gboolean at_end)
{
    return c == '\n' || c == '\t' || (c == '\r' && at_end) || g_unichar_isprint(c);
}

static void
append_char(GString *out, const char *at, gsize n, gboolean at_end)
{
    gunichar c = g_utf8_get_char(at);

    if (is_plain(c, at_end))
        g_string_append_len(out, at, (gssize)n);
    else if (c < 0x100)
        g_string_append_printf(out, "\\x%02x", c);
    else
        g_string_append_printf(out, "\\u%04x", c);
}

gsize
sinter_img_terminal_mask(GString *out, const char *text, gsize n)
{
    gsize done = 0;

    while (done < n) {
        const char *at = text + done;
        gunichar c = *at == '\0' ? 0 : g_utf8_get_char_validated(at, (gssize)(n - done));

        if (c == (gunichar)-2 && n - done <= PENDING_MAX)
            return done;
        if (c == (gunichar)-1 || c == (gunichar)-2 || c == 0) {
            g_string_append_printf(out, "\\x%02x", (guint8)*at);
            done++;
            continue;
        }
        append_char(out, at, (gsize)g_utf8_skip[(guint8)*at],
                    done + (gsize)g_utf8_skip[(guint8)*at] == n);
        done += (gsize)g_utf8_skip[(guint8)*at];
    }
    return done;
}

static gboolean
write_all(int fd, const char *text, gsize n)
{
    while (n > 0) {
        ssize_t done = write(fd, text, n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return FALSE;
        text += done;
        n -= (gsize)done;
    }
    return TRUE;
}

/* cookie_write_function_t */
static ssize_t
stream_write(void *cookie, const char *text, size_t n)
{
    Stream *self = cookie;
    g_autoptr(GString) all = g_string_new_len(self->pending, (gssize)self->n_pending);
    g_autoptr(GString) out = g_string_new(NULL);
    gsize used;

    g_string_append_len(all, text, (gssize)n);
    used = sinter_img_terminal_mask(out, all->str, all->len);
    self->n_pending = all->len - used;
    memcpy(self->pending, all->str + used, self->n_pending);
    return write_all(self->fd, out->str, out->len) ? (ssize_t)n : 0;
}

static void
guard(FILE **file, int fd, int buffering, Stream *stream)
{
    const cookie_io_functions_t functions = { .write = stream_write };
    FILE *guarded;

    if (!isatty(fd))
        return;
    stream->fd = fd;
    guarded = fopencookie(stream, "w", functions);
    if (!guarded)
        return;
    setvbuf(guarded, NULL, buffering, 0);
    *file = guarded;
}

void
sinter_img_terminal_guard(void)
{
    guard(&stdout, STDOUT_FILENO, _IOLBF, &streams[0]);
    guard(&stderr, STDERR_FILENO, _IONBF, &streams[1]);
}
