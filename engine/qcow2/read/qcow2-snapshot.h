/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-l1-table.h"

G_BEGIN_DECLS

/* An entry of the snapshot table, as stored. */
typedef struct {
    guint64 entry_offset; /* in the file */
    guint64 entry_bytes;
    guint64 l1_offset;
    guint32 l1_entries;
    char *id;
    char *name;
    guint32 date_sec;
    guint32 date_nsec;
    guint64 vm_clock_nsec;
    guint64 vm_state_bytes;
    guint64 disk_bytes; /* the image's own where the entry does not say */
    guint64 icount;     /* G_MAXUINT64: not counted */
    guint32 extra_bytes;
    GBytes *unknown_extra; /* NULL, or what stands behind the extra data that we know */
} SinterQcow2Snapshot;

/*
 * The snapshot table, of SinterQcow2Snapshot *. NULL with an error where an entry is out of
 * bounds; with @ret_partial the entries before it are given there, whose owner the caller becomes
 * (NULL: not wanted).
 */
GPtrArray *sinter_qcow2_snapshots_load(SinterIo *io, const SinterQcow2Header *header,
                                       GPtrArray **ret_partial, GError **error);

/* The view of the snapshot of that id or, where no id fits, of that name. */
gboolean sinter_qcow2_snapshot_find_view(SinterIo *io, const SinterQcow2Header *header,
                                         const char *id_or_name, SinterQcow2L1Table *ret,
                                         GError **error);

G_END_DECLS
