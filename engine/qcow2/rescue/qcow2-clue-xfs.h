/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * XFS. Source: XFS Algorithms & Data Structures, 3rd edition: chapters "Allocation Groups",
 * "Self-Describing Metadata" and "On-disk Inode".
 */

#include "qcow2-clue.h"

G_BEGIN_DECLS

/* "XFSB": the head of an allocation group, which the free space header behind it numbers. */
void sinter_qcow2_clue_xfs_group(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/* A block of version 5 that stores its own address: trees, directories, attributes, links. */
void sinter_qcow2_clue_xfs_block(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

/* "IN": an inode of version 3, which stores its own number. */
void sinter_qcow2_clue_xfs_inode(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);

G_END_DECLS
