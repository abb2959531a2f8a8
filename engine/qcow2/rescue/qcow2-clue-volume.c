/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Volumes that only their start, or a mirror of it, tells of: btrfs, LVM, swap. Invariant: a btrfs
 * superblock counts only if its checksum is right.
 */

#include "qcow2-clue-volume.h"
#include "qcow2-crc32c.h"

#define BTRFS_BYTES 4096
#define BTRFS_AT_SUMMED 32
#define BTRFS_AT_UUID 32
#define BTRFS_AT_ADDRESS 48
#define BTRFS_AT_BYTES 112
#define LVM_BYTES 512
#define LVM_AT_SECTOR 8
#define LVM_AT_CONTENT 20
#define LVM_UUID_BYTES 32
#define SWAP_AT_VERSION 1024
#define SWAP_AT_LAST_PAGE 1028
#define SWAP_AT_UUID 1036
#define SWAP_PAGE_BYTES 4096

void
sinter_qcow2_clue_btrfs(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, BTRFS_BYTES);
    SinterQcow2Volume volume = { 0 };

    if (!at || ~sinter_qcow2_crc32c(G_MAXUINT32, at + BTRFS_AT_SUMMED,
                                    BTRFS_BYTES - BTRFS_AT_SUMMED) != sinter_le32_load(at))
        return;
    volume.id = sinter_qcow2_volume_id("btrfs", at + BTRFS_AT_UUID, 16);
    volume.bytes = sinter_le64_load(at + BTRFS_AT_BYTES);
    if (volume.bytes > G_MAXINT64)
        return;
    sinter_qcow2_clues_add_volume(clues, &volume);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_BTRFS, volume.id,
                           sinter_le64_load(at + BTRFS_AT_ADDRESS));
}

void
sinter_qcow2_clue_lvm(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, LVM_BYTES);
    SinterQcow2Volume volume = { 0 };
    guint64 sector;
    guint32 content;

    if (!at)
        return;
    sector = sinter_le64_load(at + LVM_AT_SECTOR);
    content = sinter_le32_load(at + LVM_AT_CONTENT);
    if (sector > 3 || content > LVM_BYTES - LVM_UUID_BYTES - 8)
        return;
    volume.id = sinter_qcow2_volume_id("lvm", at + content, LVM_UUID_BYTES);
    volume.bytes = sinter_le64_load(at + content + LVM_UUID_BYTES);
    if (volume.bytes > G_MAXINT64)
        return;
    sinter_qcow2_clues_add_volume(clues, &volume);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_LVM, volume.id, sector * LVM_BYTES);
}

void
sinter_qcow2_clue_swap(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, SWAP_PAGE_BYTES);
    SinterQcow2Volume volume = { 0 };

    if (!at || sinter_le32_load(at + SWAP_AT_VERSION) != 1)
        return;
    volume.id = sinter_qcow2_volume_id("swap", at + SWAP_AT_UUID, 16);
    volume.bytes = ((guint64)sinter_le32_load(at + SWAP_AT_LAST_PAGE) + 1) * SWAP_PAGE_BYTES;
    sinter_qcow2_clues_add_volume(clues, &volume);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_SWAP, volume.id, 0);
}
