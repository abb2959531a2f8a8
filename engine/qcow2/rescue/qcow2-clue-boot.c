/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Boot sectors of FAT and NTFS. A backup has the same bytes as the sector itself. Invariant: which
 * of the two a sector is follows from its surroundings or stays open: then both places are clues,
 * of which at most one can agree with others.
 */

#include "qcow2-clue-boot.h"

#include <string.h>

#define BOOT_BYTES 512
#define AT_SECTOR_BYTES 11
#define AT_CLUSTER_SECTORS 13
#define AT_RESERVED 14
#define AT_FATS 16
#define AT_SECTORS_16 19
#define AT_MEDIA 21
#define AT_FAT_SECTORS_16 22
#define AT_SECTORS_32 32
#define FAT32_AT_BACKUP 50
#define FAT32_AT_SERIAL 67
#define NTFS_AT_SECTORS 40
#define NTFS_AT_SERIAL 72
#define AT_SIGNATURE 510

static gboolean
is_sector_size(guint32 bytes)
{
    return bytes == 512 || bytes == 1024 || bytes == 2048 || bytes == 4096;
}

static gboolean
boot_is_valid(const guint8 *at)
{
    guint sectors = at[AT_CLUSTER_SECTORS];

    return is_sector_size(sinter_le16_load(at + AT_SECTOR_BYTES)) && sectors != 0 &&
           (sectors & (sectors - 1)) == 0 && at[AT_MEDIA] >= 0xf0 && at[AT_SIGNATURE] == 0x55 &&
           at[AT_SIGNATURE + 1] == 0xaa;
}

static guint64
fat_bytes(const guint8 *at)
{
    guint32 sectors = sinter_le16_load(at + AT_SECTORS_16);

    if (sectors == 0)
        sectors = sinter_le32_load(at + AT_SECTORS_32);
    return (guint64)sectors * sinter_le16_load(at + AT_SECTOR_BYTES);
}

/* FAT32 only: older ones have neither a backup nor a type that can be relied on. */
void
sinter_qcow2_clue_fat(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, BOOT_BYTES);
    const guint8 *backup;
    SinterQcow2Volume volume = { 0 };
    gsize away;

    if (!at || !boot_is_valid(at) || at[AT_FATS] == 0 || at[AT_FATS] > 2 ||
        sinter_le16_load(at + AT_RESERVED) == 0 || sinter_le16_load(at + AT_FAT_SECTORS_16) != 0)
        return;
    away = (gsize)sinter_le16_load(at + FAT32_AT_BACKUP) * sinter_le16_load(at + AT_SECTOR_BYTES);
    backup = away ? sinter_qcow2_clue_take(in, away, BOOT_BYTES) : NULL;
    if (!backup || memcmp(at, backup, BOOT_BYTES) != 0)
        return;
    volume.id = sinter_qcow2_volume_id("fat", at + FAT32_AT_SERIAL, 4);
    volume.bytes = fat_bytes(at);
    sinter_qcow2_clues_add_volume(clues, &volume);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_FAT, volume.id, 0);
}

void
sinter_qcow2_clue_ntfs(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *at = sinter_qcow2_clue_take(in, 0, BOOT_BYTES);
    SinterQcow2Volume volume = { 0 };
    guint64 sectors;

    if (!at || !boot_is_valid(at))
        return;
    sectors = sinter_le64_load(at + NTFS_AT_SECTORS);
    if (sectors == 0 || sectors >= G_MAXINT64 / 4096 - 1)
        return;
    volume.id = sinter_qcow2_volume_id("ntfs", at + NTFS_AT_SERIAL, 8);
    volume.bytes = (sectors + 1) * sinter_le16_load(at + AT_SECTOR_BYTES);
    sinter_qcow2_clues_add_volume(clues, &volume);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_NTFS, volume.id, 0);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_NTFS, volume.id,
                           volume.bytes - sinter_le16_load(at + AT_SECTOR_BYTES));
}
