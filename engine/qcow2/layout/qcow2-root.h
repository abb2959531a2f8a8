/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "io/sinter-io.h"
#include "qcow2-header.h"

G_BEGIN_DECLS

/*
 * What the header's first sector says about where everything lies. All of it changes with one
 * write of that sector, which arrives whole or not at all: whatever a root names must be durable
 * before it is written.
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

/* The root as @header has it. */
SinterQcow2Root sinter_qcow2_root_of(const SinterQcow2Header *header);

/*
 * Writes @root into the first sector of @io and makes it durable; @header follows. After a failure
 * the old root or the new one is in the file, and @header keeps the old one.
 */
gboolean sinter_qcow2_root_write(SinterIo *io, SinterQcow2Header *header,
                                 const SinterQcow2Root *root, GError **error);

G_END_DECLS
