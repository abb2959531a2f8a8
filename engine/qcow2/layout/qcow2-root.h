/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "qcow2-header.h"

G_BEGIN_DECLS

/*
 * The fields of the header's first sector that locate all metadata. All of them change with one
 * write of that sector, which is atomic: everything that a root refers to must be durable before
 * the root is written.
 */
typedef struct {
    guint64 virtual_size_bytes;
    guint32 l1_entries;
    guint64 l1_offset;
    guint64 reftable_offset;
    guint32 reftable_clusters;
    guint32 n_snapshots;
    guint64 snapshots_offset;
    /* version 3 only */
    guint64 incompatible;
    guint64 compatible;
    guint64 autoclear;
    guint32 refcount_order;
} SinterQcow2Root;

/* Returns the root in @header. */
SinterQcow2Root sinter_qcow2_root_of(const SinterQcow2Header *header);

/* The sector that has the root. */
#define SINTER_QCOW2_ROOT_BYTES 512

/* Stores the root in @sector, the first one of an image of @version. */
void sinter_qcow2_root_store(const SinterQcow2Root *self, guint32 version, guint8 *sector);

/*
 * Writes @root into the first sector of @io, makes it durable and updates @header. After a failure
 * the file has the old or the new root, and @header keeps the old one.
 */
gboolean sinter_qcow2_root_write(SinterIo *io, SinterQcow2Header *header,
                                 const SinterQcow2Root *root, GError **error);

G_END_DECLS
