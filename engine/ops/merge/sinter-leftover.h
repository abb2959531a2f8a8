/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that a merge leaves over and may remove. Before it goes it must still be what it was when
 * the merge began: what it is told by is taken down then, and kept in the journal.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct {
    char *path;
    guint64 size_bytes;
    char *digest; /* SHA-256 of its first 64 KiB, in hex */
} SinterLeftover;

/* Takes down what @io, whose name is @path, is told by. */
SinterLeftover *sinter_leftover_new(SinterIo *io, const char *path, GError **error);

void sinter_leftover_free(SinterLeftover *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterLeftover, sinter_leftover_free)

/*
 * Removes the file, durably. One that is gone already is a success. One that is in use, or is no
 * longer what it was, stays, which is an error.
 */
gboolean sinter_leftover_remove(const SinterLeftover *self, SinterFs *fs, GError **error);

G_END_DECLS
