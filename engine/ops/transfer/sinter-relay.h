/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Processes work in pieces with several threads: pieces are issued in order, processed
 * concurrently, and delivered in the order in which they were issued. While one thread delivers,
 * the others continue with later pieces.
 */

#include "sinter-progress.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    gsize piece_bytes;  /* size of the description of a piece */
    gsize clear_bytes;  /* bytes at its beginning that must be zero for next(); 0: all */
    gsize buffer_bytes; /* size of each thread's buffer, page-aligned and in large pages; 0: none */

    /*
     * Describes the next piece in @piece, whose first @clear_bytes are zero. @ret_end: there are no
     * more pieces. Called by one thread at a time. An error counts as a piece: it is reported after
     * all earlier pieces were delivered.
     */
    gboolean (*next)(gpointer user_data, gpointer piece, gboolean *ret_end, GError **error);

    /* Called by any number of threads concurrently. An error is reported when it is the piece's
     * turn. */
    gboolean (*work)(gpointer user_data, gpointer piece, guint8 *buffer, GError **error);

    /*
     * Called in order, by one thread at a time. @ret_units: the amount of work completed, in the
     * units of the progress. FALSE ends the whole run; without an error this is not a failure.
     */
    gboolean (*deliver)(gpointer user_data, gpointer piece, guint8 *buffer, guint64 *ret_units,
                        GError **error);

    /*
     * (nullable): completes a piece that was delivered, even if the run was stopped since then.
     * Called by any number of threads concurrently. An error ends the whole run, too.
     */
    gboolean (*finish)(gpointer user_data, gpointer piece, guint8 *buffer, GError **error);
} SinterRelayClass;

typedef struct {
    guint n_threads;           /* 0: chosen for the host */
    gboolean unordered;        /* deliver in any order, still one at a time */
    GCancellable *cancellable; /* nullable: checked before each piece */
    SinterProgress *progress;  /* nullable: updated in the calling thread */
} SinterRelayOptions;

/* FALSE with CANCELLED if cancellation was requested. @cancellable: (nullable). */
gboolean sinter_relay_check_cancelled(GCancellable *cancellable, GError **error);

/* Returns the number of threads that sinter_relay_run() uses for @n_threads (0: chosen for the
 * host). */
guint sinter_relay_threads(guint n_threads);

/*
 * Runs until there are no more pieces, an error was reported, or a delivery ended the run. With one
 * thread, the calling thread does all the work; otherwise the calling thread only reports progress.
 */
gboolean sinter_relay_run(const SinterRelayClass *klass, const SinterRelayOptions *options,
                          gpointer user_data, GError **error);

G_END_DECLS
