/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writes an undo file (sinter-undo-layout.h). Not thread-safe. */

#include "sinter-io.h"
#include "sinter-undo-codec.h"

G_BEGIN_DECLS

typedef struct _SinterUndoLog SinterUndoLog;

/* Creates the file, durably. @header describes the image. */
SinterUndoLog *sinter_undo_log_create(SinterFs *fs, const char *path,
                                      const SinterUndoHeader *header, GError **error);

/*
 * Adds a batch of @n entries, which is durable when this returns TRUE. Frees @payload, an array
 * made by sinter_undo_log_payload_new() and filled with sinter_undo_entry_add(). After a failure
 * all later calls fail.
 */
gboolean sinter_undo_log_add(SinterUndoLog *self, GByteArray *payload, guint32 n, GError **error);
GByteArray *sinter_undo_log_payload_new(void);

/* Adds the end batch. */
gboolean sinter_undo_log_end(SinterUndoLog *self, guint64 image_bytes, GError **error);

/* Removes the file. */
void sinter_undo_log_remove(SinterUndoLog *self);
void sinter_undo_log_free(SinterUndoLog *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterUndoLog, sinter_undo_log_free)

G_END_DECLS
