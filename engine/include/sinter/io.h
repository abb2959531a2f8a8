/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/**
 * SECTION:io
 *
 * Where the engine's bytes come from and go to. A #SinterFs is a set of files under their names;
 * a #SinterIo is one of its files, open. All that the engine does to storage goes through these
 * two, so that a caller can hand it the host's files, files in memory, or a set that is confined
 * to some folders.
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
 * @SINTER_IO_WRITE: for reading and writing
 * @SINTER_IO_CREATE: make a new file (mode 0600) for reading and writing; one that exists is an
 *   error
 * @SINTER_IO_DIRECT: pass by the page cache where the file system can (O_DIRECT); any offset,
 *   length and address remain allowed
 * @SINTER_IO_NO_LOCK: leave out the image lock that the engine takes otherwise (`-U`)
 * @SINTER_IO_EXCLUSIVE: claim a block device for this process alone (O_EXCL)
 * @SINTER_IO_NO_FOLLOW: a symbolic link under the name is an error
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
 * @allowed_roots: (nullable): absolute folders, ended by %NULL; %NULL for the whole host
 *
 * The host's files. With roots, a file is opened only if its path, with all symbolic links
 * followed, lies below one of them; the check cannot be raced. Only regular files and block
 * devices are opened; a name is a plain path, never an URL or a protocol.
 */
SinterFs *sinter_fs_new_host(const char *const *allowed_roots, GError **error);

/**
 * sinter_fs_new_memory:
 *
 * An empty set of files in memory. Files are made with %SINTER_IO_CREATE and live as long as the
 * set.
 */
SinterFs *sinter_fs_new_memory(void);

/**
 * sinter_fs_new_descriptors:
 * @flags: %SINTER_IO_NO_LOCK where who has opened the files has locked them, too: no operation on
 *   the set touches a lock then; else 0
 *
 * A set of files that somebody else has opened, empty at first. It opens, makes, renames and
 * removes nothing, so it serves a process that may not. Names are compared as text, with "." and
 * ".." taken out.
 */
SinterFs *sinter_fs_new_descriptors(SinterIoFlags flags);

/**
 * sinter_fs_add_descriptor:
 * @fs: of sinter_fs_new_descriptors()
 * @path: absolute, as the image above names the file
 * @fd: of a regular file or a block device, open for reading, or for reading and writing; the set
 *   works on a duplicate, and the caller keeps @fd. Image locks are shared by the two.
 *
 * Before the set is used by more than one thread.
 *
 * Returns: %FALSE with INVALID_ARGUMENT where @path is not absolute or in the set already.
 */
gboolean sinter_fs_add_descriptor(SinterFs *fs, const char *path, int fd, GError **error);

/**
 * sinter_fs_add_direct_descriptor:
 * @fs: of sinter_fs_new_descriptors()
 * @path: as it was given to sinter_fs_add_descriptor()
 * @fd: of the same file, opened once more for reading and writing and with O_DIRECT, as that
 *   belongs to an open file and not to a descriptor; the caller keeps it
 *
 * With it operations write bulk past the page cache, as they do with files that they open by
 * themselves. Before the set is used by more than one thread.
 *
 * Returns: %FALSE with INVALID_ARGUMENT where @fd is not of that file, or is the second one.
 */
gboolean sinter_fs_add_direct_descriptor(SinterFs *fs, const char *path, int fd, GError **error);

/* The last reference that goes frees the set; files that are open stay open. */
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
 * @fd: a descriptor of a regular file or a block device; the engine works on a duplicate, and
 *   the caller keeps @fd
 * @name: what errors call it; also where relative backing names are resolved from
 * @flags: as for sinter_fs_open(); %SINTER_IO_CREATE is not allowed
 */
SinterIo *sinter_io_new_fd(int fd, const char *name, SinterIoFlags flags, GError **error);

/* The last reference that goes closes the file and gives up its locks. */
SinterIo *sinter_io_ref(SinterIo *io);
void sinter_io_unref(SinterIo *io);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterIo, sinter_io_unref)

/* The path that it was opened by. Lives as long as @io. */
const char *sinter_io_get_path(SinterIo *io);

/*
 * For drivers of image formats (<sinter/format.h>). Any number of threads at once. Offsets and
 * lengths are checked against the range of a file's offsets, not against its size.
 */

/* Reads @len bytes; an end of the file before that is a CORRUPT error that says where. */
gboolean sinter_io_read(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);

/* Reads up to @len bytes, fewer only at the end of the file; how many is in @ret_len. */
gboolean sinter_io_read_some(SinterIo *io, guint64 offset, void *buf, gsize len, gsize *ret_len,
                             GError **error);

/* Reads @len bytes, zeros for what lies beyond the end of the file. */
gboolean sinter_io_read_padded(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);

/* Writes all @len bytes; grows the file where it ends before. */
gboolean sinter_io_write(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error);

/* Makes the range read as zeros, and gives its space back where that can be. */
gboolean sinter_io_discard(SinterIo *io, guint64 offset, guint64 len, GError **error);

/* Gives the file another size; what is added reads as zeros. */
gboolean sinter_io_truncate(SinterIo *io, guint64 size_bytes, GError **error);

/* All that was written before is durable when this returns %TRUE. */
gboolean sinter_io_flush(SinterIo *io, GError **error);

/* The file's size in bytes. */
gboolean sinter_io_get_size(SinterIo *io, guint64 *ret, GError **error);

G_END_DECLS
