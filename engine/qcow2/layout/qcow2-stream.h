/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads a table of variable entries (snapshots, bitmap directory) from front to end through a
 * small window. What an entry claims to be long is held against the table's end before it is
 * read.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct {
    SinterIo *io;
    guint64 at;  /* in the file: the next byte to take */
    guint64 end; /* of the table */
    guint8 *window;
    gsize window_bytes;
    gsize have;    /* valid bytes in the window */
    guint64 start; /* of the window in the file */
} SinterQcow2Stream;

void sinter_qcow2_stream_init(SinterQcow2Stream *self, SinterIo *io, guint64 start, guint64 end);
void sinter_qcow2_stream_clear(SinterQcow2Stream *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow2Stream, sinter_qcow2_stream_clear)

/*
 * The next @len bytes, at most 256 KiB, valid until the next call; NULL with CORRUPT where the
 * table ends before.
 */
const guint8 *sinter_qcow2_stream_take(SinterQcow2Stream *self, gsize len, GError **error);

/* Skips to the next multiple of 8 from the table's start on. */
void sinter_qcow2_stream_align(SinterQcow2Stream *self);

G_END_DECLS
