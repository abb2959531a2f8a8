/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The vtables below the public <sinter/io.h>: a driver is a SinterIoClass for its open files and
 * a SinterFsClass for its set of names. The functions here check ranges and fill in what a driver
 * leaves out; no one calls a driver directly.
 */

#include "sinter/io.h"
#include "sinter-file-id.h"

G_BEGIN_DECLS

/* What a file is, apart from its bytes. */
typedef struct {
    guint64 size_bytes;
    guint64 allocated_bytes; /* host space that it takes */
    guint64 device;          /* with @inode: the same for two names of one file, whatever the */
    guint64 inode;           /* path; for a block device, of the device itself */
    gboolean is_block_device;
    guint32 n_links; /* names that the file has */
    guint32 mode;    /* permission bits; 0 where files have none */
} SinterIoStat;

/* Whether both are about one file, or one device. */
static inline gboolean
sinter_io_stat_same_file(const SinterIoStat *a, const SinterIoStat *b)
{
    return a->is_block_device == b->is_block_device &&
           sinter_file_id_equal((SinterFileId){ a->device, a->inode },
                                (SinterFileId){ b->device, b->inode });
}

/* What a file system is told of an empty file, for it to heed or not. */
typedef struct {
    gboolean no_cow;           /* what is overwritten stays in its place */
    guint32 extent_size_bytes; /* space is taken in such pieces; 0: as it likes */
} SinterIoLayout;

/* A stretch of a file that is all hole (reads as zeros, takes no space) or all data. */
typedef struct {
    guint64 length_bytes;
    gboolean is_hole;
} SinterIoExtent;

/*
 * How an image is claimed, towards QEMU and other users of its byte locks.
 *
 * NONE: not at all. SHARED: for reading; others may read, none may write. WRITE: for this
 * process alone, but for readers that say they do not mind (`-U`).
 * ALONE: as WRITE, and not even those.
 */
typedef enum {
    SINTER_IO_LOCK_NONE,
    SINTER_IO_LOCK_SHARED,
    SINTER_IO_LOCK_WRITE,
    SINTER_IO_LOCK_ALONE,
} SinterIoLock;

/*
 * One open file's operations. @read, @stat and @finalize are required. A driver that cannot
 * write leaves @write out. Ranges are checked (no overflow of 63 bits) before a driver is called.
 */
typedef struct {
    const char *driver;
    gsize instance_bytes;
    /* Up to @len bytes, fewer only at the end of the file. -1 on error. */
    gssize (*read)(SinterIo *io, guint64 offset, void *buf, gsize len, GError **error);
    gboolean (*write)(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error);
    /* As @write, where the file holds bytes already and many more are to come. Left out: @write. */
    gboolean (*overwrite)(SinterIo *io, guint64 offset, const void *buf, gsize len, GError **error);
    /* Make the range read as zeros and give its space back. Never grows the file. */
    gboolean (*discard)(SinterIo *io, guint64 offset, guint64 len, GError **error);
    gboolean (*truncate)(SinterIo *io, guint64 size_bytes, GError **error);
    /* Sets space aside for the range, which keeps its content; grows the file. Left out: zeros
     * are written, for which the range must hold nothing yet. */
    gboolean (*allocate)(SinterIo *io, guint64 offset, guint64 len, GError **error);
    /* Everything written before is durable afterwards. */
    gboolean (*flush)(SinterIo *io, GError **error);
    gboolean (*stat)(SinterIo *io, SinterIoStat *ret, GError **error);
    /* The run at @offset, of at most @len bytes; beyond the end all is hole. Left out: all data. */
    gboolean (*extents)(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret,
                        GError **error);
    gboolean (*lock)(SinterIo *io, SinterIoLock mode, GError **error);
    /* Owner, group, permissions, access list and security label of @like, of the same driver. */
    gboolean (*adopt)(SinterIo *io, SinterIo *like, GError **error);
    gboolean (*set_mode)(SinterIo *io, guint32 mode, GError **error);
    /* Whether its name is where something is mounted, and so cannot change hands. Left out: no. */
    gboolean (*is_mount)(SinterIo *io);
    gboolean (*lay_out)(SinterIo *io, const SinterIoLayout *layout, GError **error);
    /* Copies from @from, which is of the same driver, what the kernel copies by itself, from the
     * front of the range on; how much, in @ret_done. Left out: nothing. */
    gboolean (*copy)(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset, guint64 len,
                     guint64 *ret_done, GError **error);
    /* Whether it may do so at all. */
    gboolean (*copies)(SinterIo *io, SinterIo *from);
    /* Whether overwrite() goes past the page cache. Left out: no. */
    gboolean (*overwrites)(SinterIo *io);
    /* Whether copies of blocks of @from, which is of the same driver, take no space. Left out: no.
     */
    gboolean (*shares)(SinterIo *io, SinterIo *from);
    void (*finalize)(SinterIo *io);
} SinterIoClass;

/*
 * Looks at what the first @len bytes of @io will be when a write is done. FALSE with an error
 * refuses the write, of which nothing has reached the file then.
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
    /* A file that is gone when nobody has it open, until link() gives it a name. It lies where
     * @path would, and is called so in messages. Left out: there is no such thing. */
    SinterIo *(*open_unnamed)(SinterFs *fs, const char *path, SinterIoFlags flags, GError **error);
    /* Of what open_unnamed() opened. @path is free. Durable only after sync_folder(). */
    gboolean (*link)(SinterFs *fs, SinterIo *io, const char *path, GError **error);
    /* The names in the folder that holds @path. Left out: nobody can say. */
    GPtrArray *(*list)(SinterFs *fs, const char *path, GError **error);
    /* @replaces: what stands under @to goes; else that is an error. Durable after sync_folder(). */
    gboolean (*rename)(SinterFs *fs, const char *from, const char *to, gboolean replaces,
                       GError **error);
    gboolean (*remove)(SinterFs *fs, const char *path, GError **error);
    /* Names made, renamed or removed in the folder that holds @path are durable afterwards. */
    gboolean (*sync_folder)(SinterFs *fs, const char *path, GError **error);
    /* The path of the file that @path leads to over links, if any. Left out: @path itself. */
    char *(*resolve)(SinterFs *fs, const char *path, GError **error);
    void (*finalize)(SinterFs *fs);
} SinterFsClass;

struct _SinterFs {
    gatomicrefcount refs;
    const SinterFsClass *klass;
};

/* For drivers: a zeroed instance of @klass with one reference. */
gpointer sinter_io_alloc(const SinterIoClass *klass, const char *path, SinterIoFlags flags);
gpointer sinter_fs_alloc(const SinterFsClass *klass);

/*
 * As sinter_io_write() in the course of long work, over bytes that the file holds already: past the
 * page cache where that can be, so that storage works while more is read, and a flush finds nothing
 * left to do. Several threads at a time keep storage busy. @buf and the range are best aligned to
 * 4096.
 */
gboolean sinter_io_overwrite(SinterIo *io, guint64 offset, const void *buf, gsize len,
                             GError **error);
/* Whether it goes past the page cache, so that more threads than processors pay. */
gboolean sinter_io_overwrites(SinterIo *io);

/* From now on each write and copy that touches the first @n_bytes of @io asks @guard before. */
void sinter_io_guard_start(SinterIo *io, gsize n_bytes, SinterIoGuard guard);

/* NO_SPACE where @io is a block device of less than @size_bytes; any other file can grow. */
gboolean sinter_io_check_reach(SinterIo *io, guint64 size_bytes, GError **error);

/* Writes real zeros, for storage that cannot punch holes. Grows the file as a write does. */
gboolean sinter_io_write_zeros(SinterIo *io, guint64 offset, guint64 len, GError **error);

/*
 * Makes sure of space for the range, which must be unwritten and reads as zeros afterwards. Grows
 * the file.
 */
gboolean sinter_io_allocate(SinterIo *io, guint64 offset, guint64 len, GError **error);

/*
 * Gives the range at @offset the bytes of @from at @from_offset: blocks are shared where the file
 * system can, else the kernel copies, else bytes go through a buffer. Grows the file as a write
 * does. The ranges must not overlap. All of the range must be there in @from (CORRUPT otherwise);
 * holes in it may become zeros that take space: a caller that minds asks for extents first. What
 * watches or fails files sees reads and writes.
 */
gboolean sinter_io_copy(SinterIo *io, guint64 offset, SinterIo *from, guint64 from_offset,
                        guint64 len, GError **error);

/*
 * Whether sinter_io_copy() may get by without reading anything, as far as is known: blocks are
 * shared, or a server copies. Where not, who has threads does better to read ahead.
 */
gboolean sinter_io_copies(SinterIo *io, SinterIo *from);

/*
 * Whether sinter_io_copy() shares blocks, and copies neither bytes nor zeros: for ranges that begin
 * and end with blocks of SINTER_IO_SHARED_BLOCK_BYTES, or with the file.
 */
gboolean sinter_io_shares_blocks(SinterIo *io, SinterIo *from);
#define SINTER_IO_SHARED_BLOCK_BYTES 4096

/*
 * For a file that nobody looks for after a cut, as it has no name of its own yet: with @defers,
 * flushing does nothing, for all who hold @io; without it the next one makes all durable.
 */
void sinter_io_defer_flushes(SinterIo *io, gboolean defers);
gboolean sinter_io_stat(SinterIo *io, SinterIoStat *ret, GError **error);

/* Whether both are one file or device, whatever its names. FALSE too where that cannot be told. */
gboolean sinter_io_is_same_file(SinterIo *a, SinterIo *b);

/* The run of hole or data at @offset, at least 1 byte; beyond the end of the file all is hole. */
gboolean sinter_io_extent(SinterIo *io, guint64 offset, guint64 len, SinterIoExtent *ret,
                          GError **error);

/*
 * Takes the image lock in place of the one held; with SINTER_IO_NO_LOCK it does nothing. A
 * conflict is a LOCKED error that names who holds the image, and then the former lock stands.
 */
gboolean sinter_io_lock(SinterIo *io, SinterIoLock mode, GError **error);

/*
 * Makes @io belong to whom @like belongs to and be open to whom it is: owner, group, permissions,
 * access list, security label. Both were opened by one set of files.
 */
gboolean sinter_io_adopt(SinterIo *io, SinterIo *like, GError **error);

/* Whether no other file can take the name by which it was opened: it is mounted there. */
gboolean sinter_io_is_mount(SinterIo *io);

/* Permission bits; the umask does not apply. */
gboolean sinter_io_set_mode(SinterIo *io, guint32 mode, GError **error);

/*
 * Asks for a layout of @io, which is empty. An error, which harms nothing, where the file system
 * has no extents of that size.
 */
gboolean sinter_io_lay_out(SinterIo *io, const SinterIoLayout *layout, GError **error);

/*
 * A file without a name, of the same file system as @path: nothing is left of it unless
 * sinter_fs_link() gives it one. Not every set of files has them. What is flushed before it has a
 * name may not be durable: file systems see no sense in that.
 */
SinterIo *sinter_fs_open_unnamed(SinterFs *fs, const char *path, SinterIoFlags flags,
                                 GError **error);
gboolean sinter_fs_link(SinterFs *fs, SinterIo *io, const char *path, GError **error);

/* Returns: (transfer full): of char *, the names in the folder that holds @path, unsorted */
GPtrArray *sinter_fs_list(SinterFs *fs, const char *path, GError **error);

gboolean sinter_fs_rename(SinterFs *fs, const char *from, const char *to, gboolean replaces,
                          GError **error);
gboolean sinter_fs_remove(SinterFs *fs, const char *path, GError **error);
gboolean sinter_fs_sync_folder(SinterFs *fs, const char *path, GError **error);

/* Returns: (transfer full): the name of the file that @path leads to, all links followed. */
char *sinter_fs_resolve(SinterFs *fs, const char *path, GError **error);

G_END_DECLS
