/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-clue.h"

G_BEGIN_DECLS

/* A btrfs superblock, which stores its address. Source: btrfs documentation, "On-disk format". */
void sinter_qcow2_clue_btrfs(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/* An LVM label, which stores its sector. Source: LVM2, "Metadata: on-disk label", lvm(8). */
void sinter_qcow2_clue_lvm(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/* A swap area: its signature ends its first page. Source: Linux, include/linux/swap.h. */
void sinter_qcow2_clue_swap(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

G_END_DECLS
