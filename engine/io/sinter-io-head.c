/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Replaces the first bytes of a file in memory. Invariant: the file's own first bytes do not change
 * before a write touches them, and then all of them change with one write. Used by one thread.
 */

#include "sinter-io-head.h"
#include "sinter-io-forward.h"

#include <string.h>

typedef struct {
    SinterIoForward base;
    guint8 *head;
    gsize n;
} SinterIoHead;

static gssize
head_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error)
{
    SinterIoHead *self = (SinterIoHead *)io;
    gssize n = sinter_io_forward_read(io, offset, buf, len, error);

    if (n > 0 && offset < self->n)
        memcpy(buf, self->head + offset, MIN((gsize)n, self->n - (gsize)offset));
    return n;
}

static gboolean
head_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error)
{
    SinterIoHead *self = (SinterIoHead *)io;
    g_autofree guint8 *whole = NULL;
    gsize end = (gsize)offset + len;

    if (offset >= self->n)
        return sinter_io_forward_write(io, offset, buf, len, error);
    whole = g_malloc(MAX(end, self->n));
    memcpy(whole, self->head, self->n);
    memcpy(whole + offset, buf, len);
    memcpy(self->head, whole, self->n);
    return sinter_io_forward_write(io, 0, whole, MAX(end, self->n), error);
}

static void
head_finalize(SinterIo *io)
{
    g_free(((SinterIoHead *)io)->head);
    sinter_io_forward_finalize(io);
}

static const SinterIoClass head_io_class = {
    .driver = "head",
    .instance_bytes = sizeof(SinterIoHead),
    .read = head_read,
    .write = head_write,
    .discard = sinter_io_forward_discard,
    .truncate = sinter_io_forward_truncate,
    .flush = sinter_io_forward_flush,
    .stat = sinter_io_forward_stat,
    .extents = sinter_io_forward_extents,
    .lock = sinter_io_forward_lock,
    .finalize = head_finalize,
};

SinterIo *
sinter_io_head_new(SinterIo *inner, const guint8 *head, gsize n)
{
    SinterIoHead *self = sinter_io_alloc(&head_io_class, inner->path, inner->flags);

    self->base.inner = sinter_io_ref(inner);
    self->head = g_memdup2(head, n);
    self->n = n;
    return &self->base.io;
}
