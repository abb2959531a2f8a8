/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-clue.h"

G_BEGIN_DECLS

/*
 * A superblock of ext2, ext3 or ext4: the primary one, or a backup, which states its group. Source:
 * Linux, Documentation/filesystems/ext4/super.rst and blockgroup.rst.
 */
void sinter_qcow2_clue_ext(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

G_END_DECLS
