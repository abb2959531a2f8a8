/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Partition tables: the MBR and both copies of a GPT header name their place on the disk, and list
 * where volumes start. Invariant: a GPT header counts only if its checksum is right; an MBR only if
 * each of its four entries is valid.
 */

#include "qcow2-clue-partition.h"

#include <string.h>
#include <zlib.h>

#define SECTOR_BYTES G_GUINT64_CONSTANT(512)
#define GPT_HEADER_MIN 92
#define GPT_AT_HEADER_BYTES 12
#define GPT_AT_CRC 16
#define GPT_AT_MY_LBA 24
#define GPT_AT_OTHER_LBA 32
#define GPT_AT_DISK 56
#define GPT_ENTRY_BYTES 128
#define GPT_ENTRY_AT_FIRST 32
#define GPT_ENTRY_AT_LAST 40
#define MBR_AT_ENTRIES 446
#define MBR_ENTRY_BYTES 16
#define MBR_TYPE_PROTECTIVE 0xee

static gboolean
gpt_sum_is_right(const guint8 *header, gsize bytes)
{
    guint8 copy[SECTOR_BYTES];

    memcpy(copy, header, bytes);
    memset(copy + GPT_AT_CRC, 0, 4);
    return crc32(0, copy, (guint)bytes) == sinter_le32_load(header + GPT_AT_CRC);
}

void
sinter_qcow2_clue_gpt(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *header = sinter_qcow2_clue_take(in, 0, SECTOR_BYTES);
    guint32 bytes = header ? sinter_le32_load(header + GPT_AT_HEADER_BYTES) : 0;
    SinterQcow2Volume disk = { 0 };
    guint64 mine;
    guint64 last;

    if (bytes < GPT_HEADER_MIN || bytes > SECTOR_BYTES || !gpt_sum_is_right(header, bytes))
        return;
    mine = sinter_le64_load(header + GPT_AT_MY_LBA);
    last = MAX(mine, sinter_le64_load(header + GPT_AT_OTHER_LBA));
    if (mine == 0 || last >= G_MAXINT64 / SECTOR_BYTES)
        return;
    /* the disk is a volume, too: a file of the guest may be the image of another disk */
    disk.id = sinter_qcow2_volume_id("gpt", header + GPT_AT_DISK, 16);
    disk.bytes = (last + 1) * SECTOR_BYTES;
    sinter_qcow2_clues_add_volume(clues, &disk);
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_GPT, disk.id, mine * SECTOR_BYTES);
    clues->disk_bytes = MAX(clues->disk_bytes, disk.bytes);
}

/* The types of partitions as they are stored: Linux, ESP, Microsoft, swap, LVM, root x86-64, home
 */
static const guint8 gpt_types[][16] = {
    { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d,
      0xe4 },
    { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9,
      0x3b },
    { 0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99,
      0xc7 },
    { 0x6d, 0xfd, 0x57, 0x06, 0xab, 0xa4, 0xc4, 0x43, 0x84, 0xe5, 0x09, 0x33, 0xc8, 0x4b, 0x4f,
      0x4f },
    { 0x79, 0xd3, 0xd6, 0xe6, 0x07, 0xf5, 0xc2, 0x44, 0xa2, 0x3c, 0x23, 0x8f, 0x2a, 0x3d, 0xf9,
      0x28 },
    { 0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7,
      0x09 },
    { 0xe1, 0xc7, 0x3a, 0x93, 0xb4, 0x2e, 0x13, 0x4f, 0xb8, 0x44, 0x0e, 0x14, 0xe2, 0xae, 0xf9,
      0x15 },
};

static gboolean
gpt_type_is_known(const guint8 *type)
{
    for (gsize i = 0; i < G_N_ELEMENTS(gpt_types); i++) {
        if (memcmp(type, gpt_types[i], sizeof gpt_types[i]) == 0)
            return TRUE;
    }
    return FALSE;
}

void
sinter_qcow2_clue_gpt_entry(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *sector = sinter_qcow2_clue_take(in, 0, SECTOR_BYTES);

    if (!sector || !gpt_type_is_known(sector))
        return;
    for (guint at = 0; at < SECTOR_BYTES; at += GPT_ENTRY_BYTES) {
        guint64 first = sinter_le64_load(sector + at + GPT_ENTRY_AT_FIRST);
        guint64 last = sinter_le64_load(sector + at + GPT_ENTRY_AT_LAST);

        if (gpt_type_is_known(sector + at) && first > 1 && first <= last &&
            last < G_MAXINT64 / SECTOR_BYTES)
            sinter_qcow2_clues_add_partition(clues, first * SECTOR_BYTES,
                                             (last - first + 1) * SECTOR_BYTES);
    }
}

typedef struct {
    guint8 status;
    guint8 type;
    guint64 start; /* bytes */
    guint64 bytes;
} MbrEntry;

static MbrEntry
mbr_entry(const guint8 *sector, guint i)
{
    const guint8 *at = sector + MBR_AT_ENTRIES + i * MBR_ENTRY_BYTES;

    return (MbrEntry){ at[0], at[4], sinter_le32_load(at + 8) * SECTOR_BYTES,
                       sinter_le32_load(at + 12) * SECTOR_BYTES };
}

static gboolean
mbr_entry_is_valid(const MbrEntry *entry)
{
    if (entry->status != 0 && entry->status != 0x80)
        return FALSE;
    return (entry->type != 0) == (entry->start != 0) && (entry->type != 0) == (entry->bytes != 0);
}

void
sinter_qcow2_clue_mbr(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues)
{
    const guint8 *sector = sinter_qcow2_clue_take(in, 0, SECTOR_BYTES);
    MbrEntry entries[4];
    guint n = 0;

    if (!sector)
        return;
    for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
        entries[i] = mbr_entry(sector, i);
        if (!mbr_entry_is_valid(&entries[i]))
            return;
        n += entries[i].type != 0;
    }
    if (n == 0)
        return;
    sinter_qcow2_clues_add(clues, in, SINTER_QCOW2_CLUE_MBR, SINTER_QCOW2_VOLUME_DISK, 0);
    for (guint i = 0; i < G_N_ELEMENTS(entries); i++) {
        if (entries[i].type != 0 && entries[i].type != MBR_TYPE_PROTECTIVE)
            sinter_qcow2_clues_add_partition(clues, entries[i].start, entries[i].bytes);
    }
}
