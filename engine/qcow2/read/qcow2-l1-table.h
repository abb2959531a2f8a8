/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2/layout/qcow2-header.h"

G_BEGIN_DECLS

/* A readable state of the disk: an L1 table and the disk size that it maps. */
typedef struct {
    guint64 l1_offset;
    guint32 l1_entries;
    guint64 virtual_size_bytes;
} SinterQcow2L1Table;

/*
 * Checks whether @view can be read: its L1 table is in bounds, covers the size, and no two of its
 * entries refer to the same L2 table (with which a small file could simulate an endless map).
 */
gboolean sinter_qcow2_l1_table_check(const SinterQcow2L1Table *view,
                                     const SinterQcow2Header *header, SinterIo *io, GError **error);

G_END_DECLS
