/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:io
 *
 * Access to image files. A #SinterFs is a set of named files; a #SinterIo is one open file of a
 * set. The engine accesses storage only through these two types, so a caller can provide the host's
 * files, files in memory, or a set that is confined to some folders.
 *
 * Units: offsets, lengths and sizes are bytes. Errors: #GError of the domain %SINTER_ERROR.
 * Threads: reference counts are atomic; an open file may be read from any number of threads.
 */

#include <glib.h>

G_BEGIN_DECLS

typedef struct _SinterFs SinterFs;
typedef struct _SinterIo SinterIo;

/**
 * SinterIoFlags:
 *
 * @SINTER_IO_READ: open an existing file for reading
 * @SINTER_IO_WRITE: open an existing file for reading and writing
 * @SINTER_IO_CREATE: create a file (mode 0600) and open it for reading and writing; fails if the
 *   file exists
 * @SINTER_IO_DIRECT: bypass the page cache (O_DIRECT) if the file system supports it; any offset,
 *   length and address remain allowed
 * @SINTER_IO_NO_LOCK: do not take the image lock (`-U`)
 * @SINTER_IO_EXCLUSIVE: claim a block device for this process alone (O_EXCL)
 * @SINTER_IO_NO_FOLLOW: fail if the path is a symbolic link
 */
typedef enum {
    SINTER_IO_READ = 0,
    SINTER_IO_WRITE = 1 << 0,
    SINTER_IO_CREATE = 1 << 1,
    SINTER_IO_DIRECT = 1 << 2,
    SINTER_IO_NO_LOCK = 1 << 3,
    SINTER_IO_EXCLUSIVE = 1 << 4,
    SINTER_IO_NO_FOLLOW = 1 << 5,
} SinterIoFlags;

/**
 * sinter_fs_new_host:
 * @allowed_roots: (nullable): absolute paths of folders, %NULL-terminated; %NULL for the whole host
 *
 * Creates a set of the host's files. With @allowed_roots, a file is opened only if its path, after
 * all symbolic links are followed, is below one of the roots; the check is free of races. Only
 * regular files and block devices are opened; a name is a plain path, never a URL or a protocol.
 */
SinterFs *sinter_fs_new_host(const char *const *allowed_roots, GError **error);

/**
 * sinter_fs_new_memory:
 *
 * Creates an empty set of files in memory. Files are created with %SINTER_IO_CREATE and exist as
 * long as the set.
 */
SinterFs *sinter_fs_new_memory(void);

/**
 * sinter_fs_new_descriptors:
 * @flags: %SINTER_IO_NO_LOCK if the process that opened the files has also locked them: then no
 *   operation on the set takes or releases a lock; otherwise 0
 *
 * Creates an empty set for files that another process has opened. The set never opens, creates,
 * renames or removes a file, so a process without these rights can use it. Names are compared as
 * text, after "." and ".." are resolved.
 */
SinterFs *sinter_fs_new_descriptors(SinterIoFlags flags);

/**
 * sinter_fs_add_descriptor:
 * @fs: a set from sinter_fs_new_descriptors()
 * @path: absolute path of the file, as the overlay names it
 * @fd: a descriptor of a regular file or a block device, open for reading, or for reading and
 *   writing; the set uses a duplicate, and the caller keeps @fd. The two share image locks.
 *
 * If a full path has to be stored in another image, it is the one by which the kernel knows the
 * file at the time of this call, without links.
 *
 * Call it before more than one thread uses the set.
 *
 * Returns: %FALSE with INVALID_ARGUMENT if @path is not absolute or is already in the set.
 */
gboolean sinter_fs_add_descriptor(SinterFs *fs, const char *path, int fd, GError **error);

/**
 * sinter_fs_add_new_descriptor:
 * @fs: a set from sinter_fs_new_descriptors()
 * @path: a path that no other file of the set has
 * @fd: a descriptor of an empty regular file, open for reading and writing
 *
 * Adds a file that is still to be created: it exists in the set only after it was opened with
 * %SINTER_IO_CREATE, which is possible once. For programs that may not create files themselves.
 */
gboolean sinter_fs_add_new_descriptor(SinterFs *fs, const char *path, int fd, GError **error);

/**
 * sinter_fs_add_direct_descriptor:
 * @fs: a set from sinter_fs_new_descriptors()
 * @path: the path passed to sinter_fs_add_descriptor()
 * @fd: a descriptor of the same file, opened separately for reading and writing with O_DIRECT,
 *   which is a property of the open file description; the caller keeps @fd
 *
 * Lets operations write bulk data around the page cache, as with files that they open themselves.
 * Call it before more than one thread uses the set.
 *
 * Returns: %FALSE with INVALID_ARGUMENT if @fd is not of that file, or if the file already has such
 * a descriptor.
 */
gboolean sinter_fs_add_direct_descriptor(SinterFs *fs, const char *path, int fd, GError **error);

/**
 * sinter_fs_new_keeping:
 * @fs: the set that opens the files; a reference is taken
 *
 * Creates a set with the files of @fs. The first existing file that is opened stays open as long as
 * the set. If the same path is opened again, the result is another reference to the same #SinterIo,
 * with its lock, if that was opened with all requested rights and the same %SINTER_IO_DIRECT. Use
 * it to read an image and then pass its path to an operation: the operation works on the file that
 * was read. Names are compared as text. Any thread.
 *
 * Returns: (transfer full)
 */
SinterFs *sinter_fs_new_keeping(SinterFs *fs);

/* Dropping the last reference frees the set; open files stay open. */
SinterFs *sinter_fs_ref(SinterFs *fs);
void sinter_fs_unref(SinterFs *fs);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterFs, sinter_fs_unref)

/**
 * sinter_fs_open:
 *
 * Returns: (transfer full): the open file, or %NULL with NOT_FOUND, NOT_AUTHORIZED or another
 * error that names @path.
 */
SinterIo *sinter_fs_open(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error);

/**
 * sinter_io_new_fd:
 * @fd: a descriptor of a regular file or a block device; the engine uses a duplicate, and the
 *   caller keeps @fd
 * @name: the file's name in errors; relative backing file names are resolved against its folder
 * @flags: as for sinter_fs_open(); %SINTER_IO_CREATE is not allowed
 */
SinterIo *sinter_io_new_fd(int fd, const char *name, SinterIoFlags flags, GError **error);

/* Dropping the last reference closes the file and releases its locks. */
SinterIo *sinter_io_ref(SinterIo *io);
void sinter_io_unref(SinterIo *io);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterIo, sinter_io_unref)

/* The path that @io was opened by. Valid as long as @io. */
const char *sinter_io_get_path(SinterIo *io);

/*
 * For drivers of image formats (<sinter/format.h>). Any number of threads may call these functions
 * at once. Offsets and lengths are checked against the range of file offsets, not against the
 * file's size.
 */

/* Reads @len bytes; if the file ends before, fails with CORRUPT and names the offset. */
gboolean sinter_io_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);

/* Reads up to @len bytes, fewer only at the end of the file; sets @ret_len to the number read. */
gboolean sinter_io_read_some(SinterIo *io, guint64 offset, void *buf, gsize len, gsize *ret_len,
                             GError **error);

/* Reads @len bytes; bytes beyond the end of the file read as zeros. */
gboolean sinter_io_read_padded(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);

/* Writes all @len bytes; extends the file if necessary. */
gboolean sinter_io_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error);

/* Makes the range read as zeros, and frees its space if possible. */
gboolean sinter_io_discard(SinterIo *io, guint64 offset, guint64 len, GError **error);

/* Changes the file's size; added bytes read as zeros. */
gboolean sinter_io_truncate(SinterIo *io, guint64 size_bytes, GError **error);

/* All earlier writes are durable when this returns %TRUE. */
gboolean sinter_io_flush(SinterIo *io, GError **error);

/* The file's size in bytes. */
gboolean sinter_io_get_size(SinterIo *io, guint64 *ret, GError **error);

G_END_DECLS
