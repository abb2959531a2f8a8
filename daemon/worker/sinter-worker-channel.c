/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Messages as lines over a socket. Invariant: the buffer for an unfinished line is bounded, so a
 * peer that never ends a line cannot exhaust memory; sending times out, so a peer that never reads
 * cannot block forever.
 */

#include "sinter-worker-channel.h"

#include "sinter-file.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

/* 200 names of 4 KiB, each byte escaped, and the JSON around them */
#define MAX_LINE_BYTES (4 * 1024 * 1024)
#define READ_BYTES (16 * 1024)
#define SEND_TIMEOUT_SEC 10

struct _SinterWorkerChannel {
    SinterFd fd;
    GMutex send_lock;    /* one message at a time */
    GByteArray *pending; /* received, not yet returned */
    gsize n_searched;    /* leading bytes of @pending known to hold no line end */
};

SinterWorkerChannel *
sinter_worker_channel_new(int fd)
{
    const struct timeval timeout = { .tv_sec = SEND_TIMEOUT_SEC };
    SinterWorkerChannel *channel = g_new0(SinterWorkerChannel, 1);

    channel->fd = fd;
    channel->pending = g_byte_array_new();
    g_mutex_init(&channel->send_lock);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    return channel;
}

void
sinter_worker_channel_free(SinterWorkerChannel *channel)
{
    if (!channel)
        return;
    sinter_fd_clear(&channel->fd);
    g_byte_array_unref(channel->pending);
    g_mutex_clear(&channel->send_lock);
    g_free(channel);
}

gboolean
sinter_worker_channel_send(SinterWorkerChannel *channel, const SinterWorkerMessage *message,
                           GError **error)
{
    g_autofree char *json = sinter_worker_message_to_json(message);
    g_autofree char *line = g_strconcat(json, "\n", NULL);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&channel->send_lock);
    gsize len = strlen(line);

    for (gsize done = 0; done < len;) {
        ssize_t n = send(channel->fd, line + done, len - done, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            sinter_error_set_errno(error, errno, "sending a message over the worker's socket");
            return FALSE;
        }
        done += (gsize)n;
    }
    return TRUE;
}

/* Takes the first line from the pending bytes, if it is complete. */
static gboolean
take_line(SinterWorkerChannel *channel, char **ret_line, gsize *ret_len)
{
    GByteArray *pending = channel->pending;
    const guint8 *end = NULL;

    if (pending->len > channel->n_searched)
        end = memchr(pending->data + channel->n_searched, '\n', pending->len - channel->n_searched);
    channel->n_searched = pending->len;
    if (!end)
        return FALSE;
    *ret_len = (gsize)(end - pending->data);
    *ret_line = g_strndup((const char *)pending->data, *ret_len);
    g_byte_array_remove_range(pending, 0, (guint)*ret_len + 1);
    channel->n_searched = 0;
    return TRUE;
}

/* Reads more bytes; *@ret_n is 0 at end-of-file. */
static gboolean
read_more(SinterWorkerChannel *channel, gsize *ret_n, GError **error)
{
    guint8 buf[READ_BYTES];
    ssize_t n;

    if (channel->pending->len >= MAX_LINE_BYTES) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "a message over the worker's socket is longer than %d bytes", MAX_LINE_BYTES);
        return FALSE;
    }
    do
        n = read(channel->fd, buf, sizeof buf);
    while (n < 0 && errno == EINTR);
    if (n < 0 && errno != ECONNRESET) {
        sinter_error_set_errno(error, errno, "reading from the worker's socket");
        return FALSE;
    }
    *ret_n = (gsize)MAX(n, 0);
    g_byte_array_append(channel->pending, buf, (guint)*ret_n);
    return TRUE;
}

gboolean
sinter_worker_channel_receive(SinterWorkerChannel *channel, SinterWorkerMessage **ret_message,
                              GError **error)
{
    g_autofree char *line = NULL;
    gsize len = 0;

    while (!take_line(channel, &line, &len)) {
        gsize n;

        if (!read_more(channel, &n, error))
            return FALSE;
        if (n == 0) { /* an unterminated last line is truncated and ignored */
            *ret_message = NULL;
            return TRUE;
        }
    }
    *ret_message = sinter_worker_message_from_json(line, len, error);
    return *ret_message != NULL;
}
