/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * State of a running rescue, shared by its parts, in the order in which they work:
 *
 *   known    → the tables that intact metadata refers to, and the clusters that these map
 *   scan     → the use of each other cluster, orphaned tables, clues
 *   claims   → which table maps which cluster; tables that cannot be tables are dropped
 *   backing  → clues from the backing file
 *   volumes  → where on the disk each file system starts
 *   vote     → the place of each table, as the content of its clusters tells
 *   order    → places that only the order of allocation suggests
 *   data     → places of clusters whose table is lost; single broken entries
 *
 * Memory: 9 bytes for each cluster of the file (pages of it that no allocated cluster needs are not
 * touched), 80 for each L2 table, 8 for each slot of the L1 table, and at most 64 MiB for clues and
 * 32 MiB for comparing with the backing file.
 * Work: the file is read once, holes are skipped, and each L2 table is read three times at most.
 */

#include "qcow2-clue.h"
#include "qcow2/layout/qcow2-header-values.h"
#include "qcow2/layout/qcow2-reader.h"
#include "sinter/rescue.h"

G_BEGIN_DECLS

/* What a cluster of the file is used for, as far as it is known. */
typedef enum {
    SINTER_QCOW2_RESCUE_EMPTY,    /* nothing refers to it, and it is a hole or zeros */
    SINTER_QCOW2_RESCUE_ORPHAN,   /* nothing refers to it, and it has content */
    SINTER_QCOW2_RESCUE_TABLE,    /* the same, and it is an L2 table */
    SINTER_QCOW2_RESCUE_L1,       /* the same, and it is an L1 table */
    SINTER_QCOW2_RESCUE_REFBLOCK, /* the same, and it looks like a refcount block */
    SINTER_QCOW2_RESCUE_METADATA, /* intact metadata */
    SINTER_QCOW2_RESCUE_DATA,     /* an intact table maps it */
} SinterQcow2RescueUse;

#define SINTER_QCOW2_NO_SLOT G_MAXUINT64
#define SINTER_QCOW2_NO_CLUSTER G_MAXUINT64
/* Instead of an index: the cluster holds compressed data. */
#define SINTER_QCOW2_CLAIM_COMPRESSED G_MAXUINT32

/* How a table got its slot. */
typedef enum {
    SINTER_QCOW2_PLACED_NOT,
    SINTER_QCOW2_PLACED_KNOWN,   /* an intact L1 table refers to it */
    SINTER_QCOW2_PLACED_L1,      /* an orphaned L1 table refers to it */
    SINTER_QCOW2_PLACED_CONTENT, /* clues agree */
    SINTER_QCOW2_PLACED_ORDER,   /* it continues a run */
} SinterQcow2Placed;

/* An L2 table. */
typedef struct {
    guint64 cluster;     /* of the file */
    guint64 slot;        /* index in the L1 table */
    guint64 first;       /* host cluster of its first entry, NO_CLUSTER: none */
    guint64 last;        /* and of its last one */
    guint32 n_used;      /* entries with host clusters */
    guint32 n_bad;       /* entries that cannot be valid */
    guint32 n_doubled;   /* entries whose clusters another table maps */
    guint64 shared_slot; /* of the intact table that maps the same clusters */
    guint32 n_shared;    /* such clusters */
    guint32 n_for;       /* clues for its slot */
    guint32 n_against;
    SinterQcow2Placed placed;
    SinterRescueConfidence confidence;
    gboolean is_snapshot; /* only internal snapshots use it */
    gboolean is_dropped;  /* not a table after all */
} SinterQcow2RescueTable;

/* Which table maps a cluster. */
typedef struct {
    guint32 table; /* index in the list plus 1; 0: none */
    guint32 index; /* of the entry */
} SinterQcow2RescueClaim;

/* A data cluster that is placed without a table. */
typedef struct {
    guint64 cluster;
    guint64 guest_cluster;
    SinterRescueConfidence confidence;
    SinterQcow2ClueKind kind; /* N_CLUES: by order */
} SinterQcow2RescueData;

/* A broken entry of a table that has a slot, and the cluster that it meant. */
typedef struct {
    guint32 table; /* index in the list */
    guint32 index; /* of the entry */
    guint64 cluster;
    SinterRescueConfidence confidence;
} SinterQcow2RescueEntry;

/* See qcow2-rescue-backing.c. */
typedef struct _SinterQcow2Sample SinterQcow2Sample;

typedef struct {
    SinterIo *io;
    SinterQcow2Header *header; /* NULL: lost */
    SinterQcow2Geometry geo;
    guint64 file_bytes;
    guint64 n_clusters; /* of the file, the last of which may be incomplete */
    guint64 disk_bytes;
    guint64 n_slots;
    guint64 compressed_at; /* offset of one compressed cluster; 0: none was found */
    gboolean l1_is_lost;   /* no entry of the L1 table is valid */
    guint8 *use;           /* SinterQcow2RescueUse of each cluster */
    SinterQcow2RescueClaim *claims;
    GArray *tables; /* of SinterQcow2RescueTable; the known ones first */
    guint n_known;
    guint32 *slots;    /* for each slot the index of its table plus 1; 0: none */
    guint8 *broken_l1; /* a bit for each slot: its L1 entry is not valid */
    GArray *old_l1;    /* of guint64: orphaned clusters of L1 tables */
    SinterQcow2Clues clues;
    SinterRescueReadFunc read_backing; /* NULL: there is no backing file to compare with */
    gpointer backing_data;
    guint64 backing_bytes;
    GArray *samples;           /* of SinterQcow2Sample */
    GHashTable *bases;         /* volume → SinterQcow2Base */
    GArray *data;              /* of SinterQcow2RescueData */
    GArray *entries;           /* of SinterQcow2RescueEntry */
    GCancellable *cancellable; /* nullable */
    SinterProgress *progress;  /* nullable */
} SinterQcow2Rescue;

static inline SinterQcow2RescueTable *
sinter_qcow2_rescue_table(const SinterQcow2Rescue *self, guint index)
{
    return &g_array_index(self->tables, SinterQcow2RescueTable, index);
}

/* Returns the table that has @slot, or NULL. */
static inline SinterQcow2RescueTable *
sinter_qcow2_rescue_slot(const SinterQcow2Rescue *self, guint64 slot)
{
    return self->slots[slot] ? sinter_qcow2_rescue_table(self, self->slots[slot] - 1) : NULL;
}

/* Returns whether an L1 entry for @slot was damaged, so that a table for it must exist. */
static inline gboolean
sinter_qcow2_rescue_slot_is_broken(const SinterQcow2Rescue *self, guint64 slot)
{
    return self->l1_is_lost || (self->broken_l1[slot / 8] >> slot % 8 & 1) != 0;
}

/* Returns the guest cluster that the tables placed so far map to @cluster, or NO_CLUSTER. */
static inline guint64
sinter_qcow2_rescue_guest(const SinterQcow2Rescue *self, guint64 cluster)
{
    SinterQcow2RescueClaim claim = self->claims[cluster];
    const SinterQcow2RescueTable *table;

    if (claim.table == 0 || claim.index == SINTER_QCOW2_CLAIM_COMPRESSED)
        return SINTER_QCOW2_NO_CLUSTER;
    table = sinter_qcow2_rescue_table(self, claim.table - 1);
    /* the L1 table may go on behind the end of the disk */
    return table->slot < self->n_slots ? table->slot << self->geo.l2_bits | claim.index
                                       : SINTER_QCOW2_NO_CLUSTER;
}

static inline gboolean
sinter_qcow2_rescue_is_metadata(const SinterQcow2Rescue *self, guint64 cluster)
{
    return self->use[cluster] == SINTER_QCOW2_RESCUE_TABLE ||
           self->use[cluster] == SINTER_QCOW2_RESCUE_L1 ||
           self->use[cluster] == SINTER_QCOW2_RESCUE_METADATA;
}

G_END_DECLS
