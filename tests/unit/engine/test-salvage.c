/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reading damaged disks: what can be read is in the copy, byte for byte; what cannot is listed with
 * its cause and reads as zeros; a damaged entry never shows what the backing file holds; and an
 * interrupted run is continued.
 */

#include "sinter/salvage.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "ops/salvage/sinter-salvage-map.h"
#include "qcow2-build.h"
#include "sinter-error.h"

#include <errno.h>
#include <string.h>

#define CLUSTER 65536
#define DISK_BYTES (64 * CLUSTER)
#define SECTOR 512
#define BASE_BYTE 0xbb

static const SinterCreateOptions raw = { .format = "raw" };

/* --- the map ---------------------------------------------------------------------------------- */

static const char statuses[] = "?*/-+";

/* Sets random ranges and compares with one character for each byte. */
static void
test_map_random(void)
{
    const guint size = 1000;
    g_autoptr(SinterSalvageMap) map = sinter_salvage_map_new(size);
    g_autofree char *expected = g_strnfill(size, '?');

    for (guint round = 0; round < 3000; round++) {
        guint offset = (guint)g_test_rand_int_range(0, (gint32)size);
        guint length = (guint)g_test_rand_int_range(1, (gint32)(size - offset + 1));
        char status = statuses[g_test_rand_int_range(0, 5)];
        SinterSalvageBlock block;
        guint64 at = 0;

        sinter_salvage_map_set(map, offset, MIN(length, 40), (SinterSalvageStatus)status, NULL);
        memset(expected + offset, status, MIN(length, 40));
        for (guint i = 0; sinter_salvage_map_get(map, i, &block); i++) {
            g_assert_cmpuint(block.offset, ==, at);
            g_assert_cmpuint(block.length, >, 0);
            for (; at < block.offset + block.length; at++)
                g_assert_cmpint(expected[at], ==, (char)block.status);
            if (at < size)
                g_assert_cmpint(expected[at], !=, (char)block.status);
        }
        g_assert_cmpuint(at, ==, size);
    }
}

static void
test_map_neighbors(void)
{
    g_autoptr(SinterSalvageMap) map = sinter_salvage_map_new(4096);
    SinterSalvageBlock block;

    sinter_salvage_map_set(map, 1024, 512, SINTER_SALVAGE_BAD, NULL);
    sinter_salvage_map_set(map, 3072, 512, SINTER_SALVAGE_BAD, NULL);
    g_assert_true(sinter_salvage_map_next(map, SINTER_SALVAGE_BAD, 1100, &block));
    g_assert_cmpuint(block.offset, ==, 1100);
    g_assert_cmpuint(block.length, ==, 436);
    g_assert_true(sinter_salvage_map_next(map, SINTER_SALVAGE_BAD, 1536, &block));
    g_assert_cmpuint(block.offset, ==, 3072);
    g_assert_false(sinter_salvage_map_next(map, SINTER_SALVAGE_BAD, 3584, &block));
    g_assert_true(sinter_salvage_map_last(map, SINTER_SALVAGE_BAD, 3200, &block));
    g_assert_cmpuint(block.offset, ==, 3072);
    g_assert_cmpuint(block.length, ==, 128);
    g_assert_true(sinter_salvage_map_last(map, SINTER_SALVAGE_BAD, 3072, &block));
    g_assert_cmpuint(block.offset, ==, 1024);
    g_assert_false(sinter_salvage_map_last(map, SINTER_SALVAGE_BAD, 1024, &block));
    g_assert_cmpuint(sinter_salvage_map_count(map, SINTER_SALVAGE_BAD), ==, 1024);
}

static void
test_map_file(void)
{
    g_autoptr(SinterSalvageMap) map = sinter_salvage_map_new(0x10000);
    g_autoptr(SinterSalvageMap) again = NULL;
    g_autofree char *text = NULL;
    g_autofree char *same = NULL;
    const SinterSalvageCause one = { .loss = SINTER_LOSS_READ_ERROR, .errnum = EIO };
    const SinterSalvageCause other = { .loss = SINTER_LOSS_UNDECODABLE };

    sinter_salvage_map_set(map, 0, 0x4000, SINTER_SALVAGE_READ, NULL);
    sinter_salvage_map_set(map, 0x4000, 0x200, SINTER_SALVAGE_BAD, &one);
    sinter_salvage_map_set(map, 0x4200, 0x200, SINTER_SALVAGE_BAD, &other);
    text = sinter_salvage_map_print(map, SINTER_SALVAGE_NOT_TRIED, 0x4400);
    g_assert_nonnull(strstr(text, "\n0x00004400     ?               1\n"));
    g_assert_true(g_str_has_suffix(text, "#      pos        size  status\n"
                                         "0x00000000  0x00004000  +\n"
                                         "0x00004000  0x00000400  -\n"
                                         "0x00004400  0x0000BC00  ?\n"));
    again = sinter_salvage_map_parse(text, 0x10000, NULL);
    g_assert_nonnull(again);
    same = sinter_salvage_map_print(again, SINTER_SALVAGE_NOT_TRIED, 0x4400);
    g_assert_cmpstr(text, ==, same);
}

static void
test_map_refused(void)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        { "", SINTER_ERROR_CORRUPT },
        { "# nothing\n", SINTER_ERROR_CORRUPT },
        { "0 ?\n", SINTER_ERROR_CORRUPT },
        { "0 x 1\n0 1024 +\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n", SINTER_ERROR_CHAIN_CHANGED },
        { "0 ? 1\n0 512 +\n1024 512 +\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n0 1024 +\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n512 0 +\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n512 512 ++\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n512 0xffffffffffffffff +\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n512 -512 +\n", SINTER_ERROR_CORRUPT },
        { "0 ? 1\n0 512 +\n512 512 %\n", SINTER_ERROR_CORRUPT },
    };
    /* what other versions and people write */
    static const char *const accepted[] = {
        "0 ?\n0 1024 +\n",
        "0x0 F 2 # filling\n\n  0 512 -   # a comment\n\t512\t01000\t/\r\n",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(sinter_salvage_map_parse(cases[i].text, 1024, &error));
        g_assert_error(error, SINTER_ERROR, cases[i].code);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(accepted); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(SinterSalvageMap) map = sinter_salvage_map_parse(accepted[i], 1024, &error);

        g_assert_no_error(error);
    }
}

/* --- disks ------------------------------------------------------------------------------------ */

/* The base is full of one byte; cluster I of the top, from 0 to 15, is full of the byte I + 1. */
typedef struct {
    SinterFs *fs;
    Build build;
    guint64 data[16];
    guint64 table;
} Disk;

static guint64
peek64(SinterIo *io, guint64 at)
{
    guint8 raw8[8];

    g_assert_true(sinter_io_read(io, at, raw8, sizeof raw8, NULL));
    return sinter_be64_load(raw8);
}

static void
disk_make(Disk *self, SinterFs *fs, guint64 incompatible)
{
    const BuildOptions options = { .virtual_size = DISK_BYTES,
                                   .backing = "base",
                                   .backing_format = "raw",
                                   .incompatible = incompatible };

    self->fs = fs;
    disk_make_raw(fs, "base", DISK_BYTES);
    disk_fill(fs, "base", 0, BASE_BYTE, DISK_BYTES);
    build_begin(&self->build, fs, "top", &options);
    for (guint i = 0; i < G_N_ELEMENTS(self->data); i++) {
        self->data[i] = build_data(&self->build, (guint8)(i + 1));
        build_map(&self->build, i * CLUSTER,
                  (SinterQcow2L2Entry){ self->data[i] | SINTER_QCOW2_COPIED, 0xffffffff });
    }
    self->table = peek64(self->build.io, self->build.l1_offset) & SINTER_QCOW2_OFFSET_MASK;
}

static SinterSalvageResult *
salvage(SinterFs *fs, const char *output, const SinterSalvageOptions *options)
{
    SinterSalvageOptions full = options ? *options : (SinterSalvageOptions){ 0 };
    g_autoptr(GError) error = NULL;
    SinterSalvageResult *result;

    full.fs = fs;
    full.format = "qcow2";
    result = sinter_salvage("top", output, &raw, &full, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result->read_bytes + result->lost_bytes, ==, result->virtual_size);
    return result;
}

/* Compares the copy with what is expected of each sector: -1: it is lost. */
static void
assert_sectors(SinterFs *fs, const char *path, const int *expected)
{
    g_autoptr(GBytes) bytes = disk_file(fs, path);
    const guint8 *data = g_bytes_get_data(bytes, NULL);

    g_assert_cmpuint(g_bytes_get_size(bytes), ==, DISK_BYTES);
    for (gsize i = 0; i < DISK_BYTES; i++) {
        int byte = expected[i / SECTOR];

        if (data[i] != (byte < 0 ? 0 : byte))
            g_error("byte %" G_GSIZE_FORMAT " is %d, expected %d", i, data[i], byte);
    }
}

/* What the intact disk reads as. */
static int *
intact(void)
{
    int *expected = g_new(int, DISK_BYTES / SECTOR);

    for (guint i = 0; i < DISK_BYTES / SECTOR; i++) {
        guint cluster = i / (CLUSTER / SECTOR);

        expected[i] = cluster < 16 ? (int)cluster + 1 : BASE_BYTE;
    }
    return expected;
}

static void
lose(int *expected, guint64 offset, guint64 length)
{
    for (guint64 i = offset / SECTOR; i < (offset + length) / SECTOR; i++)
        expected[i] = -1;
}

/* The lost ranges are those that @expected has, all for the same reason. */
static void
assert_lost(const SinterSalvageResult *result, const int *expected, SinterLoss loss)
{
    g_autofree guint8 *lost = g_malloc0(DISK_BYTES / SECTOR);

    for (guint i = 0; i < result->ranges->len; i++) {
        const SinterSalvageRange *range = &g_array_index(result->ranges, SinterSalvageRange, i);

        if (range->doubtful)
            continue;
        g_assert_cmpstr(sinter_loss_name(range->loss), ==, sinter_loss_name(loss));
        memset(lost + range->offset / SECTOR, 1, range->length / SECTOR);
    }
    for (guint i = 0; i < DISK_BYTES / SECTOR; i++) {
        if (lost[i] != (expected[i] < 0))
            g_error("sector %u: lost %d, expected %d", i, lost[i], expected[i]);
    }
}

static void
test_intact(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    Disk disk;

    disk_make(&disk, fs, 0);
    build_end(&disk.build);
    result = salvage(fs, "copy", NULL);
    assert_sectors(fs, "copy", expected);
    g_assert_cmpuint(result->lost_bytes, ==, 0);
    g_assert_cmpuint(result->ranges->len, ==, 0);
    g_assert_cmpuint(disk_count_hidden(fs), ==, 0);
}

/* A damaged entry loses its cluster, and only that: neither zeros without a word nor the base. */
static void
test_entries(void)
{
    static const struct {
        guint64 entry; /* added to the right one if it ends in a digit that is not 0 */
        SinterLoss loss;
        gboolean doubtful;
    } cases[] = {
        { SINTER_QCOW2_COPIED, SINTER_LOSS_L2_EMPTY, FALSE },
        { 0x2, SINTER_LOSS_L2_RESERVED, FALSE },
        { G_GUINT64_CONSTANT(1) << 60, SINTER_LOSS_L2_RESERVED, FALSE },
        { 0x80000200, SINTER_LOSS_L2_UNALIGNED, FALSE },
        { 0x7fff0000, SINTER_LOSS_L2_ENTRY_BEYOND, FALSE },
        { CLUSTER, SINTER_LOSS_L2_METADATA, FALSE },     /* the refcount table */
        { 3 * CLUSTER, SINTER_LOSS_L2_METADATA, FALSE }, /* the L1 table */
        { SINTER_QCOW2_COMPRESSED | 0x7fff0000, SINTER_LOSS_COMPRESSED_BEYOND, FALSE },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterFs) fs = sinter_fs_new_memory();
        g_autofree int *expected = intact();
        g_autoptr(SinterSalvageResult) result = NULL;
        Disk disk;

        disk_make(&disk, fs, 0);
        build_map(&disk.build, 5 * CLUSTER, (SinterQcow2L2Entry){ cases[i].entry, 0 });
        build_end(&disk.build);
        lose(expected, 5 * CLUSTER, CLUSTER);
        result = salvage(fs, "copy", NULL);
        assert_sectors(fs, "copy", expected);
        assert_lost(result, expected, cases[i].loss);
        g_assert_cmpuint(g_array_index(result->ranges, SinterSalvageRange, 0).place, ==,
                         disk.table + 40);
    }
}

/* Reserved bits in an entry that leads somewhere: read, and marked as doubtful. */
static void
test_doubtful(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    const SinterSalvageRange *range;
    Disk disk;

    disk_make(&disk, fs, 0);
    build_map(&disk.build, 5 * CLUSTER, (SinterQcow2L2Entry){ disk.data[5] | 2, 0 });
    build_end(&disk.build);
    result = salvage(fs, "copy", NULL);
    assert_sectors(fs, "copy", expected);
    g_assert_cmpuint(result->lost_bytes, ==, 0);
    g_assert_cmpuint(result->doubtful_bytes, ==, CLUSTER);
    range = &g_array_index(result->ranges, SinterSalvageRange, 0);
    g_assert_cmpuint(range->offset, ==, 5 * CLUSTER);
    g_assert_cmpint(range->loss, ==, SINTER_LOSS_L2_RESERVED);
}

static void
test_subclusters(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    Disk disk;

    disk_make(&disk, fs, SINTER_QCOW2_INCOMPAT_EXTENDED_L2);
    /* both at once: lost; half of the other: the rest is the base's */
    build_map(&disk.build, 5 * CLUSTER,
              (SinterQcow2L2Entry){ disk.data[5], G_GUINT64_CONSTANT(0x100000001) });
    build_map(&disk.build, 6 * CLUSTER, (SinterQcow2L2Entry){ disk.data[6], 0xffff });
    build_end(&disk.build);
    lose(expected, 5 * CLUSTER, CLUSTER);
    for (guint i = 0; i < CLUSTER / SECTOR / 2; i++)
        expected[(6 * CLUSTER + CLUSTER / 2) / SECTOR + i] = BASE_BYTE;
    result = salvage(fs, "copy", NULL);
    assert_sectors(fs, "copy", expected);
    assert_lost(result, expected, SINTER_LOSS_L2_SUBCLUSTERS);
}

/* A table that something overwrote: what its empty or valid entries state is not believed. */
static void
test_garbage_table(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    Disk disk;

    disk_make(&disk, fs, 0);
    for (guint i = 0; i < 1024; i += 2)
        build_poke64(&disk.build, disk.table + i * 8, G_GUINT64_CONSTANT(0x7465787420746578));
    build_end(&disk.build);
    lose(expected, 0, DISK_BYTES);
    for (guint i = 1; i < 16; i += 2) {
        for (guint j = 0; j < CLUSTER / SECTOR; j++)
            expected[i * (CLUSTER / SECTOR) + j] = (int)i + 1;
    }
    result = salvage(fs, "copy", NULL);
    assert_sectors(fs, "copy", expected);
    g_assert_cmpuint(result->doubtful_bytes, ==, 8 * CLUSTER);
    g_assert_cmpuint(result->lost_bytes, ==, DISK_BYTES - 8 * CLUSTER);
}

static void
test_l1(void)
{
    static const struct {
        guint64 entry;
        SinterLoss loss;
    } cases[] = {
        { SINTER_QCOW2_COPIED, SINTER_LOSS_L1_EMPTY }, { 0x80000200, SINTER_LOSS_L1_UNALIGNED },
        { 0x7fff0000, SINTER_LOSS_L1_ENTRY_BEYOND },   { 0x100, SINTER_LOSS_L1_RESERVED },
        { CLUSTER, SINTER_LOSS_L1_METADATA },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(SinterFs) fs = sinter_fs_new_memory();
        g_autofree int *expected = intact();
        g_autoptr(SinterSalvageResult) result = NULL;
        Disk disk;

        disk_make(&disk, fs, 0);
        build_poke64(&disk.build, disk.build.l1_offset, cases[i].entry);
        build_end(&disk.build);
        lose(expected, 0, DISK_BYTES);
        result = salvage(fs, "copy", NULL);
        assert_sectors(fs, "copy", expected);
        assert_lost(result, expected, cases[i].loss);
    }
}

/* Without the base, what the top does not hold is lost; what it states to be zero is not. */
static void
test_backing_missing(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    Disk disk;

    disk_make(&disk, fs, 0);
    build_map(&disk.build, 20 * CLUSTER, (SinterQcow2L2Entry){ SINTER_QCOW2_ZERO, 0 });
    build_end(&disk.build);
    g_assert_true(sinter_fs_remove(fs, "base", NULL));
    lose(expected, 16 * CLUSTER, DISK_BYTES - 16 * CLUSTER);
    for (guint i = 0; i < CLUSTER / SECTOR; i++)
        expected[20 * (CLUSTER / SECTOR) + i] = 0;
    result = salvage(fs, "copy", NULL);
    assert_sectors(fs, "copy", expected);
    assert_lost(result, expected, SINTER_LOSS_BACKING_MISSING);
    g_assert_nonnull(result->trouble);
}

static void
test_undecodable(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    SinterQcow2L2Entry good;
    SinterQcow2L2Entry bad;
    Disk disk;

    disk_make(&disk, fs, 0);
    good = build_compressed(&disk.build, 77);
    bad = build_compressed(&disk.build, 78);
    build_map(&disk.build, 30 * CLUSTER, good);
    build_map(&disk.build, 31 * CLUSTER, bad);
    build_poke32(&disk.build, sinter_qcow2_l2_compressed(&disk.build.geo, bad.entry).host_offset,
                 0xffffffff);
    build_end(&disk.build);
    for (guint i = 0; i < CLUSTER / SECTOR; i++)
        expected[30 * (CLUSTER / SECTOR) + i] = 77;
    lose(expected, 31 * CLUSTER, CLUSTER);
    result = salvage(fs, "copy", NULL);
    assert_sectors(fs, "copy", expected);
    assert_lost(result, expected, SINTER_LOSS_UNDECODABLE);
}

/* The pattern begins anew in each sector. */
static void
test_fill(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterSalvageResult) result = NULL;
    g_autoptr(GBytes) bytes = NULL;
    const SinterSalvageOptions options = { .fill = (const guint8 *)"LOST.", .fill_bytes = 5 };
    const char *data;
    Disk disk;

    disk_make(&disk, fs, 0);
    build_map(&disk.build, 5 * CLUSTER, (SinterQcow2L2Entry){ 2, 0 });
    build_end(&disk.build);
    result = salvage(fs, "copy", &options);
    bytes = disk_file(fs, "copy");
    data = (const char *)g_bytes_get_data(bytes, NULL) + 5 * CLUSTER;
    for (guint i = 0; i < CLUSTER / SECTOR; i++)
        g_assert_cmpint(strncmp(data + i * SECTOR, "LOST.LOST.", 10), ==, 0);
    g_assert_cmpint(data[-1], ==, 5);
    g_assert_cmpint(data[CLUSTER], ==, 7);
}

/* --- bad media -------------------------------------------------------------------------------- */

/* Bad sectors anywhere in the data: exactly these are lost, whatever lies around them. */
static void
test_bad_sectors(void)
{
    for (guint round = 0; round < 30; round++) {
        g_autoptr(SinterFs) memory = sinter_fs_new_memory();
        g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
        g_autofree int *expected = intact();
        g_autoptr(SinterSalvageResult) result = NULL;
        Disk disk;

        disk_make(&disk, fs, 0);
        build_end(&disk.build);
        for (guint i = 0; i < 1 + round % 6; i++) {
            guint cluster = (guint)g_test_rand_int_range(0, 16);
            guint sector = (guint)g_test_rand_int_range(0, CLUSTER / SECTOR - 8);
            guint n = (guint)g_test_rand_int_range(1, 8);

            sinter_fs_fault_add_bad_range(fs, "top", disk.data[cluster] + sector * SECTOR,
                                          n * SECTOR, G_MAXUINT);
            lose(expected, cluster * CLUSTER + sector * SECTOR, n * SECTOR);
        }
        result = salvage(fs, "copy", NULL);
        assert_sectors(fs, "copy", expected);
        assert_lost(result, expected, SINTER_LOSS_READ_ERROR);
        g_assert_cmpint(g_array_index(result->ranges, SinterSalvageRange, 0).errnum, ==, EIO);
    }
}

/* A bad sector of a table loses what its entries map, and no more; also a bad sector of the L1. */
static void
test_bad_tables(void)
{
    for (guint is_l1 = 0; is_l1 < 2; is_l1++) {
        g_autoptr(SinterFs) memory = sinter_fs_new_memory();
        g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
        g_autofree int *expected = intact();
        g_autoptr(SinterSalvageResult) result = NULL;
        Disk disk;

        disk_make(&disk, fs, 0);
        build_end(&disk.build);
        sinter_fs_fault_add_bad_range(fs, "top", is_l1 ? disk.build.l1_offset : disk.table, 1,
                                      G_MAXUINT);
        lose(expected, 0, DISK_BYTES);
        result = salvage(fs, "copy", NULL);
        assert_sectors(fs, "copy", expected);
        assert_lost(result, expected, is_l1 ? SINTER_LOSS_L1_READ : SINTER_LOSS_L2_READ);
    }
}

/* What fails a few times is read in the end, tables and data alike. */
static void
test_retries(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    const SinterSalvageOptions options = { .retries = 24 };
    Disk disk;

    disk_make(&disk, fs, 0);
    build_end(&disk.build);
    sinter_fs_fault_add_bad_range(fs, "top", disk.data[3] + SECTOR, SECTOR, 8);
    sinter_fs_fault_add_bad_range(fs, "top", disk.table, SECTOR, 12);
    result = salvage(fs, "copy", &options);
    assert_sectors(fs, "copy", expected);
    g_assert_cmpuint(result->lost_bytes, ==, 0);
}

/* --- continuing ------------------------------------------------------------------------------- */

typedef struct {
    char *map;
    guint n_saved;
    GCancellable *cancellable; /* is cancelled by the first save that has something */
} Saved;

static gboolean
save(const char *map, gpointer user_data, GError **error)
{
    Saved *self = user_data;

    g_free(self->map);
    self->map = g_strdup(map);
    self->n_saved++;
    return TRUE;
}

static gboolean
exists(SinterFs *fs, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_READ, NULL);

    return io != NULL;
}

/* Begins a salvage and kills it at the @nth read of the source; then continues it. */
static gboolean
interrupt_and_continue(guint64 nth)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) result = NULL;
    g_autoptr(GError) error = NULL;
    Saved saved = { 0 };
    Saved continued = { 0 };
    SinterSalvageOptions options = {
        .fs = fs, .format = "qcow2", .save = save, .save_data = &saved
    };
    gboolean interrupted;
    Disk disk;

    disk_make(&disk, fs, 0);
    build_end(&disk.build);
    sinter_fs_fault_add_bad_range(fs, "top", disk.data[3] + 3 * SECTOR, SECTOR, G_MAXUINT);
    lose(expected, 3 * CLUSTER + 3 * SECTOR, SECTOR);
    sinter_fs_fault_arm(fs, SINTER_FAULT_WRITE | SINTER_FAULT_FLUSH, SINTER_FAULT_ENOSPC, nth,
                        TRUE);
    result = sinter_salvage("top", "copy", &raw, &options, &error);
    interrupted = result == NULL;
    sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, SINTER_FAULT_EIO, 0, FALSE);
    if (interrupted) {
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NO_SPACE);
        g_assert_false(exists(fs, "copy"));
        if (saved.map) {
            g_assert_true(exists(fs, "copy.part"));
        } else {
            /* stopped before there was anything to continue */
            sinter_fs_remove(fs, "copy.part", NULL);
        }
        options.former_map = saved.map;
        options.save_data = &continued;
        g_clear_error(&error);
        result = sinter_salvage("top", "copy", &raw, &options, &error);
        g_assert_no_error(error);
    }
    g_assert_false(exists(fs, "copy.part"));
    assert_sectors(fs, "copy", expected);
    assert_lost(result, expected, SINTER_LOSS_READ_ERROR);
    g_free(continued.map);
    g_free(saved.map);
    return interrupted;
}

static void
test_interrupted(void)
{
    guint64 nth = 1;

    while (interrupt_and_continue(nth))
        nth++;
    g_assert_cmpuint(nth, >, 5);
}

/* A complete run can be continued, too: what has recovered is added, doubts are found again. */
static void
test_continue_complete(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) first = NULL;
    g_autoptr(SinterSalvageResult) second = NULL;
    Saved saved = { 0 };
    SinterSalvageOptions options = { .save = save, .save_data = &saved };
    Disk disk;

    disk_make(&disk, fs, 0);
    build_map(&disk.build, 5 * CLUSTER, (SinterQcow2L2Entry){ disk.data[5] | 2, 0 });
    build_end(&disk.build);
    sinter_fs_fault_add_bad_range(fs, "top", disk.data[3] + 3 * SECTOR, SECTOR, 2);
    first = salvage(fs, "copy", &options);
    g_assert_cmpuint(first->lost_bytes, ==, SECTOR);
    g_assert_cmpuint(first->doubtful_bytes, ==, CLUSTER);
    g_assert_cmpstr(first->map, ==, saved.map);
    options.former_map = first->map;
    second = salvage(fs, "copy", &options);
    g_assert_cmpuint(second->lost_bytes, ==, 0);
    g_assert_cmpuint(second->doubtful_bytes, ==, CLUSTER);
    assert_sectors(fs, "copy", expected);
    g_free(saved.map);
}

/* Zeros that are read at last take the place of the fill pattern. */
static void
test_continue_filled(void)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autofree int *expected = intact();
    g_autoptr(SinterSalvageResult) first = NULL;
    g_autoptr(SinterSalvageResult) second = NULL;
    Saved saved = { 0 };
    SinterSalvageOptions options = {
        .save = save, .save_data = &saved, .fill = (const guint8 *)"LOST", .fill_bytes = 4
    };
    guint64 zeros;
    Disk disk;

    disk_make(&disk, fs, 0);
    zeros = build_data(&disk.build, 0);
    build_map(&disk.build, 5 * CLUSTER, (SinterQcow2L2Entry){ zeros, 0 });
    build_end(&disk.build);
    for (guint i = 0; i < CLUSTER / SECTOR; i++)
        expected[5 * (CLUSTER / SECTOR) + i] = 0;
    sinter_fs_fault_add_bad_range(fs, "top", zeros + SECTOR, SECTOR, 2);
    first = salvage(fs, "copy", &options);
    g_assert_cmpuint(first->lost_bytes, ==, SECTOR);
    options.former_map = first->map;
    second = salvage(fs, "copy", &options);
    g_assert_cmpuint(second->lost_bytes, ==, 0);
    assert_sectors(fs, "copy", expected);
    g_free(saved.map);
}

/* The source is never the output, and nothing that exists is written over by a resumable run. */
static void
test_refused(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    Saved saved = { 0 };
    const SinterSalvageOptions plain = { .fs = fs, .format = "qcow2" };
    const SinterSalvageOptions resumable = {
        .fs = fs, .format = "qcow2", .save = save, .save_data = &saved
    };
    static const struct {
        const char *output;
        gboolean resumable;
    } cases[] = { { "top", FALSE }, { "base", FALSE }, { "there", TRUE }, { "other", TRUE } };
    Disk disk;

    disk_make(&disk, fs, 0);
    build_end(&disk.build);
    disk_make_raw(fs, "there", 512);
    disk_make_raw(fs, "other.part", 512);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(sinter_salvage("top", cases[i].output, &raw,
                                     cases[i].resumable ? &resumable : &plain, &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    }
    g_assert_null(saved.map);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/salvage/map-random", test_map_random);
    g_test_add_func("/salvage/map-neighbors", test_map_neighbors);
    g_test_add_func("/salvage/map-file", test_map_file);
    g_test_add_func("/salvage/map-refused", test_map_refused);
    g_test_add_func("/salvage/intact", test_intact);
    g_test_add_func("/salvage/entries", test_entries);
    g_test_add_func("/salvage/doubtful", test_doubtful);
    g_test_add_func("/salvage/subclusters", test_subclusters);
    g_test_add_func("/salvage/garbage-table", test_garbage_table);
    g_test_add_func("/salvage/l1", test_l1);
    g_test_add_func("/salvage/backing-missing", test_backing_missing);
    g_test_add_func("/salvage/undecodable", test_undecodable);
    g_test_add_func("/salvage/fill", test_fill);
    g_test_add_func("/salvage/bad-sectors", test_bad_sectors);
    g_test_add_func("/salvage/bad-tables", test_bad_tables);
    g_test_add_func("/salvage/retries", test_retries);
    g_test_add_func("/salvage/interrupted", test_interrupted);
    g_test_add_func("/salvage/continue-complete", test_continue_complete);
    g_test_add_func("/salvage/continue-filled", test_continue_filled);
    g_test_add_func("/salvage/refused", test_refused);
    return g_test_run();
}
