/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Requests through the handle, of a guest and of operations, cut at every moment. Each sector that
 * a request writes holds the request's number all over, so that what a cut left can be told: it
 * must be what was there at the last flush that had returned, or what a later request put there.
 * And the image must be sound: too few counts never, unused clusters at worst; a sample of the
 * states is opened and written to again, and shown to the engine's check and to qemu-img.
 *
 * The harness itself is tested as well: with any one of the flushes left out that part the epochs
 * it must find damage.
 */

#include "chain/sinter-chain.h"
#include "crash-harness.h"
#include "ops/handle/sinter-handle-internal.h"
#include "crash-qemu.h"
#include "qcow2-judge.h"
#include "qcow2-snap.h"
#include "sinter/check.h"
#include "sinter/create.h"

#include <string.h>

#define SECTOR_BYTES 512
#define ROUNDS 2
#define REOPEN_EVERY 23
#define QEMU_EVERY 151

typedef enum {
    OP_WRITE,
    OP_COPY,       /* out of another file */
    OP_COMPRESSED, /* a whole cluster, as a stream */
    OP_ZERO,
    OP_DISCARD,
    OP_FLUSH,
} OpKind;

typedef struct {
    OpKind kind;
    guint first; /* sectors */
    guint n;
    guint16 tag; /* what the sectors hold afterwards; 0: zeros */
    guint begin; /* entries of the record when it was asked for */
    guint end;   /* and when it returned */
} Op;

typedef struct {
    const char *name;
    SinterCreateOptions options;
    gboolean has_backing;
    guint fill_sectors; /* written before the record begins */
    guint ops;
    guint longest; /* sectors of a request */
    gboolean has_snapshot;
} Shape;

#define BASE .backing_name = "base", .backing_format = "raw"

static const Shape shapes[] = {
    { "512", { .cluster_size = 512, .virtual_size = 128 * 512 }, FALSE, 128, 40, 6 },
    { "512-backing", { .cluster_size = 512, .virtual_size = 160 * 512, BASE }, TRUE, 60, 40, 6 },
    { "4k", { .cluster_size = 4096, .virtual_size = 300 * 512 }, FALSE, 300, 40, 20 },
    { "16k-ext",
      { .cluster_size = 16384, .extended_l2 = TRUE, .virtual_size = 512 * 512, BASE },
      TRUE,
      100,
      40,
      50 },
    { "data-file",
      { .cluster_size = 4096, .data_file_name = "data", .virtual_size = 200 * 512, BASE },
      TRUE,
      100,
      40,
      20 },
    { "growth",
      { .cluster_size = 512, .refcount_bits = 64, .virtual_size = 4200 * 512 },
      FALSE,
      3600,
      14,
      60 },
    { "512-snapshot",
      { .cluster_size = 512, .virtual_size = 160 * 512, BASE },
      TRUE,
      100,
      40,
      6,
      TRUE },
    { "16k-ext-snapshot",
      { .cluster_size = 16384, .extended_l2 = TRUE, .virtual_size = 500 * 512 },
      FALSE,
      300,
      40,
      40,
      TRUE },
};

typedef struct {
    const Shape *shape;
    SinterFs *memory;
    SinterFs *record;
    CrashBase base;
    GArray *ops;
    guint16 *initial; /* each sector's tag when the record began */
    guint n_sectors;
    GRand *rand;
    guint log_from;
    /* for the moment that is judged */
    guint judged_end;
    guint16 *durable;
    guint first_open; /* of the ops: those from here on may have reached storage or not */
    guint64 n_judged;
    guint max_leaks;
    guint n_reopened;
    guint n_shown; /* to qemu-img */
} Run;

static void
fill_sector(guint8 *at, guint16 tag)
{
    for (guint i = 0; i < SECTOR_BYTES; i += 2)
        memcpy(at + i, &tag, 2);
}

/* The tag that fills a sector, or -1 where it holds a mixture. */
static gint
read_tag(const guint8 *at)
{
    guint16 tag;

    memcpy(&tag, at, 2);
    return memcmp(at, at + 2, SECTOR_BYTES - 2) == 0 ? tag : -1;
}

static void
write_sectors(SinterHandle *handle, guint first, guint n, guint16 tag)
{
    g_autofree guint8 *buf = g_malloc((gsize)n * SECTOR_BYTES);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < n; i++)
        fill_sector(buf + (gsize)i * SECTOR_BYTES, tag);
    sinter_handle_write_at(handle, (guint64)first * SECTOR_BYTES, buf, (gsize)n * SECTOR_BYTES,
                           &error);
    g_assert_no_error(error);
}

static SinterHandle *
open_handle(SinterFs *fs)
{
    g_autoptr(GError) error = NULL;
    SinterHandle *handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, &error);

    g_assert_no_error(error);
    return handle;
}

static void
make_backing(Run *self)
{
    g_autoptr(SinterIo) io = sinter_fs_open(self->memory, "base", SINTER_IO_CREATE, NULL);
    guint8 sector[SECTOR_BYTES];

    for (guint i = 0; i < self->n_sectors; i++) {
        self->initial[i] = 60000;
        fill_sector(sector, self->initial[i]);
        g_assert_true(sinter_io_write(io, (guint64)i * SECTOR_BYTES, sector, sizeof sector, NULL));
    }
}

static void
run_prepare(Run *self, const Shape *shape, guint32 seed)
{
    SinterCreateOptions options = shape->options;
    SinterHandle *handle;
    g_autoptr(GError) error = NULL;

    *self = (Run){ .shape = shape, .n_sectors = (guint)(options.virtual_size / SECTOR_BYTES) };
    self->memory = sinter_fs_new_memory();
    self->record = sinter_fs_record_new(self->memory);
    self->rand = g_rand_new_with_seed(seed);
    self->ops = g_array_new(FALSE, TRUE, sizeof(Op));
    self->initial = g_new0(guint16, self->n_sectors);
    self->durable = g_new0(guint16, self->n_sectors);
    if (shape->has_backing)
        make_backing(self);
    options.format = "qcow2";
    sinter_image_create(self->record, "image", &options, &error);
    g_assert_no_error(error);
    handle = open_handle(self->record);
    for (guint i = 0; i < shape->fill_sectors; i++) {
        self->initial[i] = (guint16)(50000 + i % 1000);
        write_sectors(handle, i, 1, self->initial[i]);
    }
    g_assert_true(sinter_handle_close(handle, NULL));
    if (shape->has_snapshot) {
        g_autoptr(SinterIo) io = sinter_fs_open(self->memory, "image", SINTER_IO_WRITE, NULL);

        qcow2_snap(io);
    }
}

static void
run_clear(Run *self)
{
    crash_base_clear(&self->base);
    g_array_unref(self->ops);
    g_free(self->initial);
    g_free(self->durable);
    g_rand_free(self->rand);
    sinter_fs_unref(self->record);
    sinter_fs_unref(self->memory);
}

static Op
choose_op(Run *self, guint number)
{
    static const OpKind kinds[] = { OP_WRITE, OP_WRITE,      OP_WRITE,      OP_COPY,    OP_COPY,
                                    OP_ZERO,  OP_COMPRESSED, OP_COMPRESSED, OP_DISCARD, OP_FLUSH };
    guint cluster = self->shape->options.cluster_size / SECTOR_BYTES;
    Op op = { .kind = kinds[g_rand_int_range(self->rand, 0, G_N_ELEMENTS(kinds))] };

    op.first = (guint)g_rand_int_range(self->rand, 0, (gint32)self->n_sectors);
    op.n = (guint)g_rand_int_range(self->rand, 1, (gint32)self->shape->longest);
    op.n = MIN(op.n, self->n_sectors - op.first);
    if (op.kind == OP_COMPRESSED && self->shape->options.data_file_name)
        op.kind = OP_COPY;
    if (op.kind == OP_COMPRESSED) {
        op.first = op.first / cluster * cluster;
        op.n = MIN(cluster, self->n_sectors - op.first);
    }
    if (op.kind == OP_WRITE || op.kind == OP_COPY || op.kind == OP_COMPRESSED)
        op.tag = (guint16)(1 + number);
    if (op.kind == OP_DISCARD) {
        op.first = op.first / cluster * cluster;
        op.n = MAX(op.n / cluster, 1) * cluster;
        op.n = MIN(op.n, self->n_sectors / cluster * cluster - op.first);
        if (op.first + cluster > self->n_sectors || op.n == 0)
            op.kind = OP_FLUSH;
    }
    return op;
}

static void
copy_sectors(SinterHandle *handle, const Op *op, GError **error)
{
    g_autoptr(SinterFs) other = sinter_fs_new_memory();
    g_autoptr(SinterIo) from = sinter_fs_open(other, "from", SINTER_IO_CREATE, NULL);
    guint8 sector[SECTOR_BYTES];

    fill_sector(sector, op->tag);
    for (guint i = 0; i < op->n; i++)
        g_assert_true(sinter_io_write(from, (guint64)i * SECTOR_BYTES, sector, SECTOR_BYTES, NULL));
    sinter_handle_copy_at(handle, (guint64)op->first * SECTOR_BYTES, from, 0,
                          (guint64)op->n * SECTOR_BYTES, error);
}

static void
compress_cluster(SinterHandle *handle, const Op *op, GError **error)
{
    guint64 size = sinter_handle_get_traits(handle)->cluster_size;
    g_autofree guint8 *cluster = g_malloc0(size);
    g_autofree guint8 *stream = g_malloc(size);
    gsize n;

    for (guint i = 0; i < op->n; i++)
        fill_sector(cluster + (gsize)i * SECTOR_BYTES, op->tag);
    n = sinter_handle_compress(handle, cluster, stream);
    g_assert_cmpuint(n, >, 0);
    sinter_handle_put_compressed_at(handle, (guint64)op->first * SECTOR_BYTES, stream, n, error);
}

static void
perform(SinterHandle *handle, const Op *op)
{
    guint64 offset = (guint64)op->first * SECTOR_BYTES;
    guint64 length = (guint64)op->n * SECTOR_BYTES;
    g_autoptr(GError) error = NULL;

    switch (op->kind) {
    case OP_WRITE:
        write_sectors(handle, op->first, op->n, op->tag);
        break;
    case OP_COPY:
        copy_sectors(handle, op, &error);
        break;
    case OP_COMPRESSED:
        compress_cluster(handle, op, &error);
        break;
    case OP_ZERO:
        sinter_handle_zero_at(handle, offset, length, &error);
        break;
    case OP_DISCARD:
        sinter_handle_discard_at(handle, offset, length, &error);
        break;
    case OP_FLUSH:
        sinter_handle_flush(handle, &error);
        break;
    }
    g_assert_no_error(error);
}

static void
run_begin_record(Run *self)
{
    static const char *const with_data[] = { "image", "base", "data", NULL };
    static const char *const with_base[] = { "image", "base", NULL };
    static const char *const alone[] = { "image", NULL };

    crash_base_init(&self->base, self->memory,
                    self->shape->options.data_file_name ? with_data
                    : self->shape->has_backing          ? with_base
                                                        : alone);
    self->log_from = sinter_fs_record_get_log(self->record)->len;
}

static void
run_op(Run *self, SinterHandle *handle, Op op)
{
    GPtrArray *log = sinter_fs_record_get_log(self->record);

    op.begin = log->len;
    perform(handle, &op);
    op.end = log->len;
    g_array_append_val(self->ops, op);
}

static void
run_record(Run *self)
{
    SinterHandle *handle;

    run_begin_record(self);
    handle = open_handle(self->record);
    for (guint i = 0; i < self->shape->ops; i++)
        run_op(self, handle, choose_op(self, i));
    run_op(self, handle, (Op){ .kind = OP_FLUSH });
    g_assert_true(sinter_handle_close(handle, NULL));
}

static void
apply_op(guint16 *tags, const Op *op)
{
    for (guint i = 0; op->kind != OP_FLUSH && i < op->n; i++)
        tags[op->first + i] = op->tag;
}

/* What must be there at least when the record is cut before entry @log_end. */
static void
run_set_moment(Run *self, guint log_end)
{
    guint flushed = 0;

    if (self->judged_end == log_end && self->n_judged > 0)
        return;
    self->judged_end = log_end;
    for (guint i = 0; i < self->ops->len; i++) {
        const Op *op = &g_array_index(self->ops, Op, i);

        if (op->kind == OP_FLUSH && op->end <= log_end)
            flushed = i + 1;
    }
    memcpy(self->durable, self->initial, self->n_sectors * sizeof *self->initial);
    for (guint i = 0; i < flushed; i++)
        apply_op(self->durable, &g_array_index(self->ops, Op, i));
    self->first_open = flushed;
}

static gboolean
may_hold(const Run *self, guint sector, gint tag)
{
    if (tag == self->durable[sector])
        return TRUE;
    for (guint i = self->first_open; i < self->ops->len; i++) {
        const Op *op = &g_array_index(self->ops, Op, i);

        if (op->begin >= self->judged_end)
            return FALSE;
        if (op->kind != OP_FLUSH && sector >= op->first && sector - op->first < op->n &&
            tag == op->tag)
            return TRUE;
    }
    return FALSE;
}

static char *
check_sound(Run *self, SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    char *trouble = NULL;
    Judgement judgement;

    if (!qcow2_judge(io, &judgement))
        trouble = g_strdup(judgement.first);
    self->max_leaks = MAX(self->max_leaks, judgement.leaks);
    judgement_clear(&judgement);
    return trouble;
}

/* The engine's own check says the same. */
static char *
check_by_engine(SinterFs *fs)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, "image", SINTER_IO_READ, NULL);
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterCheckResult) result = sinter_image_check_io(io, "qcow2", NULL, &error);

    if (!result)
        return g_strdup(error->message);
    if (result->counts.corruptions == 0 && result->counts.errors == 0)
        return NULL;
    return g_strdup_printf("the engine's check finds %" G_GUINT64_FORMAT
                           " corruptions and %" G_GUINT64_FORMAT " errors",
                           result->counts.corruptions, result->counts.errors);
}

static guint8 *
read_disk(Run *self, SinterFs *fs, const char *snapshot, char **trouble)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .snapshot = snapshot };
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, &error);
    gsize bytes = (gsize)self->n_sectors * SECTOR_BYTES;
    g_autofree guint8 *got = g_malloc(bytes);

    if (chain && sinter_chain_read(chain, 0, got, bytes, &error))
        return g_steal_pointer(&got);
    *trouble = g_strdup(error->message);
    return NULL;
}

static char *
check_content(Run *self, const guint8 *disk)
{
    for (guint i = 0; i < self->n_sectors; i++) {
        gint tag = read_tag(disk + (gsize)i * SECTOR_BYTES);

        if (!may_hold(self, i, tag))
            return g_strdup_printf("sector %u holds %d; flushed was %u", i, tag, self->durable[i]);
    }
    return NULL;
}

static char *
check_snapshot(Run *self, SinterFs *fs)
{
    char *trouble = NULL;
    g_autofree guint8 *disk = NULL;

    if (!self->shape->has_snapshot)
        return NULL;
    disk = read_disk(self, fs, "1", &trouble);
    for (guint i = 0; disk && i < self->n_sectors; i++) {
        if (read_tag(disk + (gsize)i * SECTOR_BYTES) != self->initial[i])
            return g_strdup_printf("sector %u of the snapshot changed", i);
    }
    return trouble;
}

/* A state can be worked on: nothing changes but what is written. */
static char *
check_reopened(Run *self, SinterFs *fs, guint8 *disk)
{
    guint sector = (guint)g_rand_int_range(self->rand, 0, (gint32)self->n_sectors);
    SinterHandle *handle = open_handle(fs);
    g_autofree guint8 *after = NULL;
    char *trouble = NULL;

    self->n_reopened++;
    write_sectors(handle, sector, 1, 65000);
    fill_sector(disk + (gsize)sector * SECTOR_BYTES, 65000);
    g_assert_true(sinter_handle_close(handle, NULL));
    after = read_disk(self, fs, NULL, &trouble);
    if (after && memcmp(after, disk, (gsize)self->n_sectors * SECTOR_BYTES) != 0)
        trouble = g_strdup("after a further write other sectors changed");
    if (!trouble)
        trouble = check_snapshot(self, fs);
    return trouble ? trouble : check_sound(self, fs);
}

static char *
check_state(SinterFs *fs, guint log_end, gpointer data)
{
    static const char *const files[] = { "image", "base", "data", NULL };
    Run *self = data;
    g_autofree guint8 *disk = NULL;
    char *trouble;

    run_set_moment(self, log_end);
    self->n_judged++;
    trouble = check_sound(self, fs);
    if (trouble)
        return trouble;
    disk = read_disk(self, fs, NULL, &trouble);
    if (!disk)
        return trouble;
    trouble = check_content(self, disk);
    if (!trouble)
        trouble = check_snapshot(self, fs);
    if (trouble)
        return trouble;
    if (self->n_judged % QEMU_EVERY == 0) {
        trouble = crash_qemu_check(fs, files, "image");
        self->n_shown++;
    }
    if (!trouble && self->n_judged % REOPEN_EVERY == 0)
        trouble = check_by_engine(fs);
    if (!trouble && self->n_judged % REOPEN_EVERY == 0)
        trouble = check_reopened(self, fs, disk);
    return trouble;
}

static guint64
explore_shape(const Shape *shape, guint32 seed)
{
    CrashOptions options = { .skip_flush = G_MAXUINT, .thorough = TRUE, .seed = seed };
    CrashCount count;
    Run run;

    run_prepare(&run, shape, seed);
    run_record(&run);
    count = crash_explore(&run.base, sinter_fs_record_get_log(run.record), run.log_from, &options,
                          check_state, &run);
    g_test_message("seed %u: %" G_GUINT64_FORMAT " states around %" G_GUINT64_FORMAT
                   " flushes, %" G_GUINT64_FORMAT
                   " lost, at most %u clusters leaked, %u written to "
                   "again, %u shown to qemu-img",
                   seed, count.states, count.flushes, count.violations, run.max_leaks,
                   run.n_reopened, run.n_shown);
    crash_say_count("guest requests", count.states, count.violations);
    g_assert_cmpstr(count.first, ==, NULL);
    g_free(count.first);
    run_clear(&run);
    return count.states;
}

static void
test_states(gconstpointer data)
{
    guint32 seed = g_test_rand_int();
    guint64 states = 0;

    for (guint32 round = 0; round < ROUNDS; round++)
        states += explore_shape(data, seed + round);
    g_assert_cmpuint(states, >, 500);
}

/*
 * Each step copies a table that the snapshot shares, puts new data into one that is owned already,
 * and fills a refcount block: so each of its flushes parts what must not be mixed.
 */
static void
record_teeth(Run *self)
{
    SinterHandle *handle = open_handle(self->record);

    write_sectors(handle, 5, 1, 50005);
    self->initial[5] = 50005;
    g_assert_true(sinter_handle_close(handle, NULL));
    run_begin_record(self);
    handle = open_handle(self->record);
    for (guint16 i = 1; i < 4; i++) {
        run_op(self, handle, (Op){ OP_WRITE, i * 64U + 5, 1, (guint16)(i * 10), 0, 0 });
        run_op(self, handle, (Op){ OP_WRITE, i * 64U - 9, 1, (guint16)(i * 10 + 1), 0, 0 });
        run_op(self, handle, (Op){ OP_COPY, 256 + i * 64U, 64, (guint16)(i * 10 + 2), 0, 0 });
        run_op(self, handle, (Op){ OP_COMPRESSED, i * 64U + 20, 1, (guint16)(i * 10 + 3), 0, 0 });
        run_op(self, handle, (Op){ .kind = OP_FLUSH });
    }
    g_assert_true(sinter_handle_close(handle, NULL));
}

static const Shape teeth_shape = {
    "teeth", { .cluster_size = 512, .refcount_bits = 64, .virtual_size = 512 * 512, BASE },
    TRUE,    256,
    0,       0,
    TRUE
};

/* All flushes are needed but the last one, after which only space is given back. */
static void
test_teeth(void)
{
    CrashOptions options = { .skip_flush = G_MAXUINT };
    CrashCount count;
    Run run;

    run_prepare(&run, &teeth_shape, 1);
    record_teeth(&run);
    count = crash_explore(&run.base, sinter_fs_record_get_log(run.record), run.log_from, &options,
                          check_state, &run);
    g_assert_cmpstr(count.first, ==, NULL);
    for (guint i = 0; i < count.flushes; i++) {
        CrashCount without;

        options.skip_flush = i;
        without = crash_explore(&run.base, sinter_fs_record_get_log(run.record), run.log_from,
                                &options, check_state, &run);
        g_test_message("without flush %u: %s", i, without.first ? without.first : "no damage");
        g_assert_cmpint(without.violations > 0, ==, i + 1 < count.flushes);
        g_free(without.first);
    }
    run_clear(&run);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/crash/handle/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_states);
    }
    g_test_add_func("/crash/teeth", test_teeth);
    return g_test_run();
}
