/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * An image file whose former content is saved before it changes. Writes are held back until the
 * file is flushed; reads see them.
 */

#include "sinter-undo-saver.h"
#include "sinter/undo.h"

G_BEGIN_DECLS

/* @inner: (transfer full); @what: the undo file. */
SinterIo *sinter_undo_io_new(SinterIo *inner, SinterFs *undo_fs, const SinterUndoRecording *what);

/* Writes what is held back, makes it durable and completes the undo file. */
gboolean sinter_undo_io_finish(SinterIo *io, SinterUndoRecorded *ret, GError **error);

G_END_DECLS
