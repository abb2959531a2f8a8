/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Clues: what the content of a cluster says about its place on the guest's disk. A clue is a value.
 * Partition tables know their place on the disk; structures of file systems know their place
 * relative to the start of their volume, which has an identity (its UUID) and usually a size.
 *
 * Everything here is read from guest data, which anybody may have crafted: a clue is evidence,
 * never proof by itself, and all its numbers are checked before use.
 */

#include <glib.h>

G_BEGIN_DECLS

/* X(CODE, name, alone): the kinds of clues. Alone: names its own place, and no journal or log of a
 * file system holds a copy of it that claims the same place. */
#define SINTER_QCOW2_CLUES(X)                                                                      \
    X(GPT, "GPT header", TRUE)                                                                     \
    X(MBR, "MBR", FALSE)                                                                           \
    X(EXT_SUPER, "ext superblock", FALSE)                                                          \
    X(EXT_BACKUP, "ext backup superblock", TRUE)                                                   \
    X(XFS_GROUP, "XFS allocation group", TRUE)                                                     \
    X(XFS_BLOCK, "XFS block", TRUE)                                                                \
    X(XFS_INODE, "XFS inode", TRUE)                                                                \
    X(FAT, "FAT boot sector", FALSE)                                                               \
    X(NTFS, "NTFS boot sector", FALSE)                                                             \
    X(BTRFS, "btrfs superblock", TRUE)                                                             \
    X(LVM, "LVM label", FALSE)                                                                     \
    X(SWAP, "swap signature", FALSE)                                                               \
    X(BACKING, "backing file", FALSE)

typedef enum {
#define X(code, name, alone) SINTER_QCOW2_CLUE_##code,
    SINTER_QCOW2_CLUES(X)
#undef X
        SINTER_QCOW2_N_CLUES,
} SinterQcow2ClueKind;

const char *sinter_qcow2_clue_name(SinterQcow2ClueKind kind);
gboolean sinter_qcow2_clue_stands_alone(SinterQcow2ClueKind kind);

/* The volume of clues whose place is absolute. */
#define SINTER_QCOW2_VOLUME_DISK 0

typedef struct {
    guint64 host_cluster; /* that holds the structure */
    guint64 volume;       /* identity: a hash of the UUID and the kind of file system */
    guint64 at;           /* bytes from the start of the volume; an XFS inode: its number */
    guint32 inner;        /* bytes from the start of the cluster to the structure */
    SinterQcow2ClueKind kind;
} SinterQcow2Clue;

/* A file system, as one of its superblocks describes it. */
typedef struct {
    guint64 id;
    guint64 bytes; /* 0: unknown */
    /* XFS: to find the place of an inode */
    guint64 xfs_group_blocks; /* 0: not known */
    guint32 xfs_block_bytes;
    guint32 xfs_group_block_bits;
    guint32 xfs_block_inode_bits;
} SinterQcow2Volume;

/* A partition that a partition table lists. */
typedef struct {
    guint64 start; /* bytes from the start of the disk */
    guint64 bytes;
    guint64 host_cluster; /* that lists it */
} SinterQcow2Partition;

/* Where clues are collected. */
typedef struct {
    GArray *clues;        /* of SinterQcow2Clue */
    GHashTable *volumes;  /* id → SinterQcow2Volume */
    GArray *partitions;   /* of SinterQcow2Partition */
    guint64 host_cluster; /* of the cluster that is examined */
    guint64 disk_bytes;   /* as a GPT header states it; 0: none was found */
    guint n_max;          /* clues beyond this number are only counted */
    guint64 n_dropped;
} SinterQcow2Clues;

void sinter_qcow2_clues_init(SinterQcow2Clues *self);
void sinter_qcow2_clues_clear(SinterQcow2Clues *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SinterQcow2Clues, sinter_qcow2_clues_clear)

/* A structure that may have been found at @at in the cluster @data of @len bytes. */
typedef struct {
    const guint8 *data;
    gsize len;
    guint32 at;
} SinterQcow2ClueInput;

/* Returns @bytes at @from in the structure, or NULL if they are not in the cluster. */
static inline const guint8 *
sinter_qcow2_clue_take(const SinterQcow2ClueInput *in, gsize from, gsize bytes)
{
    return from <= in->len - in->at && bytes <= in->len - in->at - from ? in->data + in->at + from
                                                                        : NULL;
}

/* Adds a clue about the structure in @in. */
void sinter_qcow2_clues_add(SinterQcow2Clues *self, const SinterQcow2ClueInput *in,
                            SinterQcow2ClueKind kind, guint64 volume, guint64 at);

/* Adds or completes a volume: values that are 0 in @volume keep what is known. */
void sinter_qcow2_clues_add_volume(SinterQcow2Clues *self, const SinterQcow2Volume *volume);

void sinter_qcow2_clues_add_partition(SinterQcow2Clues *self, guint64 start, guint64 bytes);

/* Returns the identity of a volume of @kind with the UUID of @len bytes; never the disk's. */
guint64 sinter_qcow2_volume_id(const char *kind, const guint8 *uuid, gsize len);

/*
 * Returns in @ret where the volume's cluster begins that holds the clue, in bytes from the start of
 * the volume; it may be negative by less than a cluster, because a volume need not start on a
 * cluster. FALSE if that cannot be told.
 */
gboolean sinter_qcow2_clue_offset(const SinterQcow2Clues *self, const SinterQcow2Clue *clue,
                                  gint64 *ret);

/* Little-endian loads at any alignment. */
static inline guint32
sinter_le16_load(const guint8 *at)
{
    return at[0] | (guint32)at[1] << 8;
}

static inline guint32
sinter_le32_load(const guint8 *at)
{
    return sinter_le16_load(at) | sinter_le16_load(at + 2) << 16;
}

static inline guint64
sinter_le64_load(const guint8 *at)
{
    return sinter_le32_load(at) | (guint64)sinter_le32_load(at + 4) << 32;
}

G_END_DECLS
