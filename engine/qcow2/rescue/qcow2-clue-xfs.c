/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * XFS metadata that says where it belongs. Invariant: a number from the file system is used only
 * inside its range, and the UUID decides which volume it belongs to.
 */

#include "qcow2-clue-xfs.h"
#include "qcow2/layout/qcow2-layout.h"

#define SECTOR_BYTES 512
#define SUPER_BYTES 264
#define SUPER_AT_BLOCK_BYTES 4
#define SUPER_AT_BLOCKS 8
#define SUPER_AT_UUID 32
#define SUPER_AT_GROUP_BLOCKS 84
#define SUPER_AT_GROUPS 88
#define SUPER_AT_SECTOR_BYTES 102
#define SUPER_AT_BLOCK_BITS 120
#define SUPER_AT_BLOCK_INODE_BITS 123
#define SUPER_AT_GROUP_BLOCK_BITS 124
#define AGF_MAGIC 0x58414746U
#define AGF_AT_GROUP 8
#define UUID_BYTES 16
#define INODE_BYTES 176
#define INODE_AT_VERSION 4
#define INODE_AT_NUMBER 152
#define INODE_AT_UUID 160

/* Fills @volume; FALSE if a field is out of its range. */
static gboolean
super_parse(const guint8 *at, SinterQcow2Volume *volume)
{
    guint32 block_bytes = sinter_be32_load(at + SUPER_AT_BLOCK_BYTES);
    guint64 blocks = sinter_be64_load(at + SUPER_AT_BLOCKS);
    guint32 group_blocks = sinter_be32_load(at + SUPER_AT_GROUP_BLOCKS);
    guint32 n_groups = sinter_be32_load(at + SUPER_AT_GROUPS);

    if (block_bytes < 512 || block_bytes > 65536 || (block_bytes & (block_bytes - 1)) != 0 ||
        block_bytes != 1U << (at[SUPER_AT_BLOCK_BITS] & 31) || group_blocks == 0 ||
        blocks > (guint64)G_MAXINT64 / block_bytes || blocks > (guint64)group_blocks * n_groups ||
        at[SUPER_AT_GROUP_BLOCK_BITS] > 31 || at[SUPER_AT_BLOCK_INODE_BITS] > 12)
        return FALSE;
    *volume = (SinterQcow2Volume){
        .id = sinter_qcow2_volume_id("xfs", at + SUPER_AT_UUID, UUID_BYTES),
        .bytes = blocks * block_bytes,
        .xfs_group_blocks = group_blocks,
        .xfs_block_bytes = block_bytes,
        .xfs_group_block_bits = at[SUPER_AT_GROUP_BLOCK_BITS],
        .xfs_block_inode_bits = at[SUPER_AT_BLOCK_INODE_BITS],
    };
    return TRUE;
}

void
sinter_qcow2_clue_xfs_group(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, SUPER_BYTES);
    SinterQcow2Volume volume;
    const guint8 *agf;
    guint64 group;

    if (!at || !super_parse(at, &volume))
        return;
    sinter_qcow2_clues_add_volume(clues, &volume);
    agf = sinter_qcow2_clue_take(in, sinter_be16_load(at + SUPER_AT_SECTOR_BYTES), SECTOR_BYTES);
    if (!agf || sinter_be32_load(agf) != AGF_MAGIC)
        return;
    group = sinter_be32_load(agf + AGF_AT_GROUP);
    if (group < sinter_be32_load(at + SUPER_AT_GROUPS))
        sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_XFS_GROUP, volume.id,
                               group * volume.xfs_group_blocks * volume.xfs_block_bytes);
}

/* Where blocks of a kind store their address (in units of 512 bytes) and the UUID. */
static const struct {
    char magic[5];
    guint8 at_address;
    guint8 at_uuid;
} blocks[] = {
    { "AB3B", 16, 32 }, { "AB3C", 16, 32 }, { "IAB3", 16, 32 }, { "FIB3", 16, 32 },
    { "RMB3", 16, 32 }, { "R3FC", 16, 32 }, { "BMA3", 24, 40 }, { "XDB3", 8, 24 },
    { "XDD3", 8, 24 },  { "XDF3", 8, 24 },  { "XSLM", 40, 16 }, { "XARM", 40, 16 },
};

/* Blocks of directory and attribute trees have a magic number of 16 bits, at 8. */
static const guint16 tree_magics[] = { 0x3ebe, 0x3bee, 0x3df1, 0x3dff };
#define TREE_AT_MAGIC 8
#define TREE_AT_ADDRESS 16
#define TREE_AT_UUID 32

static void
block_add(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues, guint at_address, guint at_uuid)
{
    const guint8 *at = in->data + in->at;
    guint64 address = sinter_be64_load(at + at_address);

    if (address > 0 && address <= G_MAXINT64 / SECTOR_BYTES)
        sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_XFS_BLOCK,
                               sinter_qcow2_volume_id("xfs", at + at_uuid, UUID_BYTES),
                               address * SECTOR_BYTES);
}

void
sinter_qcow2_clue_xfs_block(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, SECTOR_BYTES);

    if (!at)
        return;
    for (gsize i = 0; i < G_N_ELEMENTS(blocks); i++) {
        if (memcmp(at, blocks[i].magic, 4) == 0) {
            block_add(in, clues, blocks[i].at_address, blocks[i].at_uuid);
            return;
        }
    }
    for (gsize i = 0; i < G_N_ELEMENTS(tree_magics); i++) {
        if (sinter_be16_load(at + TREE_AT_MAGIC) == tree_magics[i]) {
            block_add(in, clues, TREE_AT_ADDRESS, TREE_AT_UUID);
            return;
        }
    }
}

void
sinter_qcow2_clue_xfs_inode(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, INODE_BYTES);

    if (at && at[INODE_AT_VERSION] == 3)
        sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_XFS_INODE,
                               sinter_qcow2_volume_id("xfs", at + INODE_AT_UUID, UUID_BYTES),
                               sinter_be64_load(at + INODE_AT_NUMBER));
}
