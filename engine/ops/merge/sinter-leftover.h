/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A file that is no longer needed after a merge and may be removed. Before it is removed, it must
 * be identical to the file at the beginning of the merge: its identity is recorded at that time and
 * kept in the journal.
 */

#include "io/sinter-io.h"

G_BEGIN_DECLS

typedef struct {
    char *path;
    guint64 size_bytes;
    char *digest; /* SHA-256 of its first 64 KiB, in hex */
} SinterLeftover;

/* Records the identity of @io, whose name is @path. */
SinterLeftover *sinter_leftover_new(SinterIo *io, const char *path, GError **error);

void sinter_leftover_free(SinterLeftover *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterLeftover, sinter_leftover_free)

/* Returns whether both are the file of the same name with the same content, as far as recorded. */
gboolean sinter_leftover_is_same(const SinterLeftover *self, const SinterLeftover *other);

/*
 * Durably removes the file. Succeeds if the file does not exist. If the file is in use or has
 * changed, it is kept and this is an error.
 */
gboolean sinter_leftover_remove(const SinterLeftover *self, SinterFs *fs, GError **error);

G_END_DECLS
