/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A check of a qcow2 image under way: what its passes share. Each pass looks at one subject, in
 * the order of the list below, and leaves what the next ones need:
 *
 *   header      → what can be walked at all
 *   snapshots   → their list, and the views (states of the disk) whose L1 tables can be walked
 *   refcounts   → the map, with the stored refcounts
 *   l1          → the L2 tables, each once, with how many L1 entries name it
 *   l2          → references to guest clusters
 *   bitmaps, luks → references to their clusters
 *   refblocks   → references to refcount blocks
 *   compare     → stored refcounts against references, clusters with several uses
 *   deep        → compressed clusters, decoded
 *   owners      → who refers to the clusters in the findings
 */

#include "format/sinter-tally.h"
#include "qcow2/read/qcow2-bitmap.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/layout/qcow2-reader.h"
#include "qcow2-refcount-map.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/layout/qcow2-spans.h"

G_BEGIN_DECLS

/* A state of the disk whose L1 table can be walked; the active one is number 0. */
typedef struct {
    guint64 l1_offset;
    guint32 l1_entries;
    char *name;     /* "'NAME' (ID)", NULL for the active one */
    guint snapshot; /* its number in the table */
} SinterQcow2CheckView;

/* An L2 table. */
typedef struct {
    guint64 offset;
    guint32 l1_index;    /* of one entry that names it */
    guint32 view;        /* whose entry it is: 0 where the active L1 table names it */
    guint32 n_refs;      /* L1 entries that name it, over all views */
    guint32 n_active;    /* of these, in the active L1 table */
    guint32 n_allocated; /* entries with host space */
} SinterQcow2CheckTable;

typedef struct {
    SinterIo *io;
    const SinterCheckOptions *options;
    SinterTally tally;
    SinterCheckResult *result;
    SinterIoStat stat;
    SinterProgress *progress; /* nullable: of the pass that runs */
    SinterQcow2Header *header;
    SinterQcow2Geometry geo;
    guint64 file_bytes;       /* in whole sectors, as QEMU sees the file */
    guint64 n_clusters;       /* of the file, and of what references spill into behind it */
    gboolean stopped;         /* nothing behind the header can be understood */
    gboolean guest_unreached; /* L1 tables are not to be found: what they hold is no leak */
    gboolean l1_usable;
    gboolean reftable_usable;
    gboolean snapshots_usable;
    guint64 snapshot_table_bytes;
    gboolean bitmaps_usable;
    gboolean luks_usable;
    SinterQcow2RefcountMap *map;
    guint8 *reftable; /* as stored; zeros for what lies beyond the end of the file */
    guint64 reftable_entries;
    guint8 *blocks_again;    /* a bit for each entry: an earlier one names the same block */
    GPtrArray *snapshots;    /* of SinterQcow2Snapshot *; NULL: none */
    GPtrArray *bitmaps;      /* of SinterQcow2Bitmap *; NULL: none */
    GArray *bitmap_segments; /* of their tables, by number of the bitmap; NULL: none */
    GArray *views;           /* of SinterQcow2CheckView */
    GArray *tables;          /* of SinterQcow2CheckTable, by offset */
} SinterQcow2Check;

/* The passes. FALSE: the check cannot go on. */
gboolean sinter_qcow2_check_header(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_refcounts(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_snapshots(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_l1(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_l2(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_bitmaps(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_luks(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_refblocks(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_compare(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_deep(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_owners(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_snapshot_stats(SinterQcow2Check *self, GError **error);

/* What the passes use. */

/* Makes the map, when the views are known. */
gboolean sinter_qcow2_check_make_map(SinterQcow2Check *self, GError **error);

/*
 * Whether @bytes at @offset lie in the file by QEMU's measure: the last cluster may be there in
 * part, so a reference may go on beyond the end by less than one.
 */
gboolean sinter_qcow2_check_fits(const SinterQcow2Check *self, guint64 offset, guint64 bytes);

/* Counts @n references to each cluster that the range touches; the range must fit. */
void sinter_qcow2_check_count(SinterQcow2Check *self, guint64 offset, guint64 bytes, guint64 n,
                              SinterQcow2Use use, guint16 tag);

/*
 * Counts the references of tables of metadata (@spans, of SinterQcow2Span) to their clusters. One
 * that several of them claim is marked as shared.
 */
void sinter_qcow2_check_count_spans(SinterQcow2Check *self, GArray *spans);

/* A reader for @bytes of this image's tables in all, that respects the options. */
SinterQcow2Reader sinter_qcow2_check_reader(SinterQcow2Check *self, guint64 bytes);

/*
 * What to do with a table that cannot be read: TRUE (and a finding) where the options say to keep
 * going; else FALSE, and the caller returns the error.
 */
gboolean sinter_qcow2_check_keeps_going(SinterQcow2Check *self, const GError *error,
                                        guint64 offset);

/* The first guest offset that the L2 table of @l1_index maps. */
static inline guint64
sinter_qcow2_check_guest(const SinterQcow2Check *self, guint64 l1_index)
{
    return l1_index << (self->geo.cluster_bits + self->geo.l2_bits);
}

/* The owner of L1 entry @view, copied for a finding. */
SinterOwner sinter_qcow2_check_owner(const SinterQcow2Check *self, SinterOwnerKind kind, guint view,
                                     guint64 where);

/* Whether a standard (not compressed) entry names a host cluster. As QEMU sees it. */
static inline gboolean
sinter_qcow2_check_has_host(const SinterQcow2Geometry *geo, guint64 entry)
{
    if (entry & SINTER_QCOW2_OFFSET_MASK)
        return TRUE;
    /* in a data file, guest offset 0 lies at 0 */
    return geo->external_data && (entry & SINTER_QCOW2_COPIED) != 0 &&
           (geo->extended_l2 || !(entry & SINTER_QCOW2_ZERO));
}

/* Reads @len bytes; zeros stand for what lies beyond the end of the file, and for nothing else. */
gboolean sinter_qcow2_check_read(SinterQcow2Check *self, guint64 offset, void *buf, gsize len,
                                 GError **error);

/* Hands the L2 tables to @func, by offset and with their number in the list. */
gboolean sinter_qcow2_check_walk_tables(SinterQcow2Check *self, SinterQcow2PieceFunc func,
                                        gpointer user_data, GError **error);

/* @entry: an L2 entry that maps the cluster at @guest, as @table stores it. */
typedef gboolean (*SinterQcow2EntryFunc)(const SinterQcow2CheckTable *table, guint64 guest,
                                         guint64 entry, gpointer user_data, GError **error);

/* Hands the L2 entries that have any bit of @mask to @func, table by table. */
gboolean sinter_qcow2_check_walk_entries(SinterQcow2Check *self, guint64 mask,
                                         SinterQcow2EntryFunc func, gpointer user_data,
                                         GError **error);

/* Hands @segments (of SinterQcow2Segment) to @func. */
gboolean sinter_qcow2_check_walk_segments(SinterQcow2Check *self, GArray *segments,
                                          SinterQcow2PieceFunc func, gpointer user_data,
                                          GError **error);

G_END_DECLS
