/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads a table of variable-size entries (snapshots, bitmap directory) sequentially through a small
 * window. The length of an entry is checked against the table's end before it is read.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct {
    SinterIo *io;
    guint64 at;  /* offset in the file of the next byte */
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
 * Returns the next @len bytes, at most 256 KiB, valid until the next call; NULL with CORRUPT if the
 * table ends before.
 */
const guint8 *sinter_qcow2_stream_take(SinterQcow2Stream *self, gsize len, GError **error);

/* Skips to the next multiple of 8, counted from the table's start. */
void sinter_qcow2_stream_align(SinterQcow2Stream *self);

G_END_DECLS
