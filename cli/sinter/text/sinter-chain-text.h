/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/sinter-object.h"
#include "sinter-tree.h"

G_BEGIN_DECLS

/* (transfer full): a domain as a tree: its disks, and each one's layers, active first.
 * @disks: (element-type SinterObject) */
SinterTree *sinter_chain_text_tree(const SinterProperties *domain, GPtrArray *disks);

/* Adds what the daemon measured (an aa{sv}, see Disk.MeasureChain) to the layers of a disk's Chain.
 * One that is of another chain is left out. */
void sinter_chain_text_add_usage(SinterProperties *disk, GVariant *layers);

G_END_DECLS
