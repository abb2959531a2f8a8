/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads many tables in the order of the file: neighbours are joined into reads of about a
 * megabyte, a thread of its own reads ahead, and holes need not be read at all.
 */

#include "io/sinter-io.h"

#include <gio/gio.h>

typedef struct _SinterProgress SinterProgress;

G_BEGIN_DECLS

typedef struct {
    guint64 offset;
    guint64 bytes;
} SinterQcow2Range;

typedef struct {
    SinterIo *io;
    guint64 file_bytes; /* what lies beyond reads as zeros and is not handed out */
    /* Ask the file system for holes, and do not hand them out either: they are zeros. */
    gboolean skip_holes;
    GCancellable *cancellable; /* nullable */
    gint64 deadline_usec;      /* of g_get_monotonic_time(), 0: none */
    SinterProgress *progress;  /* nullable: bytes of the ranges */
    /*
     * What to do with a stretch that cannot be read: NULL, or FALSE from it, gives up with the
     * error; TRUE leaves the stretch out.
     */
    gboolean (*failed)(const GError *error, guint64 offset, guint64 bytes, gpointer failed_data);
    gpointer failed_data;
} SinterQcow2Reader;

/*
 * A piece of a range: @len bytes from the range's byte @at on. Pieces of a range come in order
 * and begin at multiples of 4 KiB; where the end of the file cuts one off, zeros fill it up to a
 * multiple of 16 bytes. @data is valid during the call.
 */
typedef gboolean (*SinterQcow2PieceFunc)(guint index, guint64 at, const guint8 *data, gsize len,
                                         gpointer user_data, GError **error);

/*
 * Hands out @n ranges, sorted by their offset, to @func. FALSE where reading failed, @func said so,
 * or with CANCELLED or TIMED_OUT.
 */
gboolean sinter_qcow2_reader_run(const SinterQcow2Reader *self, const SinterQcow2Range *ranges,
                                 guint n, SinterQcow2PieceFunc func, gpointer user_data,
                                 GError **error);

/* FALSE with CANCELLED or TIMED_OUT where the work is to stop. Any thread. */
gboolean sinter_qcow2_reader_go_on(const SinterQcow2Reader *self, GError **error);

G_END_DECLS
