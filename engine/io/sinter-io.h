/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The vtables below the public <sinter/io.h>: a driver is a SinterIoClass for its open files and a
 * SinterFsClass for its set of names. The functions here check ranges and provide fallbacks for
 * operations that a driver lacks; all calls of drivers go through them.
 */

#include "sinter/io.h"
#include "sinter-file-id.h"

G_BEGIN_DECLS

/* Properties of a file, except its content. */
typedef struct {
    guint64 size_bytes;
    guint64 allocated_bytes; /* host space allocated to it */
    guint64 device;          /* with @inode: the same for two names of one file, whatever the */
    guint64 inode;           /* path; for a block device, of the device itself */
    gboolean is_block_device;
    guint32 n_links; /* number of hard links */
    guint32 mode;    /* permission bits; 0 if files have none */
} SinterIoStat;

/* Returns whether both describe the same file or device. */
static inline gboolean
sinter_io_stat_same_file(const SinterIoStat *a, const SinterIoStat *b)
{
    return a->is_block_device == b->is_block_device &&
           sinter_file_id_equal((SinterFileId){ a->device, a->inode },
                                (SinterFileId){ b->device, b->inode });
}

/* Hints to the file system about an empty file, which it may ignore. */
typedef struct {
    gboolean no_cow;           /* no copy-on-write: overwrite in place */
    guint32 extent_size_bytes; /* unit of allocation; 0: the file system's default */
} SinterIoLayout;

/* A range of a file that is all hole (reads as zeros, takes no space) or all data. */
typedef struct {
    guint64 length_bytes;
    gboolean is_hole;
} SinterIoExtent;

/*
 * How an image is locked against QEMU and other users of its byte locks.
 *
 * NONE: not locked. SHARED: for reading; others may read, none may write. WRITE: exclusive, except
 * for readers that accept a writer (`-U`). ALONE: like WRITE, without that exception.
 */
typedef enum {
    SINTER_IO_LOCK_NONE,
    SINTER_IO_LOCK_SHARED,
    SINTER_IO_LOCK_WRITE,
    SINTER_IO_LOCK_ALONE,
} SinterIoLock;

/*
 * The operations of an open file. @read, @stat and @finalize are required. A driver that cannot
 * write has no @write. Ranges are checked (no overflow of 63 bits) before a driver is called.
 */
typedef struct {
    const char *driver;
    gsize instance_bytes;
    /* Reads up to @len bytes, fewer only at the end of the file. Returns -1 on error. */
    gssize (*read)(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);
    gboolean (*write)(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error);
    /*
     * Like @write, for a range that the file already holds and as part of a long sequence of
     * writes. If missing: @write.
     */
    gboolean (*overwrite)(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error);
    /* Makes the range read as zeros and frees its space. Never grows the file. */
    gboolean (*discard)(SinterIo *io, guint64 offset, guint64 len, GError **error);
    gboolean (*truncate)(SinterIo *io, guint64 size_bytes, GError **error);
    /*
     * Reserves space for the range, which keeps its content; grows the file. If missing: zeros are
     * written, so the range must not hold data yet.
     */
    gboolean (*allocate)(SinterIo *io, guint64 offset, guint64 len, GError **error);
    /* Makes all earlier writes durable. */
    gboolean (*flush)(SinterIo *io, GError **error);
    gboolean (*stat)(SinterIo *io, SinterIoStat *ret, GError **error);
    /*
     * Returns the extent at @offset, of at most @len bytes; everything beyond the end is a hole. If
     * missing: all data.
     */
    gboolean (*extents)(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret,
                        GError **error);
    gboolean (*lock)(SinterIo *io, SinterIoLock mode, GError **error);
    /*
     * Copies owner, group, permissions, access list and security label of @like, which is of the
     * same driver.
     */
    gboolean (*adopt)(SinterIo *io, SinterIo *like, GError **error);
    gboolean (*set_mode)(SinterIo *io, guint32 mode, GError **error);
    /*
     * Returns whether its name is a mount point, so another file cannot take the name. If missing:
     * no.
     */
    gboolean (*is_mount)(SinterIo *io);
    gboolean (*lay_out)(SinterIo *io, const SinterIoLayout *layout, GError **error);
    /*
     * Copies from @from, which is of the same driver, the start of the range, as far as the kernel
     * can copy without reading; sets @ret_done to the number of bytes. If missing: copies nothing.
     */
    gboolean (*copy)(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len,
                     guint64 *ret_done, GError **error);
    /* Returns whether copy() may succeed at all. */
    gboolean (*copies)(SinterIo *io, SinterIo *from);
    /* Returns whether overwrite() bypasses the page cache. If missing: no. */
    gboolean (*overwrites)(SinterIo *io);
    /*
     * Returns whether copies of blocks of @from, which is of the same driver, take no space. If
     * missing: no.
     */
    gboolean (*shares)(SinterIo *io, SinterIo *from);
    void (*finalize)(SinterIo *io);
} SinterIoClass;

/*
 * Checks what the first @len bytes of @io will be after a write. FALSE with an error refuses the
 * write before any of it reaches the file.
 */
typedef gboolean (*SinterIoGuard)(SinterIo *io, const guint8 *start, gsize len, GError **error);

struct _SinterIo {
    gatomicrefcount refs;
    const SinterIoClass *klass;
    char *path;
    SinterIoFlags flags;
    gboolean defers_flushes;
    SinterIoGuard guard; /* NULL: none */
    gsize guarded_bytes;
};

typedef struct {
    const char *driver;
    gsize instance_bytes;
    SinterIo *(*open)(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error);
    /*
     * Opens a file that exists only while it is open, until link() gives it a name. It is created
     * on the file system of @path, and messages call it @path. If missing: not supported.
     */
    SinterIo *(*open_unnamed)(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error);
    /*
     * Gives a file from open_unnamed() the name @path, which must be free. Durable only after
     * sync_folder().
     */
    gboolean (*link)(SinterFs *fs, SinterIo *io, const char *path, GError **error);
    /* Lists the names in the folder that holds @path. If missing: not supported. */
    GPtrArray *(*list)(SinterFs *fs, const char *path, GError **error);
    /*
     * @replaces: an existing file @to is replaced; otherwise it is an error. Durable after
     *   sync_folder().
     */
    gboolean (*rename)(SinterFs *fs, const char *from, const char *to, gboolean replaces,
                       GError **error);
    gboolean (*remove)(SinterFs *fs, const char *path, GError **error);
    /* Makes names created, renamed or removed in the folder that holds @path durable. */
    gboolean (*sync_folder)(SinterFs *fs, const char *path, GError **error);
    /*
     * Returns the path of the file that @path refers to after following links. If missing: @path
     * itself.
     */
    char *(*resolve)(SinterFs *fs, const char *path, GError **error);
    void (*finalize)(SinterFs *fs);
} SinterFsClass;

struct _SinterFs {
    gatomicrefcount refs;
    const SinterFsClass *klass;
};

/* For drivers: allocates a zeroed instance of @klass with one reference. */
gpointer sinter_io_alloc(const SinterIoClass *klass, const char *path, SinterIoFlags flags);
gpointer sinter_fs_alloc(const SinterFsClass *klass);

/*
 * Like sinter_io_write(), for long sequences of writes over bytes that the file already holds:
 * bypasses the page cache if possible, so that storage works while more is read, and a flush has
 * little left to write. Several threads at a time keep storage busy. Align @buf and the range to
 * 4096 for best results.
 */
gboolean sinter_io_overwrite(SinterIo *io, guint64 offset, const void *buf, gsize len,
                             GError **error);
/*
 * Returns whether sinter_io_overwrite() bypasses the page cache, so that more threads than
 * processors pay off.
 */
gboolean sinter_io_overwrites(SinterIo *io);

/* From now on @guard checks each write and copy that touches the first @n_bytes of @io. */
void sinter_io_guard_start(SinterIo *io, gsize n_bytes, SinterIoGuard guard);

/* NO_SPACE if @io is a block device smaller than @size_bytes; any other file can grow. */
gboolean sinter_io_check_reach(SinterIo *io, guint64 size_bytes, GError **error);

/* Writes explicit zeros, for storage that cannot punch holes. Grows the file like a write. */
gboolean sinter_io_write_zeros(SinterIo *io, guint64 offset, guint64 len, GError **error);

/*
 * Reserves space for the range, which must be unwritten and reads as zeros afterwards. Grows the
 * file.
 */
gboolean sinter_io_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error);

/*
 * Copies the bytes of @from at @from_offset to the range at @offset: shares blocks if the file
 * system can, otherwise lets the kernel copy, otherwise uses a buffer. Grows the file like a write.
 * The ranges must not overlap. The whole range must exist in @from (CORRUPT otherwise); holes in it
 * may become zeros that take space: a caller that wants to keep holes asks for extents first.
 * Drivers that record or fail calls see reads and writes.
 */
gboolean sinter_io_copy(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset,
                        guint64 len, GError **error);

/*
 * Returns whether sinter_io_copy() may, as far as is known, avoid reading data: blocks are shared,
 * or a server copies. If not, a caller with several threads should read ahead instead.
 */
gboolean sinter_io_copies(SinterIo *io, SinterIo *from);

/*
 * Returns whether sinter_io_copy() shares blocks and copies neither bytes nor zeros, for ranges
 * that begin and end on a multiple of SINTER_IO_SHARED_BLOCK_BYTES, or at the end of the file.
 */
gboolean sinter_io_shares_blocks(SinterIo *io, SinterIo *from);
#define SINTER_IO_SHARED_BLOCK_BYTES 4096

/*
 * For a file that is not needed after a crash because it has no name of its own yet: with @defers,
 * flushes of the file do nothing, for all users of @io; after a call without it the next flush
 * makes everything durable.
 */
void sinter_io_defer_flushes(SinterIo *io, gboolean defers);
gboolean sinter_io_stat(SinterIo *io, SinterIoStat *ret, GError **error);

/*
 * Returns whether both are the same file or device, under any names. FALSE also if that is not
 * known.
 */
gboolean sinter_io_is_same_file(SinterIo *a, SinterIo *b);

/*
 * Returns the extent (hole or data) at @offset, at least 1 byte; everything beyond the end of the
 * file is a hole.
 */
gboolean sinter_io_extent(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret,
                          GError **error);

/*
 * Takes the image lock @mode in place of the current one; does nothing with SINTER_IO_NO_LOCK. A
 * conflict is a LOCKED error that names the holder; the current lock is then kept.
 */
gboolean sinter_io_lock(SinterIo *io, SinterIoLock mode, GError **error);

/*
 * Gives @io the owner, group, permissions, access list and security label of @like. Both must have
 * been opened by one set of files.
 */
gboolean sinter_io_adopt(SinterIo *io, SinterIo *like, GError **error);

/*
 * Returns whether no other file can take the name by which it was opened because it is a mount
 * point.
 */
gboolean sinter_io_is_mount(SinterIo *io);

/* Sets the permission bits; the umask does not apply. */
gboolean sinter_io_set_mode(SinterIo *io, guint32 mode, GError **error);

/*
 * Requests a layout for @io, which is empty. Fails, without harm, if the file system does not
 * support extents of that size.
 */
gboolean sinter_io_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error);

/*
 * Opens an unnamed file on the same file system as @path: it disappears unless sinter_fs_link()
 * gives it a name. Not every set of files supports this. Data flushed before the file has a name
 * may not be durable: file systems may skip the flush of an unnamed file.
 */
SinterIo *sinter_fs_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags,
                                 GError **error);
gboolean sinter_fs_link(SinterFs *fs, SinterIo *io, const char *path, GError **error);

/* Returns: (transfer full): array of char *, the names in the folder that holds @path, unsorted */
GPtrArray *sinter_fs_list(SinterFs *fs, const char *path, GError **error);

gboolean sinter_fs_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces,
                          GError **error);
gboolean sinter_fs_remove(SinterFs *fs, const char *path, GError **error);
gboolean sinter_fs_sync_folder(SinterFs *fs, const char *path, GError **error);

/*
 * Returns: (transfer full): the name of the file that @path refers to, after following all links.
 */
char *sinter_fs_resolve(SinterFs *fs, const char *path, GError **error);

G_END_DECLS
