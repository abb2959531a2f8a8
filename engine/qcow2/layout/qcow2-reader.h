/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reads many tables in file order: adjacent ones are joined into reads of about 1 MiB, a separate
 * thread reads ahead, and holes are optionally skipped.
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
    guint64 file_bytes; /* the rest beyond reads as zeros and is not passed on */
    /* Ask the file system for holes and do not pass them on: they are zeros. */
    gboolean skip_holes;
    GCancellable *cancellable; /* nullable */
    gint64 deadline_usec;      /* on the clock of g_get_monotonic_time(), 0: none */
    SinterProgress *progress;  /* nullable: counts bytes of the ranges */
    /*
     * Called for a range that cannot be read: NULL, or a return value of FALSE, ends the work with
     * the error; TRUE skips the range.
     */
    gboolean (*failed)(const GError *error, guint64 offset, guint64 bytes, gpointer failed_data);
    gpointer failed_data;
} SinterQcow2Reader;

/*
 * Receives a piece of a range: @len bytes from byte @at of the range on. Pieces of a range come in
 * order and begin at multiples of 4 KiB; a piece that the end of the file cuts off is padded with
 * zeros to a multiple of 16 bytes. @data is valid during the call.
 */
typedef gboolean (*SinterQcow2PieceFunc)(guint index, guint64 at, const guint8 *data, gsize len,
                                         gpointer user_data, GError **error);

/*
 * Passes @n ranges, sorted by offset, to @func. Returns FALSE if reading failed or @func returned
 * FALSE, or with CANCELLED or TIMED_OUT.
 */
gboolean sinter_qcow2_reader_run(const SinterQcow2Reader *self, const SinterQcow2Range *ranges,
                                 guint n, SinterQcow2PieceFunc func, gpointer user_data,
                                 GError **error);

/* Returns FALSE with CANCELLED or TIMED_OUT if the work must stop. Any thread. */
gboolean sinter_qcow2_reader_go_on(const SinterQcow2Reader *self, GError **error);

G_END_DECLS
