/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:handle
 *
 * One disk image, open for random reads and writes.
 *
 * Reads see earlier writes at once. Writes are durable after sinter_handle_flush() or
 * sinter_handle_close() returned %TRUE. A crash, a kill or a power failure at any moment leaves a
 * consistent image: each sector written since the last flush holds its old content or one of its
 * new contents, nothing flushed is lost, and at worst some space is leaked.
 *
 * Units: bytes. Ranges must be inside the virtual size. Errors: #GError of the domain
 * %SINTER_ERROR. Threads: all functions except sinter_handle_close() and sinter_handle_abandon()
 * may be called from any number of threads at once.
 */

#include <glib.h>
#include <sinter/io.h>

G_BEGIN_DECLS

typedef struct _SinterHandle SinterHandle;

/**
 * SinterHandleFlags:
 *
 * @SINTER_HANDLE_PROBE: probe backing files whose format is not stored; safe only if the content is
 *   trusted
 * @SINTER_HANDLE_NO_LOCK: neither take nor respect image locks; only for files that no other
 *   process can access
 * @SINTER_HANDLE_DIRECT: bypass the page cache if the file system supports it
 * @SINTER_HANDLE_WRITE_ONLY: sinter_handle_read_at() fails: for programs that must not disclose the
 *   disk's content
 * @SINTER_HANDLE_KEEP_FORMAT: the format was found by probing. Writes that would make a raw image
 *   look like another format fail with UNSUPPORTED
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
 * @fs: (nullable): the set of files that the image and its backing files are in; %NULL for the
 *   host's files
 * @path: the image
 * @format: "qcow2" or "raw"
 *
 * Opens @path for writing, with locks that exclude all other users, and its backing files for
 * reading. Images that are in use, encrypted, marked corrupt, or have unknown features are refused
 * with an error that names the remedy.
 *
 * An image that was not closed cleanly (dirty bit) is repaired first: its reference counts are
 * rebuilt. If its mapping is damaged, too, it is refused. Reference counts are kept exact even with
 * lazy_refcounts, so the handle never sets the dirty bit.
 *
 * Enabled dirty bitmaps of the image record what is written. They are stored when the handle is
 * closed; after a crash they are marked inconsistent.
 */
SinterHandle *sinter_handle_open(SinterFs *fs, const char *path, const char *format,
                                 SinterHandleFlags flags, GError **error);

/* The size of the disk in bytes. */
guint64 sinter_handle_get_virtual_size(SinterHandle *handle);

/*
 * Reads the disk as the guest sees it, including earlier writes. On failure the content of @buf is
 * undefined.
 */
gboolean sinter_handle_read_at(SinterHandle *handle, guint64 offset, void *buf, gsize length,
                               GError **error);

/* On failure any part of the range may hold its new content. */
gboolean sinter_handle_write_at(SinterHandle *handle, guint64 offset, const void *buf, gsize length,
                                GError **error);

/* Makes the range read as zeros, taking as little space as the format allows. */
gboolean sinter_handle_zero_at(SinterHandle *handle, guint64 offset, guint64 length,
                               GError **error);

/*
 * Discards a range that the guest no longer needs. Freed parts read as zeros afterwards, the rest
 * keeps its content.
 */
gboolean sinter_handle_discard_at(SinterHandle *handle, guint64 offset, guint64 length,
                                  GError **error);

/* All earlier writes are durable when this returns %TRUE. */
gboolean sinter_handle_flush(SinterHandle *handle, GError **error);

/*
 * Flushes and closes. The handle is freed in any case; %FALSE means that writes since the last
 * flush may be lost.
 */
gboolean sinter_handle_close(SinterHandle *handle, GError **error);

/* Closes without a flush: for use after a failure. Accepts %NULL. */
void sinter_handle_abandon(SinterHandle *handle);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterHandle, sinter_handle_abandon)

G_END_DECLS
