/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A new generation of an image's metadata, built beside the current one. Every table that changes
 * is written to clusters that are free in the current generation; the refcounts of the new
 * generation count the new tables and no longer those that they replace. The commit is
 *
 *   new tables | flush | the header's first sector | flush | punch holes for freed clusters
 *
 * so a crash at any moment leaves the complete old or new generation, and nothing leaks.
 *
 * The writer must have nothing dirty. It is used to read the current generation and must only be
 * freed afterwards. Not thread-safe.
 */

#include "qcow2/layout/qcow2-root.h"
#include "qcow2/write/qcow2-writer.h"
#include "sinter-progress.h"

G_BEGIN_DECLS

typedef struct {
    SinterQcow2Writer *writer;  /* not owned */
    SinterQcow2Geometry geo;    /* of the new generation */
    SinterQcow2Root root;       /* of the new generation; the caller sets its part */
    GArray *places;             /* of guint64: offsets of the new refcount blocks, 0: unchanged */
    SinterQcow2TableSet blocks; /* the new ones */
    GHashTable *superseded;     /* clusters of refcount blocks that the new ones replace */
    GArray *taken;              /* of guint64: clusters allocated for it */
    guint64 cursor;             /* no cluster below is free in both generations */
    guint64 file_bytes;         /* size of the file before any write */
    gboolean is_switching;      /* the new root may be in the file */
    gboolean is_too_narrow;     /* a count exceeded the maximum of its width */
} SinterQcow2Shadow;

/* @refcount_order: of the new generation. */
SinterQcow2Shadow *sinter_qcow2_shadow_new(SinterQcow2Writer *writer, guint32 refcount_order);

/* Without a commit, frees the space of what was written. Accepts NULL. */
void sinter_qcow2_shadow_free(SinterQcow2Shadow *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SinterQcow2Shadow, sinter_qcow2_shadow_free)

/* Returns the refcount of @cluster in the new generation. */
gboolean sinter_qcow2_shadow_get_refcount(SinterQcow2Shadow *self, guint64 cluster, guint64 *ret,
                                          GError **error);

/* Increments the refcounts of @n clusters, which must be in use. An overflow is an error. */
gboolean sinter_qcow2_shadow_refer(SinterQcow2Shadow *self, guint64 first, guint64 n,
                                   GError **error);

/*
 * Decrements the refcounts. Clusters that hold tables of the current generation must not become
 * free.
 */
gboolean sinter_qcow2_shadow_drop(SinterQcow2Shadow *self, guint64 first, guint64 n,
                                  GError **error);

/* Decrements the refcounts of a table that the new generation may not need. */
gboolean sinter_qcow2_shadow_drop_table(SinterQcow2Shadow *self, guint64 first, guint64 n,
                                        GError **error);

/*
 * Allocates @n contiguous clusters for a new table, with refcount 1; @ret is the offset of the
 * first.
 */
gboolean sinter_qcow2_shadow_take(SinterQcow2Shadow *self, guint64 n, guint64 *ret, GError **error);

/* Decrements the refcounts of the current table at @offset, and allocates @new_bytes. */
gboolean sinter_qcow2_shadow_replace(SinterQcow2Shadow *self, guint64 offset, guint64 bytes,
                                     guint64 new_bytes, guint64 *ret, GError **error);

/* Converts the refcount of every cluster of the current generation to the new one. */
gboolean sinter_qcow2_shadow_convert(SinterQcow2Shadow *self, SinterProgress *progress,
                                     GError **error);

/* Bounds the memory used. Call it periodically. */
gboolean sinter_qcow2_shadow_make_room(SinterQcow2Shadow *self, GError **error);

/* Commits the new generation, whose root is complete except for refcounts. */
gboolean sinter_qcow2_shadow_commit(SinterQcow2Shadow *self, GError **error);

G_END_DECLS
