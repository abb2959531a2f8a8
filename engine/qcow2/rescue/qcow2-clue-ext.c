/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Superblocks of ext2, ext3 and ext4. Each states the number of its group; a backup is in the first
 * block of its group. Invariant: a superblock counts only if its fields are in their ranges, and if
 * its checksum is right where it has one.
 */

#include "qcow2-clue-ext.h"
#include "qcow2-crc32c.h"

#define SUPER_BYTES 1024
#define SUPER_AT 1024 /* of the primary one, in its volume */
#define AT_BLOCKS 4
#define AT_FIRST_BLOCK 20
#define AT_LOG_BLOCK 24
#define AT_GROUP_BLOCKS 32
#define AT_GROUP_INODES 40
#define AT_REVISION 76
#define AT_GROUP 90
#define AT_INCOMPAT 96
#define AT_RO_COMPAT 100
#define AT_UUID 104
#define AT_BLOCKS_HIGH 0x150
#define AT_CHECKSUM 0x3fc
#define INCOMPAT_64BIT 0x80U
#define RO_COMPAT_CHECKSUM 0x400U

typedef struct {
    guint64 blocks;
    guint64 group_blocks;
    guint32 block_bytes;
    guint32 first_block;
    guint32 group;
} ExtSuper;

static gboolean
ext_parse(const guint8 *at, ExtSuper *ret)
{
    guint32 log_block = sinter_le32_load(at + AT_LOG_BLOCK);

    if (log_block > 6 || sinter_le32_load(at + AT_REVISION) > 1 ||
        sinter_le32_load(at + AT_GROUP_INODES) == 0)
        return FALSE;
    ret->block_bytes = 1024U << log_block;
    ret->blocks = sinter_le32_load(at + AT_BLOCKS);
    if (sinter_le32_load(at + AT_INCOMPAT) & INCOMPAT_64BIT)
        ret->blocks |= (guint64)sinter_le32_load(at + AT_BLOCKS_HIGH) << 32;
    ret->group_blocks = sinter_le32_load(at + AT_GROUP_BLOCKS);
    ret->first_block = sinter_le32_load(at + AT_FIRST_BLOCK);
    ret->group = sinter_le16_load(at + AT_GROUP);
    if (sinter_le32_load(at + AT_RO_COMPAT) & RO_COMPAT_CHECKSUM &&
        sinter_qcow2_crc32c(G_MAXUINT32, at, AT_CHECKSUM) != sinter_le32_load(at + AT_CHECKSUM))
        return FALSE;
    return ret->group_blocks >= 8 && ret->group_blocks <= (guint64)ret->block_bytes * 8 &&
           ret->first_block == (log_block == 0) &&
           ret->blocks <= (guint64)G_MAXINT64 / ret->block_bytes &&
           ret->group * ret->group_blocks + ret->first_block < ret->blocks;
}

void
sinter_qcow2_clue_ext(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, SUPER_BYTES);
    SinterQcow2Volume volume = { 0 };
    ExtSuper super;

    if (!at || !ext_parse(at, &super))
        return;
    volume.id = sinter_qcow2_volume_id("ext", at + AT_UUID, 16);
    volume.bytes = super.blocks * super.block_bytes;
    sinter_qcow2_clues_add_volume(clues, &volume);
    if (super.group == 0)
        sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_EXT_SUPER, volume.id, SUPER_AT);
    else
        sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_EXT_BACKUP, volume.id,
                               (super.group * super.group_blocks + super.first_block) *
                                   super.block_bytes);
}
