/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:handle
 *
 * One disk image, open for reading and writing at any place.
 *
 * What was written is seen by reads at once, and is durable after sinter_handle_flush() or
 * sinter_handle_close() returned %TRUE. A crash, a kill or a cut of the power at any moment
 * leaves an image that is sound: each sector that was written since the last flush holds its old
 * or a new content, nothing flushed is lost, and at worst some space is not given back.
 *
 * Units: bytes. Ranges must lie inside the virtual size. Errors: #GError of the domain
 * %SINTER_ERROR. Threads: all functions but sinter_handle_close() may be called from any number
 * of threads at once.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

typedef struct _SinterHandle SinterHandle;

/**
 * SinterHandleFlags:
 *
 * @SINTER_HANDLE_PROBE: tell the formats of backing files by their content where the image does
 *   not say them; right only where the content is trusted
 * @SINTER_HANDLE_NO_LOCK: neither take nor respect image locks; only for files that nobody else
 *   can reach
 * @SINTER_HANDLE_DIRECT: pass by the page cache where the file system can
 * @SINTER_HANDLE_WRITE_ONLY: sinter_handle_read_at() is an error: for programs that must not hand
 *   out what is on the disk
 * @SINTER_HANDLE_KEEP_FORMAT: the format was found by probing. Bytes that would make a raw image
 *   look like one of another format are refused with UNSUPPORTED
 */
typedef enum {
    SINTER_HANDLE_DEFAULT = 0,
    SINTER_HANDLE_PROBE = 1 << 0,
    SINTER_HANDLE_NO_LOCK = 1 << 1,
    SINTER_HANDLE_DIRECT = 1 << 2,
    SINTER_HANDLE_WRITE_ONLY = 1 << 3,
    SINTER_HANDLE_KEEP_FORMAT = 1 << 4,
} SinterHandleFlags;

/**
 * sinter_handle_open:
 * @fs: (nullable): where the image and its backing files are; %NULL for the host's files
 * @path: the image
 * @format: "qcow2" or "raw"
 *
 * Opens @path for writing, with the locks that keep everybody else out, and its backing files for
 * reading. Refused, with an error that says what to do: images in use, encrypted, marked corrupt,
 * or with features that are not known.
 *
 * An image that its last user did not close (the dirty bit) is repaired first: its reference counts
 * are counted anew. Where its mapping is damaged, too, it is refused. With lazy_refcounts the
 * counts are kept exact all the same, so the bit is never set here.
 *
 * Enabled dirty bitmaps of the image record what is written. They are stored when the handle is
 * closed; after a crash they are marked as not to be trusted.
 */
SinterHandle *sinter_handle_open(SinterFs *fs, const char *path, const char *format,
                                 SinterHandleFlags flags, GError **error);

/* Of the disk, in bytes. */
guint64 sinter_handle_get_virtual_size(SinterHandle *handle);

/* What the guest would read, with what was written before. On failure @buf is undefined. */
gboolean sinter_handle_read_at(SinterHandle *handle, guint64 offset, void *buf, gsize length,
                               GError **error);

/* On failure any part of the range may hold its new content. */
gboolean sinter_handle_write_at(SinterHandle *handle, guint64 offset, const void *buf, gsize length,
                                GError **error);

/* Makes the range read as zeros, taking as little space as the format allows. */
gboolean sinter_handle_zero_at(SinterHandle *handle, guint64 offset, guint64 length,
                               GError **error);

/*
 * Says that the guest needs the range no longer. What can be given back reads as zeros afterwards,
 * the rest keeps its content.
 */
gboolean sinter_handle_discard_at(SinterHandle *handle, guint64 offset, guint64 length,
                                  GError **error);

/* All that was written before is durable when this returns %TRUE. */
gboolean sinter_handle_flush(SinterHandle *handle, GError **error);

/*
 * Flushes and closes. The handle is gone in any case; %FALSE says that what was written since the
 * last flush may be lost.
 */
gboolean sinter_handle_close(SinterHandle *handle, GError **error);

/* Closes without a flush: for use after a failure. Accepts %NULL. */
void sinter_handle_abandon(SinterHandle *handle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterHandle, sinter_handle_abandon)

G_END_DECLS
