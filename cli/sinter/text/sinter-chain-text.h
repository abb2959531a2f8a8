/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-object.h"
#include "sinter-tree.h"

G_BEGIN_DECLS

/* (transfer full): a domain as a tree: its disks, and the layers of each disk, active first.
 * @disks: (element-type SinterObject) */
SinterTree *sinter_chain_text_tree(const SinterProperties *domain, GPtrArray *disks);

/* Adds the values that the daemon measured (an aa{sv}, see Disk.MeasureChain) to the layers in a
 * disk's Chain. Values of another chain are ignored. */
void sinter_chain_text_add_usage(SinterProperties *disk, GVariant *layers);

G_END_DECLS
