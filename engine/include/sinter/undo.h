/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:undo
 *
 * Undo files. An operation that changes an image through a recording set of files leaves a file
 * that holds all bytes that it replaced. sinter_undo_apply() puts them back, so that the image has
 * its former content and size, byte for byte, also if the operation was interrupted.
 *
 * Units: bytes; times are microseconds since 1970. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: any, but one thread at a time for each #SinterUndo.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

/**
 * SinterUndoRecording:
 * @image_path: the image, as the operation opens it; names are compared as text
 * @undo_path: the undo file, which must not exist
 * @undo_fs: (nullable): the set of files that @undo_path is created in; %NULL: the host's files
 * @operation: what changes the image ("check -r all"), shown when the undo file is listed
 */
typedef struct {
    const char *image_path;
    const char *undo_path;
    SinterFs *undo_fs;
    const char *operation;
} SinterUndoRecording;

/**
 * SinterUndoRecorded:
 * @is_written: there is an undo file, because the image was changed
 * @saved_bytes: the number of bytes of the image that it can restore
 */
typedef struct {
    gboolean is_written;
    guint64 saved_bytes;
} SinterUndoRecorded;

/**
 * sinter_undo_record_new:
 * @fs: (nullable): the set with the image; a reference is taken; %NULL: the host's files
 *
 * Creates a set with the files of @fs. Pass it to one operation, and then call
 * sinter_undo_record_finish(). Before a byte of the image changes, its former content is durable in
 * the undo file. Writes are held back until the operation flushes the image, so that the undo file
 * is flushed once for many of them; reads through the set see them.
 *
 * The undo file is created by the first change. Its mode is 0600.
 *
 * Returns: (transfer full): INVALID_ARGUMENT if @undo_path exists
 */
SinterFs *sinter_undo_record_new(SinterFs *fs, const SinterUndoRecording *what, GError **error);

/**
 * sinter_undo_record_finish:
 * @fs: a set from sinter_undo_record_new()
 * @ret: (out) (nullable)
 *
 * Completes the undo file. Call it also after the operation failed, unless the undo file is to be
 * that of an interrupted operation. If nothing was changed there is no undo file. The image must
 * not be changed through @fs afterwards.
 */
gboolean sinter_undo_record_finish(SinterFs *fs, SinterUndoRecorded *ret, GError **error);

/* An undo file that is open for reading. */
typedef struct _SinterUndo SinterUndo;

/**
 * SinterUndoInfo:
 * @image_path: absolute path of the image when it was changed
 * @operation: what changed it
 * @date_usec: when
 * @image_bytes: the former size of the image
 * @is_complete: the operation ended; otherwise it was interrupted
 * @saved_bytes: bytes of the image that are restored
 */
typedef struct {
    const char *image_path;
    const char *operation;
    gint64 date_usec;
    guint64 image_bytes;
    gboolean is_complete;
    guint64 saved_bytes;
} SinterUndoInfo;

/* A range of the image that is restored. */
typedef struct {
    guint64 offset;
    guint64 length;
} SinterUndoRange;

/**
 * sinter_undo_open:
 * @fs: (nullable): the set of files that @path is in; %NULL: the host's files
 *
 * Opens and verifies an undo file.
 *
 * Returns: (transfer full): %NULL with CORRUPT if it is not an undo file or is damaged; an
 * interrupted one is not damaged
 */
SinterUndo *sinter_undo_open(SinterFs *fs, const char *path, GError **error);

/* Accepts NULL. */
void sinter_undo_free(SinterUndo *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterUndo, sinter_undo_free)

/* (transfer none): valid as long as @self. */
const SinterUndoInfo *sinter_undo_get_info(SinterUndo *self);

/* Returns: (transfer full): the ranges, of SinterUndoRange, sorted; none overlap or touch. */
GArray *sinter_undo_list(SinterUndo *self);

/**
 * sinter_undo_apply:
 * @fs: (nullable): the set with the image; %NULL: the host's files
 * @image_path: the image, which may have been moved or copied since
 * @dry_run: changes nothing, but fails as the undo itself would
 *
 * Restores the image. It is locked against all other users. CHAIN_CHANGED if a place has neither
 * its former content nor what the operation wrote there, or if the size is wrong: then something
 * else has changed the image, and nothing is done. When it returns %TRUE the image has its former
 * content and size, and this is durable. If it is interrupted the image is partly restored: call it
 * again. The undo file is kept.
 */
gboolean sinter_undo_apply(SinterUndo *self, SinterFs *fs, const char *image_path, gboolean dry_run,
                           GError **error);

G_END_DECLS
