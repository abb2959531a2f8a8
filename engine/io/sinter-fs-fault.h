/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A set of files that fails on demand: the Nth call of the chosen kinds, counted over all files.
 * For tests that try every place where storage can fail.
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
    /* a read gives half of its bytes, a write leaves about half of its sectors behind and fails */
    SINTER_FAULT_SHORT,
} SinterFaultKind;

/* In front of @inner; nothing fails before it is armed, calls are counted all the same. */
SinterFs *sinter_fs_fault_new(SinterFs *inner);

/*
 * The @nth call from now (1 is the next) among @calls fails as @kind; with @lasting every later
 * one as well. Resets the count. 0 fails nothing.
 */
void sinter_fs_fault_arm(SinterFs *fs, SinterFaultCalls calls, SinterFaultKind kind, guint64 nth,
                         gboolean lasting);

/* Calls of the armed kinds since then (all kinds, where it was never armed). */
guint64 sinter_fs_fault_get_count(SinterFs *fs);

G_END_DECLS
