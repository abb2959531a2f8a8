/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The driver for pipes, sockets and other kinds of standard output. Invariant: bytes are written in
 * order, each once; a write at any other offset is a caller's error and is refused.
 */

#include "sinter-io-stream.h"
#include "sinter-error.h"
#include "sinter-file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

/* The limit for unprivileged users: fewer switches between writer and reader. */
#define PIPE_BYTES (1024 * 1024)

typedef struct {
    SinterIo io;
    SinterFd fd;
    guint64 at; /* bytes written so far */
} SinterIoStream;

static gssize
stream_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED, "'%s' can only be written",
                io->path);
    return -1;
}

/* Waits if the other end set the description to non-blocking. */
static void
stream_wait(SinterIoStream *self)
{
    struct pollfd wait = { .fd = self->fd, .events = POLLOUT };

    poll(&wait, 1, -1);
}

static gboolean
stream_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    SinterIoStream *self = (SinterIoStream *)io;
    gsize done = 0;

    if (offset != self->at) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED,
                    "writing '%s' at offset %" G_GUINT64_FORMAT ": it is at %" G_GUINT64_FORMAT
                    " and cannot seek",
                    io->path, offset, self->at);
        return FALSE;
    }
    while (done < len) {
        ssize_t n = write(self->fd, (const guint8 *)buf + done, len - done);

        if (n < 0 && errno == EAGAIN) {
            stream_wait(self);
        } else if (n > 0) {
            done += (gsize)n;
        } else if (n == 0 || errno != EINTR) {
            sinter_error_set_errno(error, n < 0 ? errno : EIO, "writing '%s'", io->path);
            return FALSE;
        }
    }
    self->at += len;
    return TRUE;
}

static gboolean
stream_flush(SinterIo *io, GError **error)
{
    SinterIoStream *self = (SinterIoStream *)io;

    /* a pipe has no storage to wait for */
    if (fdatasync(self->fd) == 0 || errno == EINVAL || errno == EROFS || errno == ENOTSUP)
        return TRUE;
    sinter_error_set_errno(error, errno, "flushing '%s'", io->path);
    return FALSE;
}

static gboolean
stream_stat(SinterIo *io, SinterIoStat *ret, GError **error)
{
    SinterIoStream *self = (SinterIoStream *)io;

    *ret = (SinterIoStat){ .size_bytes = self->at, .allocated_bytes = self->at };
    return TRUE;
}

static void
stream_finalize(SinterIo *io)
{
    sinter_fd_clear(&((SinterIoStream *)io)->fd);
}

static const SinterIoClass stream_class = {
    .driver = "stream",
    .instance_bytes = sizeof(SinterIoStream),
    .read = stream_read,
    .write = stream_write,
    .flush = stream_flush,
    .stat = stream_stat,
    .finalize = stream_finalize,
};

SinterIo *
sinter_io_stream_new(int fd, const char *name, GError **error)
{
    g_auto(SinterFd) own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    SinterIoStream *self;

    if (own < 0) {
        sinter_error_set_errno(error, errno, "using the descriptor %d for '%s'", fd, name);
        return NULL;
    }
    /* fails if it is not a pipe, or not allowed: the size is then unchanged */
    fcntl(own, F_SETPIPE_SZ, PIPE_BYTES);
    self = sinter_io_alloc(&stream_class, name, SINTER_IO_WRITE);
    self->fd = sinter_fd_steal(&own);
    return &self->io;
}
