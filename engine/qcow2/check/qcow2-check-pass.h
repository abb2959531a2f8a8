/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * State of a running check of a qcow2 image, shared by its passes. Each pass checks one subject,
 * in the order below, and provides what the next ones need:
 *
 *   header      → which structures can be walked
 *   snapshots   → their list, and the views (states of the disk) whose L1 tables can be walked
 *   refcounts   → the map, with the stored refcounts
 *   l1          → the L2 tables, each once, with the number of L1 entries that refer to it
 *   l2          → references to guest clusters
 *   bitmaps, luks → references to their clusters
 *   refblocks   → references to refcount blocks
 *   compare     → stored refcounts against references, clusters with several uses
 *   lost        → leaked clusters that lost tables may have referred to
 *   deep        → compressed clusters, decoded
 *   owners      → the owners of the clusters in the findings
 */

#include "format/sinter-tally.h"
#include "qcow2/read/qcow2-bitmap.h"
#include "qcow2/layout/qcow2-header.h"
#include "qcow2/layout/qcow2-reader.h"
#include "qcow2-refcount-map.h"
#include "qcow2/read/qcow2-snapshot.h"
#include "qcow2/layout/qcow2-spans.h"

G_BEGIN_DECLS

/* A state of the disk whose L1 table can be walked; the active state is number 0. */
typedef struct {
    guint64 l1_offset;
    guint32 l1_entries;
    char *name;     /* "'NAME' (ID)", NULL for the active one */
    guint snapshot; /* its index in the snapshot table */
} SinterQcow2CheckView;

/* An L2 table. */
typedef struct {
    guint64 offset;
    guint32 l1_index;    /* of one entry that refers to it */
    guint32 view;        /* the view of that entry: 0 if the active L1 table refers to it */
    guint32 n_refs;      /* L1 entries that refer to it, over all views */
    guint32 n_active;    /* of these, in the active L1 table */
    guint32 n_allocated; /* entries with host space */
} SinterQcow2CheckTable;

typedef struct {
    SinterIo *io;
    const SinterCheckOptions *options;
    SinterTally tally;
    SinterCheckResult *result;
    SinterIoStat stat;
    SinterProgress *progress; /* nullable: of the running pass */
    SinterQcow2Header *header;
    SinterQcow2Geometry geo;
    guint64 file_bytes;       /* in whole sectors, as QEMU sees the file */
    guint64 n_clusters;       /* of the file, including references beyond its end */
    guint64 lowest_beyond;    /* lowest offset of a reference that is not counted: beyond the end */
    gboolean is_done;         /* all passes have run: nothing is reported any more */
    gboolean stopped;         /* nothing after the header can be interpreted */
    gboolean guest_unreached; /* L1 tables are missing: their clusters are not leaks */
    gboolean leaks_may_be_lost; /* lost tables may have referred to leaked clusters */
    gboolean l1_usable;
    gboolean reftable_usable;
    gboolean snapshots_usable;
    guint64 snapshot_table_bytes;
    gboolean bitmaps_usable;
    gboolean luks_usable;
    SinterQcow2RefcountMap *map;
    guint8 *reftable; /* as stored; zeros beyond the end of the file */
    guint64 reftable_entries;
    guint8 *blocks_again;    /* a bit for each entry: an earlier one refers to the same block */
    GPtrArray *snapshots;    /* of SinterQcow2Snapshot *; NULL: none */
    GPtrArray *bitmaps;      /* of SinterQcow2Bitmap *; NULL: none */
    GHashTable *bad_bitmaps; /* those of @bitmaps that have corruptions */
    GArray *bitmap_segments; /* of their tables, by number of the bitmap; NULL: none */
    GArray *views;           /* of SinterQcow2CheckView */
    GArray *tables;          /* of SinterQcow2CheckTable, by offset */
} SinterQcow2Check;

/*
 * Checks @io and keeps the state of the check: views, tables, map. @options and @result must
 * outlive it. If the header cannot be interpreted, @stopped is set, and most of the state is
 * missing.
 */
SinterQcow2Check *sinter_qcow2_check_keep(SinterIo *io, const SinterCheckOptions *options,
                                          SinterCheckResult *result, GError **error);
void sinter_qcow2_check_free(SinterQcow2Check *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Check, sinter_qcow2_check_free)

/* The passes. FALSE: the check cannot continue. */
gboolean sinter_qcow2_check_header(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_refcounts(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_snapshots(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_l1(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_l2(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_bitmaps(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_luks(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_refblocks(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_compare(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_lost(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_deep(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_owners(SinterQcow2Check *self, GError **error);
gboolean sinter_qcow2_check_snapshot_stats(SinterQcow2Check *self, GError **error);

/* What the passes use. */

/*
 * Returns whether all that refers to clusters was found: refcounts and flags may be wrong, but
 * nothing that could lead to a cluster.
 */
gboolean sinter_qcow2_check_mapping_is_sound(const SinterCheckResult *result);

/* The same, without dirty bitmaps: nothing that could lead to guest data is damaged. */
gboolean sinter_qcow2_check_data_is_sound(const SinterCheckResult *result);

/* Creates the map, after the views are known. */
gboolean sinter_qcow2_check_make_map(SinterQcow2Check *self, GError **error);

/*
 * Returns whether @bytes at @offset are in the file by QEMU's rule: the last cluster may be
 * incomplete, so a reference may extend beyond the end by less than one cluster.
 */
gboolean sinter_qcow2_check_is_in_file(const SinterQcow2Check *self, guint64 offset, guint64 bytes);

/* The same; what does not fit keeps the file from growing over it. */
gboolean sinter_qcow2_check_fits(SinterQcow2Check *self, guint64 offset, guint64 bytes);

/* Counts @n references to each cluster that the range touches; the range must fit. */
void sinter_qcow2_check_count(SinterQcow2Check *self, guint64 offset, guint64 bytes, guint64 n,
                              SinterQcow2Use use, guint16 tag);

/*
 * Counts the references of metadata tables (@spans, of SinterQcow2Span) to their clusters. A
 * cluster that several of them claim is marked as shared.
 */
void sinter_qcow2_check_count_spans(SinterQcow2Check *self, GArray *spans);

/*
 * Returns whether an entry of the refcount table counts as a reference to its block: not if it is
 * damaged. @n_clusters: of the check.
 */
gboolean sinter_qcow2_check_counts_block(const SinterQcow2Check *self, guint64 n_clusters,
                                         guint64 entry);

/* Returns a reader for @bytes of this image's tables in total, according to the options. */
SinterQcow2Reader sinter_qcow2_check_reader(SinterQcow2Check *self, guint64 bytes);

/*
 * Handles a table that cannot be read: TRUE (and a finding) if the options say to keep going;
 * otherwise FALSE, and the caller returns the error.
 */
gboolean sinter_qcow2_check_keeps_going(SinterQcow2Check *self, const GError *error,
                                        guint64 offset);

/* The first guest offset that the L2 table of @l1_index maps. */
static inline guint64
sinter_qcow2_check_guest(const SinterQcow2Check *self, guint64 l1_index)
{
    return l1_index << (self->geo.cluster_bits + self->geo.l2_bits);
}

/* Returns the owner of L1 entry @view, copied for a finding. */
SinterOwner sinter_qcow2_check_owner(const SinterQcow2Check *self, SinterOwnerKind kind, guint view,
                                     guint64 where);

/* Returns whether a standard (not compressed) entry refers to a host cluster, by QEMU's rule. */
static inline gboolean
sinter_qcow2_check_has_host(const SinterQcow2Geometry *geo, guint64 entry)
{
    if (entry & SINTER_QCOW2_OFFSET_MASK)
        return TRUE;
    /* in a data file, guest offset 0 is at offset 0 */
    return geo->external_data && (entry & SINTER_QCOW2_COPIED) != 0 &&
           (geo->extended_l2 || !(entry & SINTER_QCOW2_ZERO));
}

/* Reads @len bytes; only bytes beyond the end of the file read as zeros. */
gboolean sinter_qcow2_check_read(SinterQcow2Check *self, guint64 offset, void *buf, gsize len,
                                 GError **error);

/* Passes the L2 tables to @func, by offset and with their index in the list. */
gboolean sinter_qcow2_check_walk_tables(SinterQcow2Check *self, SinterQcow2PieceFunc func,
                                        gpointer user_data, GError **error);

/* @entry: an L2 entry that maps the cluster at @guest, as @table stores it. */
typedef gboolean (*SinterQcow2EntryFunc)(const SinterQcow2CheckTable *table, guint64 guest,
                                         guint64 entry, gpointer user_data, GError **error);

/* Passes the L2 entries that have any bit of @mask to @func, table by table. */
gboolean sinter_qcow2_check_walk_entries(SinterQcow2Check *self, guint64 mask,
                                         SinterQcow2EntryFunc func, gpointer user_data,
                                         GError **error);

/* Passes @segments (of SinterQcow2Segment) to @func. */
gboolean sinter_qcow2_check_walk_segments(SinterQcow2Check *self, GArray *segments,
                                          SinterQcow2PieceFunc func, gpointer user_data,
                                          GError **error);

G_END_DECLS
