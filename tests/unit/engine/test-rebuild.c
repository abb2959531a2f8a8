/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Images that were not closed: their reference counts and COPIED flags are made nonsense, and
 * opening them for writing puts all of it right, or refuses what more is wrong with.
 */

#include "crash/qcow2-judge.h"
#include "crash/qcow2-snap.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "ops/handle/sinter-handle-internal.h"
#include "qcow2/layout/qcow2-header.h"
#include "sinter-error.h"
#include "sinter/create.h"

#include <string.h>

#define ROUNDS 25
#define CHANGES 40

typedef struct {
    const char *name;
    SinterCreateOptions options;
    gboolean has_snapshot;
} Shape;

static const Shape shapes[] = {
    { "512", { .cluster_size = 512, .virtual_size = 400 * 512 }, FALSE },
    { "512-64bit", { .cluster_size = 512, .refcount_bits = 64, .virtual_size = 900 * 512 }, FALSE },
    { "512-snapshot",
      { .cluster_size = 512, .refcount_bits = 2, .virtual_size = 300 * 512 },
      TRUE },
    { "4k-1bit", { .cluster_size = 4096, .refcount_bits = 1, .virtual_size = 400 * 4096 }, FALSE },
    { "64k-lazy", { .lazy_refcounts = TRUE, .virtual_size = 20 * 65536 + 512 }, FALSE },
    { "16k-ext-snapshot",
      { .cluster_size = 16384, .extended_l2 = TRUE, .virtual_size = 400 * 4096 },
      TRUE },
    { "data-file",
      { .cluster_size = 4096, .data_file_name = "data", .virtual_size = 100 * 4096 },
      FALSE },
};

typedef struct {
    const Shape *shape;
    SinterFs *fs;
    GRand *rand;
    guint8 *expected;
} World;

static void
change(World *self, SinterHandle *handle)
{
    guint32 sectors = (guint32)(self->shape->options.virtual_size / 512);
    gsize at = (gsize)g_rand_int_range(self->rand, 0, (gint32)sectors) * 512;
    gsize most = (gsize)g_rand_int_range(self->rand, 1, 60) * 512;
    gsize n = MIN(most, self->shape->options.virtual_size - at);
    gint kind = g_rand_int_range(self->rand, 0, 5);
    g_autoptr(GError) error = NULL;

    memset(self->expected + at, kind == 0 ? 0 : g_rand_int_range(self->rand, 1, 256), n);
    if (kind == 0)
        sinter_handle_zero_at(handle, at, n, &error);
    else
        sinter_handle_write_at(handle, at, self->expected + at, n, &error);
    g_assert_no_error(error);
}

static SinterHandle *
world_open(World *self, SinterFs *fs)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    return handle;
}

static void
world_change(World *self)
{
    SinterHandle *handle = world_open(self, self->fs);

    for (guint i = 0; i < CHANGES; i++)
        change(self, handle);
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
world_init(World *self, const Shape *shape, guint32 seed)
{
    SinterCreateOptions options = shape->options;

    *self = (World){ .shape = shape, .fs = sinter_fs_new_memory() };
    self->rand = g_rand_new_with_seed(seed);
    self->expected = g_malloc0(options.virtual_size);
    options.format = "qcow2";
    g_assert_true(sinter_image_create(self->fs, "image", &options, NULL));
    world_change(self);
    if (shape->has_snapshot) {
        g_autoptr(SinterIo) io = sinter_fs_open(self->fs, "image", SINTER_IO_WRITE, NULL);

        qcow2_snap(io);
        world_change(self);
    }
}

static void
world_clear(World *self)
{
    g_free(self->expected);
    g_rand_free(self->rand);
    sinter_fs_unref(self->fs);
}

/* Counts at random: none, all zero, or each of its own. */
static void
spoil_block(World *self, const SinterQcow2Geometry *geo, guint8 *block)
{
    guint64 max = MIN(sinter_qcow2_refcount_max(geo->refcount_order), 5);
    gint kind = g_rand_int_range(self->rand, 0, 3);

    for (guint32 i = 0; kind > 0 && i < 1U << geo->refblock_bits; i++) {
        guint64 value = kind == 1 ? 0 : (guint64)g_rand_int_range(self->rand, 0, (gint32)max + 1);

        sinter_qcow2_refcount_store(geo->refcount_order, block, i, value);
    }
}

static void
spoil_copied(World *self, guint8 *at, gsize step, guint n)
{
    for (guint i = 0; i < n; i++, at += step) {
        guint64 entry = sinter_be64_load(at);

        if ((entry & SINTER_QCOW2_OFFSET_MASK) && !(entry & SINTER_QCOW2_COMPRESSED) &&
            g_rand_int_range(self->rand, 0, 3) == 0)
            sinter_be64_store(at, entry ^ SINTER_QCOW2_COPIED);
    }
}

/* Marks the image as not closed, and makes nonsense of what that says is stale. */
static void
spoil(World *self)
{
    g_autoptr(SinterIo) io = sinter_fs_open(self->fs, "image", SINTER_IO_WRITE, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);
    const SinterQcow2Geometry *geo = &header->geo;
    gsize bytes = (gsize)header->file_bytes;
    g_autofree guint8 *file = g_malloc(bytes);
    guint8 *l1 = file + header->l1_offset;
    guint8 *reftable = file + header->reftable_offset;

    g_assert_true(sinter_io_read(io, 0, file, bytes, NULL));
    file[SINTER_QCOW2_AT_INCOMPATIBLE + 7] |= SINTER_QCOW2_INCOMPAT_DIRTY;
    for (guint32 i = 0; i < header->l1_entries; i++) {
        guint64 table = sinter_be64_load(l1 + (gsize)i * 8) & SINTER_QCOW2_OFFSET_MASK;

        if (table && !geo->external_data)
            spoil_copied(self, file + table, geo->l2_entry_bytes, geo->l2_entries);
    }
    spoil_copied(self, l1, 8, header->l1_entries);
    for (gsize i = 0; i < ((gsize)header->reftable_clusters << geo->cluster_bits) / 8; i++) {
        guint64 block = sinter_be64_load(reftable + i * 8);

        if (block && g_rand_int_range(self->rand, 0, 4) == 0)
            sinter_be64_store(reftable + i * 8, 0);
        else if (block)
            spoil_block(self, geo, file + block);
    }
    g_assert_true(sinter_io_write(io, 0, file, bytes, NULL));
}

static guint8 *
read_disk(World *self, const char *snapshot)
{
    const SinterChainOptions options = { .fs = self->fs, .format = "qcow2", .snapshot = snapshot };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, &error);
    guint8 *bytes = g_malloc(self->shape->options.virtual_size);

    g_assert_no_error(error);
    sinter_chain_read(chain, 0, bytes, self->shape->options.virtual_size, &error);
    g_assert_no_error(error);
    return bytes;
}

static void
judge(World *self, gboolean leaks_allowed)
{
    g_autoptr(SinterIo) io = sinter_fs_open(self->fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(SinterQcow2Header) header = sinter_qcow2_header_read(io, NULL);

    g_assert_false(header->incompatible & SINTER_QCOW2_INCOMPAT_DIRTY);
    qcow2_assert_sound(self->fs, "image", leaks_allowed);
}

static void
assert_content(World *self, const guint8 *snapshot)
{
    gsize size = self->shape->options.virtual_size;
    g_autofree guint8 *now = read_disk(self, NULL);
    g_autofree guint8 *then = snapshot ? read_disk(self, "1") : NULL;

    g_assert_cmpmem(now, size, self->expected, size);
    if (snapshot)
        g_assert_cmpmem(then, size, snapshot, size);
}

static void
test_random(gconstpointer data)
{
    const Shape *shape = data;
    guint32 seed = g_test_rand_int();

    g_test_message("seed %u", seed);
    for (guint32 i = 0; i < ROUNDS; i++) {
        g_autofree guint8 *snapshot = NULL;
        World world;

        world_init(&world, shape, seed + i);
        if (shape->has_snapshot)
            snapshot = read_disk(&world, "1");
        spoil(&world);
        g_assert_true(sinter_handle_close(world_open(&world, world.fs), NULL));
        judge(&world, FALSE);
        assert_content(&world, snapshot);
        /* and while it is repaired and written to in one go */
        spoil(&world);
        world_change(&world);
        judge(&world, FALSE);
        assert_content(&world, snapshot);
        world_clear(&world);
    }
}

/* Storage fails in the repair: it is repaired the next time. FALSE: fewer calls than @nth. */
static gboolean
fault_round(guint32 seed, SinterFaultKind kind, guint64 nth)
{
    World world;
    g_autoptr(SinterFs) fault = NULL;
    SinterHandle *handle;
    gboolean came;

    world_init(&world, &shapes[2], seed);
    spoil(&world);
    fault = sinter_fs_fault_new(world.fs);
    sinter_fs_fault_arm(
        fault, SINTER_FAULT_READ | SINTER_FAULT_WRITE | SINTER_FAULT_DISCARD | SINTER_FAULT_FLUSH,
        kind, nth, FALSE);
    handle = sinter_handle_open(fault, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    came = sinter_fs_fault_get_count(fault) >= nth;
    g_assert_true(handle || came);
    sinter_handle_abandon(handle);
    g_assert_true(sinter_handle_close(world_open(&world, world.fs), NULL));
    judge(&world, TRUE);
    assert_content(&world, NULL);
    world_clear(&world);
    return came;
}

static void
test_faults(void)
{
    static const SinterFaultKind kinds[] = { SINTER_FAULT_EIO, SINTER_FAULT_ENOSPC,
                                             SINTER_FAULT_SHORT };
    guint64 tried = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (guint64 nth = 1; fault_round(7, kinds[i], nth); nth++)
            tried++;
    }
    g_assert_cmpuint(tried, >, 60);
}

/* More than counts is wrong: nothing is touched. */
static void
test_refused(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GBytes) before = NULL;
    g_autoptr(GBytes) after = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterQcow2Header) header = NULL;
    guint8 raw[8];
    guint64 l2;
    World world;

    world_init(&world, &shapes[0], 3);
    spoil(&world);
    io = sinter_fs_open(world.fs, "image", SINTER_IO_WRITE, NULL);
    header = sinter_qcow2_header_read(io, NULL);
    g_assert_true(sinter_io_read(io, header->l1_offset, raw, sizeof raw, NULL));
    l2 = sinter_be64_load(raw) & SINTER_QCOW2_OFFSET_MASK;
    g_assert_cmpuint(l2, !=, 0);
    /* a guest cluster that lies on the table which maps it */
    sinter_be64_store(raw, l2 | SINTER_QCOW2_COPIED);
    g_assert_true(sinter_io_write(io, l2, raw, sizeof raw, NULL));
    before = disk_file(world.fs, "image");
    g_assert_null(sinter_handle_open(world.fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_nonnull(strstr(error->message, "Could not repair dirty image"));
    after = disk_file(world.fs, "image");
    g_assert_true(g_bytes_equal(before, after));
    world_clear(&world);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/rebuild/random/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_random);
    }
    g_test_add_func("/rebuild/faults", test_faults);
    g_test_add_func("/rebuild/refused", test_refused);
    return g_test_run();
}
