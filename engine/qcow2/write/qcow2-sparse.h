/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-writer-state.h"

G_BEGIN_DECLS

/*
 * Frees blocks of the file system that contain only zeros, in the header cluster, the refcount
 * blocks and the L2 tables, until there is room for a few small tables. The content of the file
 * does not change. Does nothing on a device. For changes on a full file system; failures are
 * ignored, because they only mean that there is no more room than before.
 */
void sinter_qcow2_sparse_tables(SinterQcow2Writer *self);

G_END_DECLS
