/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A set of files that fails on demand: the Nth call of the chosen kinds, counted over all files of
 * the set. For tests that inject a failure at every storage access.
 */

#include "sinter-io.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_FAULT_READ = 1 << 0,
    SINTER_FAULT_WRITE = 1 << 1,
    SINTER_FAULT_DISCARD = 1 << 2,
    SINTER_FAULT_TRUNCATE = 1 << 3,
    SINTER_FAULT_FLUSH = 1 << 4,
    SINTER_FAULT_STAT = 1 << 5,
    SINTER_FAULT_EXTENTS = 1 << 6,
    SINTER_FAULT_OPEN = 1 << 7,
    SINTER_FAULT_NAMES = 1 << 8, /* link, rename, remove; list and sync of a folder */
    SINTER_FAULT_ALLOCATE = 1 << 9,
    SINTER_FAULT_RIGHTS = 1 << 10, /* owner, permissions, layout */
    SINTER_FAULT_OPEN_UNNAMED = 1 << 11,
    SINTER_FAULT_ALL = (1 << 12) - 1,
} SinterFaultCalls;

typedef enum {
    SINTER_FAULT_EIO,
    SINTER_FAULT_ENOSPC,
    /* a read returns half of its bytes; a write stores about half of its sectors and fails */
    SINTER_FAULT_SHORT,
} SinterFaultKind;

/* Wraps @inner. Nothing fails before sinter_fs_fault_arm(); calls are counted from the start. */
SinterFs *sinter_fs_fault_new(SinterFs *inner);

/*
 * The @nth call from now (1 is the next) among @calls fails as @kind; with @lasting all later ones
 * fail, too. Resets the count. With 0 nothing fails.
 */
void sinter_fs_fault_arm(SinterFs *fs, SinterFaultCalls calls, SinterFaultKind kind, guint64 nth,
                         gboolean lasting);

/*
 * A bad medium: reads of the file @path that touch the range fail with EIO, the first @n_times of
 * them (G_MAXUINT: all). Independent of sinter_fs_fault_arm().
 */
void sinter_fs_fault_add_bad_range(SinterFs *fs, const char *path, guint64 offset, guint64 length,
                                   guint n_times);

/*
 * From now on the set of files is full: each write into a hole or beyond the end of a file fails,
 * and is not counted.
 */
void sinter_fs_fault_fill(SinterFs *fs);

/* The number of calls of the armed kinds since then (of all kinds, if never armed). */
guint64 sinter_fs_fault_get_count(SinterFs *fs);

G_END_DECLS
