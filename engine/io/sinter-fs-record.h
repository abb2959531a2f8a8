/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A set of files that records, in order and over all its files, every call that changes storage or
 * makes a change durable. A crash test replays prefixes and legal reorderings of the record and so
 * visits every state that a power failure can leave.
 */

#include "sinter-io.h"

G_BEGIN_DECLS

typedef enum {
    SINTER_RECORD_CREATE, /* @path was created, empty */
    SINTER_RECORD_LINK,   /* an unnamed file got the name @path */
    SINTER_RECORD_WRITE,
    SINTER_RECORD_DISCARD,
    SINTER_RECORD_TRUNCATE,
    SINTER_RECORD_FLUSH, /* of one file: all earlier changes of that file are durable */
    SINTER_RECORD_RENAME,
    SINTER_RECORD_REMOVE,
    SINTER_RECORD_SYNC_FOLDER, /* of the folder that holds @path */
} SinterRecordKind;

typedef struct {
    SinterRecordKind kind;
    char *path;     /* the path that the file was opened by, or the name that changes */
    char *to;       /* RENAME: the new name */
    guint64 inode;  /* of the open file, if any: a name may later refer to another file */
    guint64 offset; /* WRITE, DISCARD; TRUNCATE: the new size */
    guint64 length; /* WRITE, DISCARD */
    GBytes *data;   /* WRITE */
} SinterRecord;

/*
 * Wraps @inner, with an empty record. Only successful calls are recorded. Flushes of a file that
 * has no name yet are not: some file systems lose such a file in a power failure even if it was
 * linked after the flush.
 */
SinterFs *sinter_fs_record_new(SinterFs *inner);

/*
 * Returns: (transfer none): the record so far, of SinterRecord *. It grows while files are written:
 * read it only when no other thread uses the set.
 */
GPtrArray *sinter_fs_record_get_log(SinterFs *fs);

G_END_DECLS
