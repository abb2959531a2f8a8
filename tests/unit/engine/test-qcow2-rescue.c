/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a rescue knows of the content of clusters: each kind of clue, made here from the facts of
 * its format and then broken; tables told from data; the geometry of a lost header.
 */

#include "qcow2/rescue/qcow2-clue-find.h"
#include "qcow2/rescue/qcow2-crc32c.h"
#include "qcow2/rescue/qcow2-rescue-geometry.h"
#include "qcow2/layout/qcow2-table-judge.h"

#include <string.h>
#include <zlib.h>

#define CLUSTER 65536
#define MIB (G_GUINT64_CONSTANT(1) << 20)

static void
le_store(guint8 *at, guint64 value, guint bytes)
{
    for (guint i = 0; i < bytes; i++)
        at[i] = (guint8)(value >> (8 * i));
}

/* --- clues --- */

/* A structure in a cluster, and what must be read from it. */
typedef struct {
    const char *name;
    void (*make)(guint8 *cluster);
    guint32 breaks; /* a byte that makes it invalid; 0: none */
    SinterQcow2ClueKind kind;
    guint32 inner;
    gint64 offset; /* of the cluster in its volume */
    guint64 volume_bytes;
} Case;

static void
make_gpt(guint8 *cluster)
{
    guint8 *at = cluster + 512;

    memcpy(at, "EFI PART", 8);
    le_store(at + 12, 92, 4);
    le_store(at + 24, 1, 8);
    le_store(at + 32, 2097151, 8);
    memset(at + 56, 7, 16);
    le_store(at + 16, crc32(0, at, 92), 4);
}

static void
make_ext(guint8 *at, guint group)
{
    le_store(at + 4, 100000, 4);  /* blocks */
    le_store(at + 24, 2, 4);      /* of 4096 bytes */
    le_store(at + 32, 32768, 4);  /* of a group */
    le_store(at + 40, 8192, 4);   /* inodes of a group */
    le_store(at + 56, 0xef53, 2); /* magic */
    le_store(at + 76, 1, 4);      /* revision */
    le_store(at + 90, group, 2);  /* number of the group */
    le_store(at + 100, 0x400, 4); /* has checksums */
    memset(at + 104, 9, 16);      /* UUID */
    le_store(at + 1020, sinter_qcow2_crc32c(G_MAXUINT32, at, 1020), 4);
}

static void
make_ext_primary(guint8 *cluster)
{
    make_ext(cluster + 1024, 0);
}

static void
make_ext_backup(guint8 *cluster)
{
    make_ext(cluster, 3);
}

static void
make_xfs_super(guint8 *at)
{
    memcpy(at, "XFSB", 4);
    sinter_be32_store(at + 4, 4096);
    sinter_be64_store(at + 8, 40000);
    memset(at + 32, 5, 16);
    sinter_be32_store(at + 84, 10000);
    sinter_be32_store(at + 88, 4);
    sinter_be16_store(at + 102, 512);
    at[120] = 12;
    at[123] = 3;
    at[124] = 14;
}

static void
make_xfs_group(guint8 *cluster)
{
    make_xfs_super(cluster);
    memcpy(cluster + 512, "XAGF", 4);
    sinter_be32_store(cluster + 512 + 8, 2);
}

static void
make_xfs_block(guint8 *cluster)
{
    make_xfs_super(cluster);
    memcpy(cluster + 8192, "XDB3", 4);
    sinter_be64_store(cluster + 8192 + 8, 4096);
    memset(cluster + 8192 + 24, 5, 16);
}

/* Group 1, block 20, inode 2 of 512 bytes. */
static void
make_xfs_inode(guint8 *cluster)
{
    make_xfs_super(cluster);
    memcpy(cluster + 1024, "IN", 2);
    cluster[1024 + 4] = 3;
    sinter_be64_store(cluster + 1024 + 152, 1 << 17 | 20 << 3 | 2);
    memset(cluster + 1024 + 160, 5, 16);
}

static void
make_boot(guint8 *at)
{
    le_store(at + 11, 512, 2);
    at[13] = 8;
    at[21] = 0xf8;
    at[510] = 0x55;
    at[511] = 0xaa;
    memset(at + 446, 0xcc, 64); /* code where a partition table would be */
}

static void
make_fat(guint8 *cluster)
{
    make_boot(cluster);
    le_store(cluster + 14, 32, 2);
    cluster[16] = 2;
    le_store(cluster + 32, 81920, 4);
    le_store(cluster + 50, 6, 2);
    memset(cluster + 67, 3, 4);
    memcpy(cluster + 82, "FAT32   ", 8);
    memcpy(cluster + 6 * 512, cluster, 512);
}

static void
make_ntfs(guint8 *cluster)
{
    make_boot(cluster);
    memcpy(cluster + 3, "NTFS    ", 8);
    le_store(cluster + 40, 81919, 8);
    memset(cluster + 72, 4, 8);
}

static void
make_btrfs(guint8 *cluster)
{
    memset(cluster + 32, 6, 16);
    le_store(cluster + 48, 64 * MIB, 8);
    memcpy(cluster + 64, "_BHRfS_M", 8);
    le_store(cluster + 112, 256 * MIB, 8);
    le_store(cluster, ~sinter_qcow2_crc32c(G_MAXUINT32, cluster + 32, 4064), 4);
}

static void
make_lvm(guint8 *cluster)
{
    memcpy(cluster + 512, "LABELONE", 8);
    le_store(cluster + 512 + 8, 1, 8);
    le_store(cluster + 512 + 20, 32, 4);
    memset(cluster + 512 + 32, 'a', 32);
    le_store(cluster + 512 + 64, 100 * MIB, 8);
}

static void
make_swap(guint8 *cluster)
{
    memcpy(cluster + 4086, "SWAPSPACE2", 10);
    le_store(cluster + 1024, 1, 4);
    le_store(cluster + 1028, 16383, 4);
    memset(cluster + 1036, 8, 16);
}

static void
make_mbr(guint8 *cluster)
{
    cluster[446] = 0x80;
    cluster[446 + 4] = 0x83;
    le_store(cluster + 446 + 8, 2048, 4);
    le_store(cluster + 446 + 12, 409600, 4);
    cluster[510] = 0x55;
    cluster[511] = 0xaa;
}

static const Case cases[] = {
    { "gpt", make_gpt, 512 + 40, SINTER_QCOW2_CLUE_GPT, 512, 0, 1024 * MIB },
    { "mbr", make_mbr, 446 + 16, SINTER_QCOW2_CLUE_MBR, 0, 0, 0 },
    { "ext", make_ext_primary, 1024 + 200, SINTER_QCOW2_CLUE_EXT_SUPER, 1024, 0,
      100000 * G_GUINT64_CONSTANT(4096) },
    { "ext-backup", make_ext_backup, 200, SINTER_QCOW2_CLUE_EXT_BACKUP, 0,
      3 * G_GINT64_CONSTANT(32768) * 4096, 100000 * G_GUINT64_CONSTANT(4096) },
    { "xfs-group", make_xfs_group, 512, SINTER_QCOW2_CLUE_XFS_GROUP, 0,
      2 * G_GINT64_CONSTANT(10000) * 4096, 40000 * G_GUINT64_CONSTANT(4096) },
    { "xfs-block", make_xfs_block, 8192, SINTER_QCOW2_CLUE_XFS_BLOCK, 8192,
      4096 * G_GINT64_CONSTANT(512) - 8192, 40000 * G_GUINT64_CONSTANT(4096) },
    { "xfs-inode", make_xfs_inode, 1024 + 4, SINTER_QCOW2_CLUE_XFS_INODE, 1024,
      (10000 + 20) * G_GINT64_CONSTANT(4096) + 2 * 512 - 1024, 40000 * G_GUINT64_CONSTANT(4096) },
    { "fat", make_fat, 6 * 512 + 3, SINTER_QCOW2_CLUE_FAT, 0, 0, 40 * MIB },
    { "ntfs", make_ntfs, 510, SINTER_QCOW2_CLUE_NTFS, 0, 0, 40 * MIB },
    { "btrfs", make_btrfs, 300, SINTER_QCOW2_CLUE_BTRFS, 0, 64 * (gint64)MIB, 256 * MIB },
    { "lvm", make_lvm, 512 + 9, SINTER_QCOW2_CLUE_LVM, 512, 0, 100 * MIB },
    { "swap", make_swap, 1025, SINTER_QCOW2_CLUE_SWAP, 0, 0, 64 * MIB },
};

/* Returns the first clue of @kind, or NULL. */
static const SinterQcow2Clue *
find_clue(const SinterQcow2Clues *clues, SinterQcow2ClueKind kind)
{
    for (guint i = 0; i < clues->clues->len; i++) {
        const SinterQcow2Clue *clue = &g_array_index(clues->clues, SinterQcow2Clue, i);

        if (clue->kind == kind)
            return clue;
    }
    return NULL;
}

static void
test_clue(gconstpointer data)
{
    const Case *self = data;
    g_autofree guint8 *cluster = g_malloc0(CLUSTER);
    g_auto(SinterQcow2Clues) clues = { 0 };
    g_auto(SinterQcow2Clues) broken = { 0 };
    const SinterQcow2Clue *clue;
    const SinterQcow2Volume *volume;
    gint64 offset;

    self->make(cluster);
    sinter_qcow2_clues_init(&clues);
    sinter_qcow2_clues_find(&clues, 77, cluster, CLUSTER);
    clue = find_clue(&clues, self->kind);
    g_assert_nonnull(clue);
    g_assert_cmpuint(clue->host_cluster, ==, 77);
    g_assert_cmpuint(clue->inner, ==, self->inner);
    g_assert_true(sinter_qcow2_clue_offset(&clues, clue, &offset));
    g_assert_cmpint(offset, ==, self->offset);
    volume = g_hash_table_lookup(clues.volumes, &clue->volume);
    g_assert_cmpuint(volume ? volume->bytes : 0, ==, self->volume_bytes);

    cluster[self->breaks] ^= 0x11;
    sinter_qcow2_clues_init(&broken);
    sinter_qcow2_clues_find(&broken, 77, cluster, CLUSTER);
    g_assert_null(find_clue(&broken, self->kind));
}

static void
test_partitions(void)
{
    static const guint8 linux_type[] = { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47,
                                         0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4 };
    g_autofree guint8 *cluster = g_malloc0(CLUSTER);
    g_auto(SinterQcow2Clues) clues = { 0 };
    const SinterQcow2Partition *partition;

    memcpy(cluster + 1024, linux_type, sizeof linux_type);
    le_store(cluster + 1024 + 32, 2048, 8);
    le_store(cluster + 1024 + 40, 4095, 8);
    sinter_qcow2_clues_init(&clues);
    sinter_qcow2_clues_find(&clues, 0, cluster, CLUSTER);
    g_assert_cmpuint(clues.partitions->len, ==, 1);
    partition = &g_array_index(clues.partitions, SinterQcow2Partition, 0);
    g_assert_cmpuint(partition->start, ==, MIB);
    g_assert_cmpuint(partition->bytes, ==, MIB);
}

/* Random bytes, zeros and text are no clue, and nothing is read beyond a cluster. */
static void
test_no_clue(void)
{
    g_autofree guint8 *cluster = g_malloc0(512);
    g_auto(SinterQcow2Clues) clues = { 0 };

    sinter_qcow2_clues_init(&clues);
    sinter_qcow2_clues_find(&clues, 0, cluster, 512);
    for (guint round = 0; round < 2000; round++) {
        for (guint i = 0; i < 512; i++)
            cluster[i] = (guint8)g_test_rand_int();
        sinter_qcow2_clues_find(&clues, 0, cluster, 512);
    }
    /* structures cut off by the end of a cluster of 512 bytes */
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree guint8 *whole = g_malloc0(CLUSTER);

        cases[i].make(whole);
        for (guint at = 0; at < 16384; at += 512) {
            memcpy(cluster, whole + at, 512);
            sinter_qcow2_clues_find(&clues, 0, cluster, 512);
        }
    }
    g_assert_null(find_clue(&clues, SINTER_QCOW2_CLUE_EXT_SUPER));
    g_assert_null(find_clue(&clues, SINTER_QCOW2_CLUE_BTRFS));
    g_assert_null(find_clue(&clues, SINTER_QCOW2_CLUE_SWAP));
    g_assert_null(find_clue(&clues, SINTER_QCOW2_CLUE_FAT));
}

/* "123456789", of each publication of a CRC. */
static void
test_crc(void)
{
    g_assert_cmphex(~sinter_qcow2_crc32c(G_MAXUINT32, (const guint8 *)"123456789", 9), ==,
                    0xe3069283);
}

/* --- tables --- */

#define FILE_CLUSTERS 5000

static SinterQcow2Geometry
geometry(gboolean extended)
{
    SinterQcow2Geometry geo = { 0 };

    sinter_qcow2_geometry_init(&geo, 3, 16, 4, extended ? SINTER_QCOW2_INCOMPAT_EXTENDED_L2 : 0);
    return geo;
}

static void
fill_table(const SinterQcow2Geometry *geo, guint8 *table, guint n, guint64 flags)
{
    for (guint i = 0; i < n; i++)
        sinter_qcow2_l2_store(geo, table, i,
                              (SinterQcow2L2Entry){ ((guint64)(i + 10) << 16) | flags,
                                                    geo->extended_l2 ? 0xffffffff : 0 });
}

static gboolean
is_table(const SinterQcow2Geometry *geo, const guint8 *table)
{
    SinterQcow2TableJudgement judgement = sinter_qcow2_judge_table(geo, FILE_CLUSTERS, table);

    return sinter_qcow2_judgement_is_table(&judgement);
}

static void
test_judge(gconstpointer extended)
{
    SinterQcow2Geometry geo = geometry(extended != NULL);
    g_autofree guint8 *table = g_malloc0(CLUSTER);

    g_assert_false(is_table(&geo, table));
    fill_table(&geo, table, 1, SINTER_QCOW2_COPIED);
    g_assert_true(is_table(&geo, table));
    fill_table(&geo, table, 5, 0);
    g_assert_false(is_table(&geo, table));
    fill_table(&geo, table, 100, 0);
    g_assert_true(is_table(&geo, table));
    /* a few broken entries are a damaged table, more are none */
    for (guint i = 0; i < 6; i++)
        sinter_be64_store(table + (gsize)i * geo.l2_entry_bytes, G_GUINT64_CONSTANT(0x7f00) << 40);
    g_assert_false(is_table(&geo, table));
    fill_table(&geo, table, 100, 0);
    sinter_be64_store(table, (guint64)FILE_CLUSTERS << 16);
    g_assert_true(is_table(&geo, table));
}

static void
test_judge_data(void)
{
    SinterQcow2Geometry geo = geometry(FALSE);
    g_autofree guint8 *data = g_malloc0(CLUSTER);

    for (guint round = 0; round < 50; round++) {
        for (guint i = 0; i < CLUSTER; i++)
            data[i] = (guint8)g_test_rand_int();
        g_assert_false(is_table(&geo, data));
    }
    memset(data, 'x', CLUSTER);
    g_assert_false(is_table(&geo, data));
    /* refcounts of 1, and little-endian numbers */
    for (guint i = 0; i < CLUSTER; i += 2)
        sinter_be16_store(data + i, 1);
    g_assert_false(is_table(&geo, data));
    memset(data, 0, CLUSTER);
    for (guint i = 0; i < CLUSTER; i += 8)
        le_store(data + i, (guint64)i * 8192, 8);
    g_assert_false(is_table(&geo, data));
}

static void
test_judge_refblock(void)
{
    SinterQcow2Geometry geo = geometry(FALSE);
    g_autofree guint8 *block = g_malloc0(CLUSTER);

    g_assert_false(sinter_qcow2_judge_refblock(&geo, block));
    for (guint i = 0; i < CLUSTER / 2; i += 2)
        sinter_be16_store(block + i, 1);
    g_assert_true(sinter_qcow2_judge_refblock(&geo, block));
    sinter_be16_store(block + 100, 17);
    g_assert_false(sinter_qcow2_judge_refblock(&geo, block));
    memset(block, 'x', CLUSTER);
    g_assert_false(sinter_qcow2_judge_refblock(&geo, block));
}

static SinterQcow2EntryJudgement
judge(guint64 entry, guint64 bitmap, gboolean extended)
{
    SinterQcow2Geometry geo = geometry(extended);

    return sinter_qcow2_judge_entry(&geo, FILE_CLUSTERS, (SinterQcow2L2Entry){ entry, bitmap });
}

static void
test_judge_entry(void)
{
    guint64 copied = SINTER_QCOW2_COPIED;

    g_assert_cmpint(judge(0, 0, FALSE), ==, SINTER_QCOW2_ENTRY_EMPTY);
    g_assert_cmpint(judge(SINTER_QCOW2_ZERO, 0, FALSE), ==, SINTER_QCOW2_ENTRY_EMPTY);
    g_assert_cmpint(judge(copied, 0, FALSE), ==, SINTER_QCOW2_ENTRY_BAD);
    g_assert_cmpint(judge(copied | 0x50000, 0, FALSE), ==, SINTER_QCOW2_ENTRY_DATA);
    g_assert_cmpint(judge(copied | 0x50200, 0, FALSE), ==, SINTER_QCOW2_ENTRY_BAD);
    g_assert_cmpint(judge(copied | 0x50002, 0, FALSE), ==, SINTER_QCOW2_ENTRY_BAD);
    g_assert_cmpint(judge((guint64)FILE_CLUSTERS << 16, 0, FALSE), ==, SINTER_QCOW2_ENTRY_BAD);
    g_assert_cmpint(judge(SINTER_QCOW2_COMPRESSED | 0x51234, 0, FALSE), ==,
                    SINTER_QCOW2_ENTRY_COMPRESSED);
    g_assert_cmpint(judge(SINTER_QCOW2_COMPRESSED | copied | 0x51234, 0, FALSE), ==,
                    SINTER_QCOW2_ENTRY_BAD);
    g_assert_cmpint(judge(copied | 0x50000, 0x100000001, TRUE), ==, SINTER_QCOW2_ENTRY_BAD);
    g_assert_cmpint(judge(copied | 0x50001, 1, TRUE), ==, SINTER_QCOW2_ENTRY_BAD);
}

/* --- the geometry of a lost header --- */

static void
test_geometry(void)
{
    for (guint extended = 0; extended < 2; extended++) {
        for (guint bits = extended ? 14 : 9; bits <= 21; bits++) {
            g_autoptr(SinterFs) fs = sinter_fs_new_memory();
            g_autoptr(SinterIo) io = sinter_fs_open(fs, "/a", SINTER_IO_CREATE, NULL);
            g_autofree guint8 *table = g_malloc0(G_GUINT64_CONSTANT(1) << bits);
            SinterQcow2GuessedGeometry guess;
            SinterQcow2Geometry geo = { 0 };
            guint64 file_bytes = G_GUINT64_CONSTANT(2000) << bits;

            sinter_qcow2_geometry_init(&geo, 3, bits, 4,
                                       extended ? SINTER_QCOW2_INCOMPAT_EXTENDED_L2 : 0);
            for (guint i = 0; i < MIN(geo.l2_entries, 1500); i++)
                sinter_qcow2_l2_store(
                    &geo, table, i,
                    (SinterQcow2L2Entry){ SINTER_QCOW2_COPIED | (guint64)(i + 100) << bits,
                                          extended ? 0xff : 0 });
            sinter_io_truncate(io, file_bytes, NULL);
            sinter_io_write(io, G_GUINT64_CONSTANT(50) << bits, table, geo.cluster_size, NULL);
            g_assert_true(sinter_qcow2_guess_geometry(io, file_bytes, NULL, NULL, &guess, NULL));
            g_assert_cmpuint(guess.n_candidates, ==, 1);
            g_assert_cmpuint(guess.cluster_bits[0], ==, bits);
            g_assert_cmpint(guess.extended_l2, ==, extended);
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/rescue/clue/%s", cases[i].name);

        g_test_add_data_func(path, &cases[i], test_clue);
    }
    g_test_add_func("/rescue/clue/partitions", test_partitions);
    g_test_add_func("/rescue/clue/none", test_no_clue);
    g_test_add_func("/rescue/crc32c", test_crc);
    g_test_add_data_func("/rescue/judge/plain", NULL, test_judge);
    g_test_add_data_func("/rescue/judge/extended", GINT_TO_POINTER(1), test_judge);
    g_test_add_func("/rescue/judge/data", test_judge_data);
    g_test_add_func("/rescue/judge/refblock", test_judge_refblock);
    g_test_add_func("/rescue/judge/entry", test_judge_entry);
    g_test_add_func("/rescue/geometry", test_geometry);
    return g_test_run();
}
