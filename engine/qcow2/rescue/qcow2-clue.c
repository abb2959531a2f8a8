/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Collects clues. Invariant: memory is bounded by the limit of clues; clues beyond it are dropped,
 * which can only make a placement less certain.
 */

#include "qcow2-clue.h"

#include <string.h>

/* 32 bytes each: at most 32 MiB. */
#define CLUES_MAX (1024 * 1024)
#define VOLUMES_MAX 4096
#define PARTITIONS_MAX 4096

static const struct {
    const char *name;
    gboolean alone;
} kinds[] = {
#define X(code, name, alone) { name, alone },
    SINTER_QCOW2_CLUES(X)
#undef X
};

const char *
sinter_qcow2_clue_name(SinterQcow2ClueKind kind)
{
    return kinds[kind].name;
}

gboolean
sinter_qcow2_clue_stands_alone(SinterQcow2ClueKind kind)
{
    return kinds[kind].alone;
}

void
sinter_qcow2_clues_init(SinterQcow2Clues *self)
{
    *self = (SinterQcow2Clues){
        .clues = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Clue)),
        .volumes = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free),
        .partitions = g_array_new(FALSE, FALSE, sizeof(SinterQcow2Partition)),
        .n_max = CLUES_MAX,
    };
}

void
sinter_qcow2_clues_clear(SinterQcow2Clues *self)
{
    g_clear_pointer(&self->clues, g_array_unref);
    g_clear_pointer(&self->volumes, g_hash_table_unref);
    g_clear_pointer(&self->partitions, g_array_unref);
}

void
sinter_qcow2_clues_add(SinterQcow2Clues *self, const SinterQcow2ClueInput *in,
                       SinterQcow2ClueKind kind, guint64 volume, guint64 at)
{
    SinterQcow2Clue clue = { self->host_cluster, volume, at, in->at, kind };

    if (self->clues->len >= self->n_max)
        self->n_dropped++;
    else if (at <= G_MAXINT64)
        g_array_append_val(self->clues, clue);
}

void
sinter_qcow2_clues_add_volume(SinterQcow2Clues *self, const SinterQcow2Volume *volume)
{
    SinterQcow2Volume *known = g_hash_table_lookup(self->volumes, &volume->id);

    if (!known) {
        if (g_hash_table_size(self->volumes) >= VOLUMES_MAX)
            return;
        known = g_memdup2(volume, sizeof *volume);
        g_hash_table_insert(self->volumes, &known->id, known);
        return;
    }
    if (volume->bytes)
        known->bytes = MAX(known->bytes, volume->bytes);
    if (known->xfs_group_blocks || !volume->xfs_group_blocks)
        return;
    known->xfs_group_blocks = volume->xfs_group_blocks;
    known->xfs_block_bytes = volume->xfs_block_bytes;
    known->xfs_group_block_bits = volume->xfs_group_block_bits;
    known->xfs_block_inode_bits = volume->xfs_block_inode_bits;
}

void
sinter_qcow2_clues_add_partition(SinterQcow2Clues *self, guint64 start, guint64 bytes)
{
    SinterQcow2Partition partition = { start, bytes, self->host_cluster };

    if (self->partitions->len < PARTITIONS_MAX)
        g_array_append_val(self->partitions, partition);
}

guint64
sinter_qcow2_volume_id(const char *kind, const guint8 *uuid, gsize len)
{
    /* FNV-1a: identities are compared, not trusted */
    guint64 id = G_GUINT64_CONSTANT(0xcbf29ce484222325);

    for (; *kind; kind++)
        id = (id ^ (guint8)*kind) * G_GUINT64_CONSTANT(0x100000001b3);
    for (gsize i = 0; i < len; i++)
        id = (id ^ uuid[i]) * G_GUINT64_CONSTANT(0x100000001b3);
    return id == SINTER_QCOW2_VOLUME_DISK ? 1 : id;
}

/* An inode number is: group, block in the group, inode in the block. */
static gboolean
xfs_inode_offset(const SinterQcow2Volume *volume, guint64 inode, guint64 *ret)
{
    guint block_bits = volume->xfs_group_block_bits;
    guint inode_bits = volume->xfs_block_inode_bits;
    guint64 group = inode >> (block_bits + inode_bits);
    guint64 block = inode >> inode_bits & ((G_GUINT64_CONSTANT(1) << block_bits) - 1);
    guint64 in_block = inode & ((G_GUINT64_CONSTANT(1) << inode_bits) - 1);
    guint64 blocks;

    if (volume->xfs_group_blocks == 0 || block >= volume->xfs_group_blocks ||
        !g_uint64_checked_mul(&blocks, group, volume->xfs_group_blocks) ||
        !g_uint64_checked_add(&blocks, blocks, block) ||
        !g_uint64_checked_mul(ret, blocks, volume->xfs_block_bytes))
        return FALSE;
    return g_uint64_checked_add(ret, *ret, in_block * (volume->xfs_block_bytes >> inode_bits)) &&
           *ret <= G_MAXINT64;
}

gboolean
sinter_qcow2_clue_offset(const SinterQcow2Clues *self, const SinterQcow2Clue *clue, gint64 *ret)
{
    const SinterQcow2Volume *volume = g_hash_table_lookup(self->volumes, &clue->volume);
    guint64 at = clue->at;

    if (clue->kind == SINTER_QCOW2_CLUE_XFS_INODE &&
        (!volume || !xfs_inode_offset(volume, clue->at, &at)))
        return FALSE;
    if (volume && volume->bytes > 0 && at > volume->bytes)
        return FALSE;
    *ret = (gint64)at - clue->inner;
    return TRUE;
}
