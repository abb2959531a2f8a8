/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Files as storage holds them at one moment: contents by inode, and the names that lead to them.
 * A content without a name is there and cannot be reached, as after a cut before the folder was
 * synced.
 */

#include "io/sinter-fs-record.h"

typedef struct {
    GPtrArray *files; /* of CrashFile */
} CrashBase;

typedef struct {
    char *path; /* NULL: no name leads there */
    guint64 inode;
    GByteArray *content;
} CrashFile;

/* The files of @fs at @paths, which exist. Those that come into being later need not be named. */
void crash_base_init(CrashBase *self, SinterFs *fs, const char *const *paths);
void crash_base_copy(CrashBase *self, const CrashBase *from);
void crash_base_clear(CrashBase *self);

/* The inode of the file called @path; 0: none. */
guint64 crash_base_find_name(const CrashBase *self, const char *path);

/* Whether the entry is about names and not about bytes. */
gboolean crash_record_is_name(const SinterRecord *record);

/*
 * What the entry did is done. @inode: the file that it was about. @sectors: NULL, or for a write
 * which of its sectors arrive, counted from the one in which it begins.
 */
void crash_base_apply(CrashBase *self, const SinterRecord *record, guint64 inode,
                      const guint8 *sectors);

guint64 crash_base_hash(const CrashBase *self);

/* A set of files in memory with the names and contents of @self. */
SinterFs *crash_base_make_fs(const CrashBase *self);
