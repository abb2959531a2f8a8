/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Transfers between random chains, each for one purpose that an operation has: into a new image,
 * down into a layer below, up into the top, onto another backing file. What the target must show
 * afterwards is told by the map of the chain as it was, sector by sector; the image itself must be
 * sound to the last count.
 */

#include "../../crash/qcow2-judge.h"
#include "chain/sinter-chain.h"
#include "disk-fixture.h"
#include "io/sinter-fs-fault.h"
#include "io/sinter-fs-memory.h"
#include "io/sinter-fs-record.h"
#include "ops/transfer/sinter-transfer.h"
#include "sinter-error.h"
#include "sinter/create.h"
#include "sinter/snapshot.h"

#include <string.h>

#define SECTOR 512
#define MAX_BYTES (1400 * 1024)
#define ROUNDS 30

typedef struct {
    SinterFs *fs;
    GRand *rand;
    guint n_layers; /* "0" is the top */
    guint64 size;   /* of the top */
    guint8 *before; /* what the top showed */
} World;

static guint
chance(World *self, guint n)
{
    return (guint)g_rand_int_range(self->rand, 0, (gint32)n);
}

static SinterHandle *
open_handle(SinterFs *fs, const char *path, const char *format)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(fs, path, format, SINTER_HANDLE_PROBE, &error);

    g_assert_no_error(error);
    return handle;
}

static void
close_handle(SinterHandle *handle)
{
    g_autoptr(GError) error = NULL;

    sinter_handle_close(handle, &error);
    g_assert_no_error(error);
}

/* Bytes that repeat now and then, so that some of them compress and some are the same elsewhere. */
static void
fill(World *self, guint8 *buf, gsize n)
{
    for (gsize at = 0; at < n; at += SECTOR) {
        guint8 byte = (guint8)chance(self, 6);

        memset(buf + at, byte, MIN(SECTOR, n - at));
        if (byte > 3)
            buf[at] = (guint8)chance(self, 256);
    }
}

static void
put_compressed(World *self, SinterHandle *handle, guint64 at)
{
    guint64 size = sinter_handle_get_traits(handle)->cluster_size;
    g_autofree guint8 *plain = g_malloc(size);
    g_autofree guint8 *out = g_malloc(size);
    g_autoptr(GError) error = NULL;
    gsize n;

    at = at / size * size;
    fill(self, plain, size);
    n = sinter_handle_compress(handle, plain, out);
    if (n > 0)
        sinter_handle_put_compressed_at(handle, at, out, n, &error);
    g_assert_no_error(error);
}

static void
change(World *self, SinterHandle *handle, gboolean has_data_file)
{
    guint64 size = sinter_handle_get_virtual_size(handle);
    guint64 at = chance(self, (guint)(size / SECTOR)) * SECTOR;
    guint64 most = (1 + chance(self, 240)) * (guint64)SECTOR;
    guint64 n = MIN(size - at, most);
    g_autofree guint8 *buf = g_malloc(n);
    g_autoptr(GError) error = NULL;

    switch (chance(self, 8)) {
    case 0:
    case 1:
        sinter_handle_zero_at(handle, at, n, &error);
        break;
    case 2:
        sinter_handle_discard_at(handle, at, n, &error);
        break;
    case 3:
    case 4:
        if (!has_data_file && sinter_handle_get_traits(handle)->cluster_size)
            put_compressed(self, handle, at);
        break;
    default:
        fill(self, buf, n);
        sinter_handle_write_at(handle, at, buf, n, &error);
        break;
    }
    g_assert_no_error(error);
}

/* An image named @path of random make, over @backing if that is not NULL. */
static void
make_image(World *self, const char *path, guint64 size, const char *backing, guint changes)
{
    static const guint cluster_sizes[] = { 512, 1024, 4096, 16384, 65536 };
    SinterCreateOptions options = { .format = "qcow2",
                                    .virtual_size = size,
                                    .backing_name = backing,
                                    .backing_format = backing ? "qcow2" : NULL };
    g_autofree char *data = g_strconcat(path, ".data", NULL);
    g_autoptr(GError) error = NULL;
    SinterHandle *handle;

    options.cluster_size = cluster_sizes[chance(self, G_N_ELEMENTS(cluster_sizes))];
    options.version = chance(self, 6) == 0 ? 2 : 3;
    if (options.version == 3) {
        options.extended_l2 = options.cluster_size >= 16384 && chance(self, 2) == 0;
        options.compression = chance(self, 2) ? "zstd" : "zlib";
        options.refcount_bits = 1U << chance(self, 7);
        if (chance(self, 6) == 0)
            options.data_file_name = data;
    }
    sinter_image_create(self->fs, path, &options, &error);
    g_assert_no_error(error);
    handle = open_handle(self->fs, path, "qcow2");
    for (guint i = 0; i < changes; i++)
        change(self, handle, options.data_file_name != NULL);
    close_handle(handle);
}

static guint64
choose_size(World *self)
{
    return (1 + chance(self, MAX_BYTES / SECTOR)) * (guint64)SECTOR;
}

static void
world_init(World *self, guint32 seed, guint n_layers)
{
    *self = (World){ .fs = sinter_fs_new_memory(), .n_layers = n_layers };
    self->rand = g_rand_new_with_seed(seed);
    sinter_fs_memory_set_shares(self->fs, chance(self, 2) == 0);
    for (guint i = n_layers; i-- > 0;) {
        g_autofree char *path = g_strdup_printf("%u", i);
        g_autofree char *below = g_strdup_printf("%u", i + 1);

        self->size = choose_size(self);
        make_image(self, path, self->size, i + 1 < n_layers ? below : NULL, 4 + chance(self, 12));
    }
}

static SinterChain *
open_chain(World *self, const char *path, guint n_layers)
{
    const SinterChainOptions options = { .fs = self->fs, .format = "qcow2", .n_layers = n_layers };
    g_autoptr(GError) error = NULL;
    SinterChain *chain = sinter_chain_open(path, &options, &error);

    g_assert_no_error(error);
    return chain;
}

static guint8 *
read_all(World *self, const char *path, guint64 *ret_size)
{
    g_autoptr(SinterChain) chain = open_chain(self, path, 0);
    guint64 size = sinter_chain_get_virtual_size(chain);
    guint8 *buf = g_malloc(size);
    g_autoptr(GError) error = NULL;

    sinter_chain_read(chain, 0, buf, size, &error);
    g_assert_no_error(error);
    if (ret_size)
        *ret_size = size;
    return buf;
}

static void
world_clear(World *self)
{
    g_free(self->before);
    g_rand_free(self->rand);
    sinter_fs_unref(self->fs);
}

static void
judge(World *self, const char *path)
{
    g_autoptr(SinterIo) io = sinter_fs_open(self->fs, path, SINTER_IO_READ, NULL);
    Judgement judgement;

    g_assert_true(qcow2_judge(io, &judgement));
    g_assert_cmpstr(judgement.first, ==, NULL);
    g_assert_cmpuint(judgement.leaks, ==, 0);
    judgement_clear(&judgement);
}

static void
assert_shows(World *self, const char *path, const guint8 *expected, guint64 size)
{
    guint64 got_size;
    g_autofree guint8 *got = read_all(self, path, &got_size);

    g_assert_cmpuint(got_size, >=, size);
    for (guint64 at = 0; at < size; at += SECTOR) {
        if (memcmp(got + at, expected + at, SECTOR) != 0)
            g_error("'%s': sector %" G_GUINT64_FORMAT " holds %u %u, not %u %u", path, at / SECTOR,
                    got[at], got[at + 1], expected[at], expected[at + 1]);
    }
}

/* The ways that make no difference to what comes out. */
static void
choose_ways(World *self, SinterTransfer *job)
{
    static const guint64 sparse[] = { 0, 0, 512, 4096, 65536 };

    job->compression = (SinterTransferCompression)chance(self, 3);
    job->sparse_bytes = sparse[chance(self, G_N_ELEMENTS(sparse))];
    job->via_memory = chance(self, 4) == 0;
    job->unordered = chance(self, 4) == 0;
    job->n_threads = 1 + chance(self, 3);
    if (job->compression != SINTER_TRANSFER_PLAIN &&
        !(sinter_handle_get_traits(job->target)->flags & SINTER_FORMAT_TAKES_STREAMS))
        job->compression = SINTER_TRANSFER_PLAIN;
}

static void
run(const SinterTransfer *job)
{
    g_autoptr(GError) error = NULL;

    sinter_transfer_run(job, NULL, &error);
    g_assert_no_error(error);
}

/* A stretch of the chain into a new image, at another place. */
static void
round_new(guint32 seed)
{
    World world;
    g_autoptr(SinterChain) source = NULL;
    g_autofree guint8 *expected = NULL;
    guint64 shift;

    world_init(&world, seed, 1 + seed % 3);
    shift = chance(&world, 3) == 0 ? chance(&world, 200) * (guint64)SECTOR : 0;
    source = open_chain(&world, "0", 0);
    make_image(&world, "new", shift + world.size + chance(&world, 2) * 5000 / SECTOR * SECTOR, NULL,
               0);
    {
        SinterTransfer job = { .source = source,
                               .target = open_handle(world.fs, "new", "qcow2"),
                               .target_offset = shift,
                               .zeros = (SinterTransferZeros)chance(&world, 3) };

        choose_ways(&world, &job);
        run(&job);
        close_handle(job.target);
    }
    judge(&world, "new");
    expected = g_malloc0(shift + world.size);
    world.before = read_all(&world, "0", NULL);
    memcpy(expected + shift, world.before, world.size);
    assert_shows(&world, "new", expected, shift + world.size);
    world_clear(&world);
}

/* What layers above decide, down into one below: the top shows the same without them. */
static void
round_down(guint32 seed)
{
    guint n = 1 + seed % 3;
    World world;
    g_autofree char *base = g_strdup_printf("%u", n);
    g_autofree guint8 *shown = NULL;
    guint64 base_size;
    guint64 size;

    world_init(&world, seed, n + 1 + seed / 3 % 2);
    world.before = read_all(&world, "0", &size);
    g_free(read_all(&world, base, &base_size));
    {
        g_autoptr(SinterChain) source = open_chain(&world, "0", n);
        SinterTransfer job = { .source = source,
                               .n_layers = n,
                               .length = MIN(size, base_size),
                               .target = open_handle(world.fs, base, "qcow2") };

        choose_ways(&world, &job);
        run(&job);
        close_handle(job.target);
    }
    judge(&world, base);
    assert_shows(&world, base, world.before, MIN(size, base_size));
    shown = read_all(&world, "0", NULL);
    g_assert_cmpmem(shown, size, world.before, size);
    world_clear(&world);
}

/* What the second layer decides, but for what the top hides, down into the third. */
static void
round_shadowed(guint32 seed)
{
    World world;
    g_autofree guint8 *shown = NULL;
    guint64 base_size;
    guint64 size;

    world_init(&world, seed, 3);
    world.before = read_all(&world, "0", &size);
    g_free(read_all(&world, "2", &base_size));
    {
        g_autoptr(SinterChain) source = open_chain(&world, "0", 2);
        SinterTransferStats stats;
        g_autoptr(GError) error = NULL;
        SinterTransfer job = { .source = source,
                               .first_layer = 1,
                               .n_layers = 1,
                               .length = MIN(size, base_size),
                               .target = open_handle(world.fs, "2", "qcow2") };

        choose_ways(&world, &job);
        sinter_transfer_run(&job, &stats, &error);
        g_assert_no_error(error);
        close_handle(job.target);
        for (guint64 at = 0; at < job.length;) {
            g_auto(SinterChainCursor) cursor = { 0 };
            SinterExtent extent;

            /* each byte that moved is one that layer 1 decides */
            sinter_chain_cursor_init(&cursor, source, at, job.length - at);
            g_assert_true(sinter_chain_cursor_next(&cursor, &extent, NULL));
            if (extent.layer == 1 && extent.kind == SINTER_EXTENT_DATA)
                stats.copied -= MIN(stats.copied, extent.length);
            at += extent.length;
        }
        g_assert_cmpuint(stats.copied, ==, 0);
    }
    judge(&world, "2");
    shown = read_all(&world, "0", NULL);
    g_assert_cmpmem(shown, size, world.before, size);
    world_clear(&world);
}

/* What the layers below decide, up into the top, which keeps what it holds. */
static void
round_up(guint32 seed)
{
    guint n = 1 + seed % 2;
    World world;
    SinterHandle *handle;
    g_autoptr(SinterChain) rest = NULL;
    guint64 size;

    world_init(&world, seed, n + 1 + seed / 2 % 2);
    world.before = read_all(&world, "0", &size);
    handle = open_handle(world.fs, "0", "qcow2");
    {
        SinterChain *below = sinter_handle_get_backing(handle);
        SinterTransfer job = { .source = below,
                               .n_layers = n,
                               .length = MIN(size, sinter_chain_get_virtual_size(below)),
                               .target = handle,
                               .only_missing = TRUE };

        choose_ways(&world, &job);
        run(&job);
    }
    close_handle(handle);
    judge(&world, "0");
    assert_shows(&world, "0", world.before, size);
    /* without what was moved nothing of it is missing */
    rest = open_chain(&world, "0", 0);
    for (guint64 at = 0; at < size;) {
        g_auto(SinterChainCursor) cursor = { 0 };
        SinterExtent extent;

        sinter_chain_cursor_init(&cursor, rest, at, size - at);
        g_assert_true(sinter_chain_cursor_next(&cursor, &extent, NULL));
        if (extent.kind != SINTER_EXTENT_HOLE)
            g_assert_true(extent.layer == 0 || extent.layer > n);
        at += extent.length;
    }
    world_clear(&world);
}

/* Onto another backing file: what reads the same there is not moved. */
static void
round_other(guint32 seed)
{
    World world;
    SinterHandle *handle;
    g_autoptr(SinterChain) other = NULL;
    g_autofree guint8 *shown = NULL;
    guint64 size;

    world_init(&world, seed, 2);
    world.before = read_all(&world, "0", &size);
    make_image(&world, "other", choose_size(&world), NULL, 10);
    other = open_chain(&world, "other", 0);
    handle = open_handle(world.fs, "0", "qcow2");
    {
        SinterChain *below = sinter_handle_get_backing(handle);
        guint64 other_size = sinter_chain_get_virtual_size(other);
        g_autofree guint8 *tail = NULL;
        SinterTransfer job = { .source = below,
                               .length = MIN(size, sinter_chain_get_virtual_size(below)),
                               .target = handle,
                               .only_missing = TRUE,
                               .unless_same = other };

        choose_ways(&world, &job);
        run(&job);
        shown = g_malloc0(size);
        g_assert_true(sinter_chain_read(other, 0, shown, (gsize)MIN(size, other_size), NULL));
    }
    /* now each byte is the handle's own, or the other chain has it */
    for (guint64 at = 0, n; at < size; at += n) {
        gboolean held;

        g_assert_true(sinter_handle_holds_at(handle, at, size - at, &held, &n, NULL));
        if (held)
            g_assert_true(sinter_handle_read_at(handle, at, shown + at, n, NULL));
        else if (at >= sinter_chain_get_virtual_size(sinter_handle_get_backing(handle)))
            break; /* not of the source */
    }
    g_assert_cmpmem(
        shown, MIN(size, sinter_chain_get_virtual_size(sinter_handle_get_backing(handle))),
        world.before, MIN(size, sinter_chain_get_virtual_size(sinter_handle_get_backing(handle))));
    close_handle(handle);
    judge(&world, "0");
    assert_shows(&world, "0", world.before, size);
    world_clear(&world);
}

/*
 * Storage fails in the middle of a move down. The top's layers are whole, so the top shows the same
 * at any rate; a success that was told is one. FALSE: there were fewer than @nth calls.
 */
static gboolean
fault_round(guint32 seed, SinterFaultKind kind, guint64 nth, gboolean lasting)
{
    const SinterFaultCalls calls = SINTER_FAULT_READ | SINTER_FAULT_WRITE | SINTER_FAULT_DISCARD |
                                   SINTER_FAULT_FLUSH | SINTER_FAULT_STAT;
    g_autofree guint8 *shown = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(SinterFs) fault = NULL;
    Judgement judgement;
    guint64 size;
    gboolean came;
    World world;

    world_init(&world, seed, 2);
    world.before = read_all(&world, "0", &size);
    fault = sinter_fs_fault_new(world.fs);
    {
        SinterHandle *handle = open_handle(fault, "1", "qcow2");
        const SinterChainOptions options = { .fs = fault, .format = "qcow2", .n_layers = 1 };
        g_autoptr(SinterChain) source = sinter_chain_open("0", &options, NULL);
        SinterTransfer job = { .source = source,
                               .n_layers = 1,
                               .length = MIN(size, sinter_handle_get_virtual_size(handle)),
                               .target = handle };
        gboolean ok;

        choose_ways(&world, &job);
        sinter_fs_fault_arm(fault, calls, kind, nth, lasting);
        ok = sinter_transfer_run(&job, NULL, NULL);
        if (ok)
            ok = sinter_handle_close(handle, NULL);
        else
            sinter_handle_abandon(handle);
        came = sinter_fs_fault_get_count(fault) >= nth;
        if (ok)
            assert_shows(&world, "1", world.before, job.length);
        g_assert_true(ok || came);
    }
    io = sinter_fs_open(world.fs, "1", SINTER_IO_READ, NULL);
    qcow2_judge(io, &judgement);
    g_assert_cmpstr(judgement.first, ==, NULL);
    judgement_clear(&judgement);
    shown = read_all(&world, "0", NULL);
    g_assert_cmpmem(shown, size, world.before, size);
    world_clear(&world);
    return came;
}

static void
test_faults(void)
{
    static const SinterFaultKind kinds[] = { SINTER_FAULT_EIO, SINTER_FAULT_ENOSPC,
                                             SINTER_FAULT_SHORT };
    guint32 seed = g_test_rand_int();
    guint64 tried = 0;

    g_test_message("seed %u", seed);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (guint lasting = 0; lasting < 2; lasting++) {
            for (guint64 nth = 1; fault_round(seed + (guint32)i, kinds[i], nth, lasting != 0);
                 nth += 1 + nth / 40)
                tried++;
        }
    }
    g_test_message("%" G_GUINT64_FORMAT " faults", tried);
    g_assert_cmpuint(tried, >, 60);
}

static void
make_full(SinterFs *fs, const char *path, guint64 size, guint8 byte)
{
    disk_make_raw(fs, path, size);
    disk_fill(fs, path, 0, byte, size);
}

#define STRAYS 200
#define STRAY_BYTES 4096

/* An overlay whose clusters were written from the last to the first, but for each fifth. */
static void
make_scattered(SinterFs *fs)
{
    World world = { .fs = fs };
    SinterHandle *handle;
    guint8 buf[STRAY_BYTES];

    make_full(fs, "raw", STRAYS * STRAY_BYTES, 'z');
    for (guint image = 0; image < 2; image++) {
        const SinterCreateOptions options = { .format = "qcow2",
                                              .cluster_size = STRAY_BYTES,
                                              .virtual_size = STRAYS * STRAY_BYTES,
                                              .backing_name = image ? "base" : "raw",
                                              .backing_format = image ? "qcow2" : "raw" };

        g_assert_true(sinter_image_create(fs, image ? "top" : "base", &options, NULL));
        handle = open_handle(world.fs, image ? "top" : "base", "qcow2");
        for (guint i = STRAYS; i-- > 0;) {
            memset(buf, (image ? 'A' : 'a') + (gint)(i % 26), sizeof buf);
            if (i % 5 != image)
                g_assert_true(
                    sinter_handle_write_at(handle, i * sizeof buf, buf, sizeof buf, NULL));
        }
        close_handle(handle);
    }
}

/* The longest write and the number of all that went to @path. */
static guint64
count_writes(GPtrArray *log, const char *path, guint *ret_n)
{
    guint64 longest = 0;

    *ret_n = 0;
    for (guint i = 0; i < log->len; i++) {
        const SinterRecord *record = g_ptr_array_index(log, i);

        if (record->kind != SINTER_RECORD_WRITE || strcmp(record->path, path) != 0)
            continue;
        longest = MAX(longest, record->length);
        (*ret_n)++;
    }
    return longest;
}

/* What lies in one run of its file is taken over in one, where blocks are shared. */
static void
check_adopted(gboolean shares, gboolean has_snapshot)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterFs) record = sinter_fs_record_new(fs);
    World world = { .fs = fs };
    g_autofree guint8 *shown = NULL;
    guint64 size;
    guint64 longest;
    guint n_writes;

    sinter_fs_memory_set_shares(fs, shares);
    make_scattered(fs);
    if (has_snapshot)
        g_assert_true(sinter_snapshot_create(fs, "base", "qcow2", 0, "s", 1, NULL));
    world.before = read_all(&world, "top", &size);
    {
        const SinterChainOptions options = { .fs = record, .format = "qcow2", .n_layers = 1 };
        g_autoptr(SinterChain) source = sinter_chain_open("top", &options, NULL);
        SinterTransferStats stats;
        SinterTransfer job = { .source = source,
                               .n_layers = 1,
                               .target = open_handle(record, "base", "qcow2"),
                               .n_threads = 1 };

        g_assert_true(sinter_transfer_run(&job, &stats, NULL));
        close_handle(job.target);
        g_assert_cmpuint(stats.copied, ==, STRAYS / 5 * 4 * STRAY_BYTES);
    }
    longest = count_writes(sinter_fs_record_get_log(record), "base", &n_writes);
    if (shares)
        g_assert_cmpuint(longest, >=, 32 * STRAY_BYTES);
    else
        g_assert_cmpuint(longest, <=, 4 * STRAY_BYTES);
    if (shares)
        g_assert_cmpuint(n_writes, <, 20);
    else
        g_assert_cmpuint(n_writes, >=, STRAYS / 5);
    judge(&world, "base");
    assert_shows(&world, "base", world.before, size);
    g_free(world.before);
}

/* Leaves every other 64 KiB alone; asked for one place after the other. */
static gboolean
skip_every_other(guint64 offset, guint64 length, gboolean *ret_skip, guint64 *ret_length,
                 gpointer user_data, GError **error)
{
    guint64 *last = user_data;

    g_assert_cmpuint(offset, >=, *last);
    *last = offset;
    *ret_skip = offset / 65536 % 2 == 0;
    *ret_length = MIN(length, 65536 - offset % 65536);
    return TRUE;
}

/* A filter looks at the disk once: nothing is asked for ahead. */
static void
test_adopt_filtered(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) source = NULL;
    g_autofree guint8 *above = NULL;
    g_autofree guint8 *below = NULL;
    World world = { .fs = fs };
    guint64 last = 0;
    guint64 size;

    sinter_fs_memory_set_shares(fs, TRUE);
    make_scattered(fs);
    above = read_all(&world, "top", &size);
    below = read_all(&world, "base", NULL);
    source = open_chain(&world, "top", 1);
    {
        SinterTransfer job = { .source = source,
                               .n_layers = 1,
                               .target = open_handle(fs, "base", "qcow2"),
                               .filter = skip_every_other,
                               .filter_data = &last };

        run(&job);
        close_handle(job.target);
    }
    judge(&world, "base");
    for (guint64 at = 65536; at < size; at += 2 * 65536)
        memcpy(below + at, above + at, (gsize)MIN(65536, size - at));
    assert_shows(&world, "base", below, size);
}

static void
test_adopt(void)
{
    check_adopted(TRUE, FALSE);
    check_adopted(TRUE, TRUE);
    check_adopted(FALSE, FALSE);
}

static gboolean
skip_middle(guint64 offset, guint64 length, gboolean *ret_skip, guint64 *ret_length,
            gpointer user_data, GError **error)
{
    GCancellable *cancellable = user_data;
    guint64 end = offset < 64 * 1024 ? 64 * 1024 : offset < 128 * 1024 ? 128 * 1024 : G_MAXUINT64;

    if (cancellable)
        g_cancellable_cancel(cancellable);
    *ret_skip = offset >= 64 * 1024 && offset < 128 * 1024;
    *ret_length = MIN(length, end - offset);
    return TRUE;
}

static void
test_filter(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) source = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autoptr(GBytes) content = NULL;
    SinterTransferStats stats;
    SinterTransfer job = { .filter = skip_middle };
    const guint8 *bytes;

    make_full(fs, "from", 256 * 1024, 1);
    make_full(fs, "to", 256 * 1024, 2);
    job.source = source = disk_open(fs, "from");
    job.target = open_handle(fs, "to", "raw");
    g_assert_true(sinter_transfer_run(&job, &stats, NULL));
    close_handle(job.target);
    g_assert_cmpuint(stats.copied, ==, 192 * 1024);
    content = disk_file(fs, "to");
    bytes = g_bytes_get_data(content, NULL);
    for (guint i = 0; i < 256 * 1024; i++)
        g_assert_cmpuint(bytes[i], ==, i >= 64 * 1024 && i < 128 * 1024 ? 2 : 1);
}

static void
test_cancel(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) source = NULL;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GError) error = NULL;
    SinterTransfer job = { .filter = skip_middle,
                           .filter_data = cancellable,
                           .cancellable = cancellable,
                           .via_memory = TRUE };

    make_full(fs, "from", 4 * 1024 * 1024, 1);
    make_full(fs, "to", 4 * 1024 * 1024, 2);
    job.source = source = disk_open(fs, "from");
    job.target = open_handle(fs, "to", "raw");
    g_assert_false(sinter_transfer_run(&job, NULL, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CANCELLED);
    close_handle(job.target);
}

static void
run_paced(guint64 *rate, GThread *changes)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) source = NULL;
    g_autoptr(GError) error = NULL;
    SinterTransferStats stats;
    SinterTransfer job = { .rate_now = rate };

    make_full(fs, "from", 1024 * 1024, 1);
    make_full(fs, "to", 1024 * 1024, 2);
    job.source = source = disk_open(fs, "from");
    job.target = open_handle(fs, "to", "raw");
    g_assert_true(sinter_transfer_run(&job, &stats, &error));
    close_handle(job.target);
    g_assert_cmpuint(stats.copied, ==, 1024 * 1024);
    if (changes)
        g_thread_join(changes);
}

static gpointer
lift_limit(gpointer data)
{
    __atomic_store_n((guint64 *)data, 0, __ATOMIC_RELAXED);
    return NULL;
}

/* It is kept to, and can be lifted: a byte a second would take days. */
static void
test_rate_now(void)
{
    gint64 begin_usec = g_get_monotonic_time();
    guint64 rate = 4 * 1024 * 1024;

    run_paced(&rate, NULL);
    g_assert_cmpint(g_get_monotonic_time() - begin_usec, >=, G_USEC_PER_SEC / 8);
    rate = 1;
    run_paced(&rate, g_thread_new("lift", lift_limit, &rate));
}

static void
test_rounds(gconstpointer data)
{
    void (*round)(guint32 seed) = (void (*)(guint32))data;
    guint32 seed = g_test_rand_int();

    g_test_message("seed %u", seed);
    for (guint32 i = 0; i < ROUNDS; i++)
        round(seed + i);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/transfer/new", round_new, test_rounds);
    g_test_add_data_func("/transfer/down", round_down, test_rounds);
    g_test_add_data_func("/transfer/shadowed", round_shadowed, test_rounds);
    g_test_add_data_func("/transfer/up", round_up, test_rounds);
    g_test_add_data_func("/transfer/other", round_other, test_rounds);
    g_test_add_func("/transfer/faults", test_faults);
    g_test_add_func("/transfer/adopt", test_adopt);
    g_test_add_func("/transfer/adopt-filtered", test_adopt_filtered);
    g_test_add_func("/transfer/filter", test_filter);
    g_test_add_func("/transfer/cancel", test_cancel);
    g_test_add_func("/transfer/rate-now", test_rate_now);
    return g_test_run();
}
