/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "sinter-object.h"
#include "sinter-tree.h"

G_BEGIN_DECLS

/* (transfer full): a domain as a tree: its disks, and each one's layers, active first.
 * @disks: (element-type SinterObject) */
SinterTree *sinter_chain_text_tree(const SinterProperties *domain, GPtrArray *disks);

G_END_DECLS
