/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The window over a table of variable-size entries. Tables begin at a cluster, so alignment in the
 * table and in the file are the same.
 */

#include "qcow2-stream.h"
#include "sinter-error.h"

#define WINDOW_BYTES (256 * 1024)

void
sinter_qcow2_stream_init(SinterQcow2Stream *self, SinterIo *io, guint64 start, guint64 end)
{
    *self = (SinterQcow2Stream){ .io = io, .at = start, .end = end, .start = start };
    self->window_bytes = (gsize)MIN(end - start, WINDOW_BYTES);
    self->window = g_malloc(MAX(self->window_bytes, 1));
}

void
sinter_qcow2_stream_clear(SinterQcow2Stream *self)
{
    g_clear_pointer(&self->window, g_free);
}

const guint8 *
sinter_qcow2_stream_take(SinterQcow2Stream *self, gsize len, GError **error)
{
    guint64 at = self->at;

    if (at > self->end || len > self->end - at || len > WINDOW_BYTES) {
        g_set_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT,
                    "'%s': the entry at %" G_GUINT64_FORMAT
                    " extends beyond the end of its table at %" G_GUINT64_FORMAT,
                    sinter_io_get_path(self->io), at, self->end);
        return NULL;
    }
    if (at < self->start || at + len > self->start + self->have) {
        self->have = (gsize)MIN(self->window_bytes, self->end - at);
        self->start = at;
        if (!sinter_io_read(self->io, at, self->window, self->have, error)) {
            self->have = 0;
            return NULL;
        }
    }
    self->at = at + len;
    return self->window + (at - self->start);
}

void
sinter_qcow2_stream_align(SinterQcow2Stream *self)
{
    self->at = (self->at + 7) & ~G_GUINT64_CONSTANT(7);
}
