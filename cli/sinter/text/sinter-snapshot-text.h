/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-properties.h"
#include "sinter-tree.h"

G_BEGIN_DECLS

/* (transfer full): the snapshots of a domain as a tree: a snapshot is below the one that it derives
 * from */
SinterTree *sinter_snapshot_text_tree(const SinterProperties *domain);

G_END_DECLS
