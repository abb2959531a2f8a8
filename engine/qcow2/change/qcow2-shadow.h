/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new generation of an image's metadata, built beside the present one. Every table that changes
 * gets a new place, in clusters that the present generation counts as free; the refcounts of the
 * new generation count the new tables and no longer those that it replaces. Then
 *
 *   new tables | flush | the header's first sector | flush | holes where nothing is any more
 *
 * so that a cut at any moment leaves the old generation or the new one, whole, and nothing leaks.
 *
 * The writer must be at rest (nothing of it dirty). It serves to read the present generation and
 * is good for nothing afterwards but to be freed. Not thread-safe.
 */

#include "qcow2/layout/qcow2-root.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter-progress.h"

G_BEGIN_DECLS

typedef struct {
    SinterQcow2Writer *writer;  /* not owned */
    SinterQcow2Geometry geo;    /* of the new generation */
    SinterQcow2Root root;       /* of the new generation; the caller sets its part of it */
    GArray *places;             /* of guint64: offsets of the new refcount blocks, 0: as before */
    SinterQcow2TableSet blocks; /* the new ones */
    GHashTable *superseded;     /* clusters of refcount blocks that the new ones replace */
    guint64 cursor;             /* no cluster below is free in both generations */
    guint64 file_bytes;         /* of the file before anything was written */
    gboolean is_switching;      /* the new root may be in the file */
    gboolean is_too_narrow;     /* a count passed the largest value of its width */
} SinterQcow2Shadow;

/* @refcount_order: of the new generation. */
SinterQcow2Shadow *sinter_qcow2_shadow_new(SinterQcow2Writer *writer, guint32 refcount_order);

/* Without a commit: the file gets back its former length. Accepts NULL. */
void sinter_qcow2_shadow_free(SinterQcow2Shadow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Shadow, sinter_qcow2_shadow_free)

/* The refcount of @cluster in the new generation. */
gboolean sinter_qcow2_shadow_get_refcount(SinterQcow2Shadow *self, guint64 cluster, guint64 *ret,
                                          GError **error);

/* One reference more to each of @n clusters that are in use. A count that overflows is an error. */
gboolean sinter_qcow2_shadow_refer(SinterQcow2Shadow *self, guint64 first, guint64 n,
                                   GError **error);

/* One less. Clusters where tables of the present generation lie must not become free by it. */
gboolean sinter_qcow2_shadow_drop(SinterQcow2Shadow *self, guint64 first, guint64 n,
                                  GError **error);

/* One less, of a table that the new generation may do without. */
gboolean sinter_qcow2_shadow_drop_table(SinterQcow2Shadow *self, guint64 first, guint64 n,
                                        GError **error);

/* @n clusters in a row for a new table, counted once; the first one's offset in @ret. */
gboolean sinter_qcow2_shadow_take(SinterQcow2Shadow *self, guint64 n, guint64 *ret, GError **error);

/* Counts @bytes of a present table at @offset down, and takes room for @new_bytes. */
gboolean sinter_qcow2_shadow_replace(SinterQcow2Shadow *self, guint64 offset, guint64 bytes,
                                     guint64 new_bytes, guint64 *ret, GError **error);

/* Gives every cluster that the present generation counts its count in the new one. */
gboolean sinter_qcow2_shadow_convert(SinterQcow2Shadow *self, SinterProgress *progress,
                                     GError **error);

/* Bounds what is kept in memory. To be called now and then. */
gboolean sinter_qcow2_shadow_make_room(SinterQcow2Shadow *self, GError **error);

/* Makes the new generation, whose root is complete but for refcounts, the present one. */
gboolean sinter_qcow2_shadow_commit(SinterQcow2Shadow *self, GError **error);

G_END_DECLS
