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
    guint64 disk_bytes; /* the image's own if not stored */
    guint64 icount;     /* G_MAXUINT64: not recorded */
    guint32 extra_bytes;
    GBytes *unknown_extra; /* NULL, or the extra data beyond the known fields */
} SinterQcow2Snapshot;

/*
 * Loads the snapshot table, of SinterQcow2Snapshot *. NULL with an error if an entry is out of
 * bounds; then @ret_partial (NULL: not wanted) gets the entries before it, owned by the caller.
 */
GPtrArray *sinter_qcow2_snapshots_load(SinterIo *io, const SinterQcow2Header *header,
                                       GPtrArray **ret_partial, GError **error);

/* Returns the snapshot with that id or, if there is none, with that name. */
const SinterQcow2Snapshot *sinter_qcow2_snapshot_find(const GPtrArray *list, const char *id_or_name,
                                                      GError **error);

/* Returns the view of the snapshot with that id or, if there is none, with that name. */
gboolean sinter_qcow2_snapshot_find_view(SinterIo *io, const SinterQcow2Header *header,
                                         const char *id_or_name, SinterQcow2L1Table *ret,
                                         GError **error);

G_END_DECLS
