/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A set of files that writes down, in order and over all its files, everything that changes
 * storage or makes a change durable. A crash test replays prefixes and legal reorderings of the
 * record and so visits every state that a power cut can leave.
 */

#include "sinter-io.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_RECORD_CREATE, /* @path was made, empty */
    SINTER_RECORD_LINK,   /* what had no name is @path now */
    SINTER_RECORD_WRITE,
    SINTER_RECORD_DISCARD,
    SINTER_RECORD_TRUNCATE,
    SINTER_RECORD_FLUSH, /* of one file: all before it, of that file, is durable */
    SINTER_RECORD_RENAME,
    SINTER_RECORD_REMOVE,
    SINTER_RECORD_SYNC_FOLDER, /* of the folder that holds @path */
} SinterRecordKind;

typedef struct {
    SinterRecordKind kind;
    char *path;     /* by which the file was opened, or the name at stake */
    char *to;       /* RENAME: the new name */
    guint64 inode;  /* of the file, where one is open: a name may come to mean another */
    guint64 offset; /* WRITE, DISCARD; TRUNCATE: the new size */
    guint64 length; /* WRITE, DISCARD */
    GBytes *data;   /* WRITE */
} SinterRecord;

/*
 * In front of @inner, with an empty record. Only what succeeded is recorded, and no flush of a file
 * that has no name yet: some file systems keep nothing of one over a cut, be it linked in between.
 */
SinterFs *sinter_fs_record_new(SinterFs *inner);

/*
 * Returns: (transfer none): the record so far, of SinterRecord *. It grows while files are
 * written: look at it when nobody works.
 */
GPtrArray *sinter_fs_record_get_log(SinterFs *fs);

G_END_DECLS
