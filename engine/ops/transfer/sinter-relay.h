/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Work in pieces, by several threads: pieces are handed out in order, worked on side by side, and
 * delivered in the order in which they were handed out. While one thread delivers, the others
 * read ahead.
 */

#include "sinter-progress.h"

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    gsize piece_bytes;  /* of a piece's description */
    gsize clear_bytes;  /* of them, those in front that next() wants to be zero; 0: all */
    gsize buffer_bytes; /* that a thread works in, page-aligned and in large pages; 0: none */

    /*
     * Describes the next piece in @piece, whose @clear_bytes are zero. @ret_end: there is none. One
     * thread at a time. An error counts as a piece: it is told when all before it was delivered.
     */
    gboolean (*next)(gpointer user_data, gpointer piece, gboolean *ret_end, GError **error);

    /* Any number of threads at a time. An error is told when it is the piece's turn. */
    gboolean (*work)(gpointer user_data, gpointer piece, guint8 *buffer, GError **error);

    /*
     * In order, one thread at a time. @ret_units: what is done with it, in the progress's units.
     * FALSE ends all; without an error that is no failure.
     */
    gboolean (*deliver)(gpointer user_data, gpointer piece, guint8 *buffer, guint64 *ret_units,
                        GError **error);

    /*
     * (nullable): what is left to do with a piece that was delivered, also when all has been
     * stopped since. Any number of threads at a time. Its error ends all, too.
     */
    gboolean (*finish)(gpointer user_data, gpointer piece, guint8 *buffer, GError **error);
} SinterRelayClass;

typedef struct {
    guint n_threads;           /* 0: what fits the host */
    gboolean unordered;        /* deliver in any order, still one at a time */
    GCancellable *cancellable; /* nullable: looked at before each piece */
    SinterProgress *progress;  /* nullable: told from the thread that calls */
} SinterRelayOptions;

/* FALSE with CANCELLED where a stop was asked for. @cancellable: (nullable). */
gboolean sinter_relay_check_cancelled(GCancellable *cancellable, GError **error);

/* The threads that sinter_relay_run() takes with @n_threads (0: what fits the host). */
guint sinter_relay_threads(guint n_threads);

/*
 * Runs until there is no further piece, an error was told, or a delivery said stop. With one thread
 * that is the calling one; else the calling one tells of the progress, and none works but others.
 */
gboolean sinter_relay_run(const SinterRelayClass *klass, const SinterRelayOptions *options,
                          gpointer user_data, GError **error);

G_END_DECLS
