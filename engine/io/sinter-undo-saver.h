/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is saved of an image before it changes: decides which pages need their former content in the
 * undo file, and writes batches of them. Not thread-safe.
 */

#include "sinter-undo-log.h"
#include "sinter-undo-pages.h"

G_BEGIN_DECLS

typedef struct {
    SinterUndoLog *log; /* NULL: nothing has changed yet */
    SinterFs *fs;       /* a reference */
    char *path;
    char *operation;
    guint64 image_bytes; /* before the operation */
    guint64 saved_bytes;
    SinterUndoPageSet saved;
} SinterUndoSaver;

void sinter_undo_saver_init(SinterUndoSaver *self, SinterFs *fs, const char *path,
                            const char *operation);
void sinter_undo_saver_clear(SinterUndoSaver *self);

/* Creates the undo file, if that was not done yet. @io: the image, unchanged until then. */
gboolean sinter_undo_saver_begin(SinterUndoSaver *self, SinterIo *io, GError **error);

/* Saves pages, of SinterUndoPage, sorted, before they are written. Durable. */
gboolean sinter_undo_saver_save(SinterUndoSaver *self, const GPtrArray *pages, GError **error);

/*
 * Saves the pages of the range, which will be zeros, as far as @io has data there; the range has
 * whole pages, at most SINTER_UNDO_ZERO_MAX bytes. Sets @ret_any to whether there is such data.
 */
gboolean sinter_undo_saver_save_zeroed(SinterUndoSaver *self, SinterIo *io, guint64 offset,
                                       guint64 len, gboolean *ret_any, GError **error);
#define SINTER_UNDO_ZERO_MAX (8 * 1024 * 1024)

G_END_DECLS
