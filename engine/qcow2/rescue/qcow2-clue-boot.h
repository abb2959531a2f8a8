/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "qcow2-clue.h"

G_BEGIN_DECLS

/*
 * FAT: the boot sector and its backup in the same cluster. Source: Microsoft, FAT32 File System
 * Specification 1.03.
 */
void sinter_qcow2_clue_fat(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/*
 * NTFS: the boot sector, or its backup behind the last sector of the volume. Source: Microsoft,
 * "How NTFS works": NTFS boot sector.
 */
void sinter_qcow2_clue_ntfs(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

G_END_DECLS
