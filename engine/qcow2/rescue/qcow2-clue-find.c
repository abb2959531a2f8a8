/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Looks for clues: one table of magic numbers and of what reads the structure. Invariant: every
 * sector is compared with every row; the readers check the rest.
 */

#include "qcow2-clue-find.h"
#include "qcow2-clue-boot.h"
#include "qcow2-clue-ext.h"
#include "qcow2-clue-partition.h"
#include "qcow2-clue-volume.h"
#include "qcow2-clue-xfs.h"

#include <string.h>

#define STEP_BYTES 512

typedef struct {
    const char *magic; /* "": none, always read */
    guint8 magic_bytes;
    guint16 magic_at;
    void (*read)(const SinterQcow2ClueInput *in, SinterQcow2Clues *clues);
} Row;

static const Row rows[] = {
    { "EFI PART", 8, 0, sinter_qcow2_clue_gpt },
    { "", 0, 0, sinter_qcow2_clue_gpt_entry },
    { "\x55\xaa", 2, 510, sinter_qcow2_clue_mbr },
    { "\x53\xef", 2, 56, sinter_qcow2_clue_ext },
    { "XFSB", 4, 0, sinter_qcow2_clue_xfs_group },
    { "", 0, 0, sinter_qcow2_clue_xfs_block },
    { "IN", 2, 0, sinter_qcow2_clue_xfs_inode },
    { "FAT32   ", 8, 82, sinter_qcow2_clue_fat },
    { "NTFS    ", 8, 3, sinter_qcow2_clue_ntfs },
    { "_BHRfS_M", 8, 64, sinter_qcow2_clue_btrfs },
    { "LABELONE", 8, 0, sinter_qcow2_clue_lvm },
    { "SWAPSPACE2", 10, 4086, sinter_qcow2_clue_swap },
};

static gboolean
row_fits(const Row *row, const SinterQcow2ClueInput *in)
{
    const guint8 *at = sinter_qcow2_clue_take(in, row->magic_at, row->magic_bytes);

    return at && memcmp(at, row->magic, row->magic_bytes) == 0;
}

void
sinter_qcow2_clues_find(SinterQcow2Clues *self, guint64 host_cluster, const guint8 *data, gsize len)
{
    self->host_cluster = host_cluster;
    for (guint32 at = 0; at < len; at += STEP_BYTES) {
        const SinterQcow2ClueInput in = { data, len, at };

        for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
            if (row_fits(&rows[i], &in))
                rows[i].read(&in, self);
        }
    }
}
