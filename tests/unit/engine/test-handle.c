/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Random reads, writes, copies, compressed clusters, zeros, discards and flushes through the
 * handle, beside an array that says
 * what the disk must hold; then the image is judged and read anew.
 */

#include "chain/sinter-chain.h"
#include "crash/qcow2-judge.h"
#include "io/sinter-fs-fault.h"
#include "ops/handle/sinter-handle-internal.h"
#include "sinter-error.h"
#include "sinter/create.h"

#include <string.h>

typedef struct {
    const char *name;
    SinterCreateOptions options;
    gboolean has_backing;
    guint ops;
} Shape;

#define BASE .backing_name = "base", .backing_format = "raw"

static const Shape shapes[] = {
    { "512", { .cluster_size = 512, .virtual_size = 300 * 1024 }, FALSE, 400 },
    { "512-backing", { .cluster_size = 512, .virtual_size = 300 * 1024, BASE }, TRUE, 400 },
    { "512-64bit",
      { .cluster_size = 512, .refcount_bits = 64, .virtual_size = 1 << 20 },
      FALSE,
      500 },
    { "4k-1bit",
      { .cluster_size = 4096, .refcount_bits = 1, .virtual_size = 2000 * 1024 },
      FALSE,
      300 },
    { "4k-v2", { .cluster_size = 4096, .version = 2, .virtual_size = 1000 * 1024 }, FALSE, 300 },
    { "4k-v2-backing",
      { .cluster_size = 4096, .version = 2, .virtual_size = 1000 * 1024, BASE },
      TRUE,
      300 },
    { "64k-odd", { .virtual_size = 20 * 65536 + 7 * 512, BASE }, TRUE, 200 },
    { "2m", { .cluster_size = 2 << 20, .virtual_size = 9 << 20 }, FALSE, 60 },
    { "16k-ext",
      { .cluster_size = 16384, .extended_l2 = TRUE, .virtual_size = 900 * 1024 },
      FALSE,
      400 },
    { "16k-ext-backing",
      { .cluster_size = 16384, .extended_l2 = TRUE, .virtual_size = 900 * 1024 + 512, BASE },
      TRUE,
      400 },
    { "64k-ext-allocated",
      { .extended_l2 = TRUE,
        .preallocation = SINTER_PREALLOCATION_METADATA,
        .virtual_size = 1 << 20,
        BASE },
      TRUE,
      200 },
    { "4k-allocated",
      { .cluster_size = 4096,
        .preallocation = SINTER_PREALLOCATION_METADATA,
        .virtual_size = 1 << 20 },
      FALSE,
      200 },
    { "data-file",
      { .cluster_size = 4096, .data_file_name = "d", .virtual_size = 777 * 512, BASE },
      TRUE,
      300 },
    { "data-file-raw",
      { .cluster_size = 4096,
        .data_file_name = "d",
        .data_file_raw = TRUE,
        .virtual_size = 777 * 512 },
      FALSE,
      300 },
    { "data-file-ext",
      { .cluster_size = 16384,
        .extended_l2 = TRUE,
        .data_file_name = "d",
        .virtual_size = 1777 * 512 },
      FALSE,
      300 },
    { "16k-zstd",
      { .cluster_size = 16384, .compression = "zstd", .virtual_size = 777 * 512, BASE },
      TRUE,
      300 },
    { "1k-2bit",
      { .cluster_size = 1024, .refcount_bits = 2, .virtual_size = 200 * 1024 },
      FALSE,
      400 },
    { "raw", { .format = "raw", .virtual_size = 100 * 1024 }, FALSE, 200 },
};

typedef struct {
    const Shape *shape;
    SinterFs *fs;
    SinterHandle *handle;
    guint8 *expected;
    gsize size;
    GRand *rand;
} Model;

static const char *
shape_format(const Shape *shape)
{
    return shape->options.format ? shape->options.format : "qcow2";
}

static void
make_base(Model *self)
{
    g_autoptr(GError) error = NULL;
    /* shorter than the disk: what lies beyond reads as zeros */
    gsize bytes = self->size / 4 * 3 / 512 * 512;
    g_autoptr(SinterIo) io = sinter_fs_open(self->fs, "base", SINTER_IO_CREATE, &error);

    g_assert_no_error(error);
    for (gsize i = 0; i < bytes; i++)
        self->expected[i] = (guint8)(1 + i / 512 % 251);
    sinter_io_write(io, 0, self->expected, bytes, &error);
    g_assert_no_error(error);
}

static void
model_open(Model *self)
{
    g_autoptr(GError) error = NULL;

    self->handle = sinter_handle_open(self->fs, "image", shape_format(self->shape),
                                      SINTER_HANDLE_DEFAULT, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sinter_handle_get_virtual_size(self->handle), ==, self->size);
}

static void
model_init(Model *self, const Shape *shape, guint32 seed)
{
    g_autoptr(GError) error = NULL;
    SinterCreateOptions options = shape->options;

    *self = (Model){ .shape = shape, .size = options.virtual_size };
    self->fs = sinter_fs_new_memory();
    self->rand = g_rand_new_with_seed(seed);
    self->expected = g_malloc0(self->size);
    if (shape->has_backing)
        make_base(self);
    options.format = shape_format(shape);
    sinter_image_create(self->fs, "image", &options, &error);
    g_assert_no_error(error);
    model_open(self);
}

static void
model_clear(Model *self)
{
    sinter_handle_abandon(self->handle);
    g_rand_free(self->rand);
    g_free(self->expected);
    sinter_fs_unref(self->fs);
}

static void
model_range(Model *self, gsize *offset, gsize *length)
{
    gsize cluster = self->shape->options.cluster_size ? self->shape->options.cluster_size : 65536;
    gsize longest = g_rand_boolean(self->rand) ? 3000 : 5 * cluster;

    *offset = (gsize)g_rand_int_range(self->rand, 0, (gint32)self->size);
    if (g_rand_boolean(self->rand))
        *offset = *offset / cluster * cluster;
    *length = (gsize)g_rand_int_range(self->rand, 1, (gint32)longest);
    if (g_rand_boolean(self->rand))
        *length = (*length + cluster - 1) / cluster * cluster;
    *length = MIN(*length, self->size - *offset);
}

static void
op_write(Model *self, gsize offset, gsize length, GError **error)
{
    memset(self->expected + offset, g_rand_int_range(self->rand, 1, 256), length);
    sinter_handle_write_at(self->handle, offset, self->expected + offset, length, error);
}

static void
op_zero(Model *self, gsize offset, gsize length, GError **error)
{
    memset(self->expected + offset, 0, length);
    sinter_handle_zero_at(self->handle, offset, length, error);
}

static void
op_read(Model *self, gsize offset, gsize length, GError **error)
{
    g_autofree guint8 *got = g_malloc(length);

    sinter_handle_read_at(self->handle, offset, got, length, error);
    g_assert_cmpmem(got, length, self->expected + offset, length);
}

/* Zeros or what was there, each sector by itself; whichever it is stays. */
static void
op_discard(Model *self, gsize offset, gsize length, GError **error)
{
    g_autofree guint8 *got = g_malloc(length);

    if (!sinter_handle_discard_at(self->handle, offset, length, error) ||
        !sinter_handle_read_at(self->handle, offset, got, length, error))
        return;
    for (gsize i = 0; i < length; i++)
        g_assert_true(got[i] == 0 || got[i] == self->expected[offset + i]);
    memcpy(self->expected + offset, got, length);
}

/* Out of another file, from an odd place. */
static void
op_copy(Model *self, gsize offset, gsize length, GError **error)
{
    static guint number;
    g_autofree char *name = g_strdup_printf("from%u", number++);
    g_autoptr(SinterIo) from = sinter_fs_open(self->fs, name, SINTER_IO_CREATE, error);

    for (gsize i = 0; i < length; i++)
        self->expected[offset + i] = (guint8)(1 + (number + i / 100) % 250);
    g_assert_true(sinter_io_write(from, 77, self->expected + offset, length, error));
    sinter_handle_copy_at(self->handle, offset, from, 77, length, error);
    g_assert_true(sinter_fs_remove(self->fs, name, NULL));
}

/* The cluster that @offset lies in, with streams of all lengths. */
static void
op_compressed(Model *self, gsize offset, gsize length, GError **error)
{
    const SinterFormatTraits *traits = sinter_handle_get_traits(self->handle);
    gsize size = traits->cluster_size ? (gsize)traits->cluster_size : 1;
    g_autofree guint8 *cluster = g_malloc0(size);
    g_autofree guint8 *out = g_malloc(size);
    gsize at = offset / size * size;
    gsize in_disk = MIN(size, self->size - at);
    gsize n;

    if (!(traits->flags & SINTER_FORMAT_TAKES_STREAMS))
        return;
    for (gsize i = 0; i < MIN(length, in_disk); i++)
        cluster[i] = (guint8)g_rand_int(self->rand);
    n = sinter_handle_compress(self->handle, cluster, out);
    if (n == 0)
        return;
    memcpy(self->expected + at, cluster, in_disk);
    sinter_handle_put_compressed_at(self->handle, at, out, n, error);
}

static void
op_flush(Model *self, gsize offset, gsize length, GError **error)
{
    sinter_handle_flush(self->handle, error);
}

static void
model_step(Model *self)
{
    static void (*const ops[])(Model *, gsize, gsize, GError **) = {
        op_write,   op_write, op_copy,  op_copy,       op_zero,
        op_discard, op_read,  op_flush, op_compressed, op_compressed,
    };
    g_autoptr(GError) error = NULL;
    gsize offset;
    gsize length;

    model_range(self, &offset, &length);
    ops[g_rand_int_range(self->rand, 0, G_N_ELEMENTS(ops))](self, offset, length, &error);
    g_assert_no_error(error);
}

static void
model_judge(Model *self, gboolean leaks_allowed)
{
    if (strcmp(shape_format(self->shape), "raw") != 0)
        qcow2_assert_sound(self->fs, "image", leaks_allowed);
}

/* The reading half agrees with what was written. */
static void
model_read_anew(Model *self)
{
    g_autoptr(GError) error = NULL;
    SinterChainOptions options = { .fs = self->fs, .format = shape_format(self->shape) };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, &error);
    g_autofree guint8 *got = g_malloc(self->size);

    g_assert_no_error(error);
    sinter_chain_read(chain, 0, got, self->size, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(got, self->size, self->expected, self->size);
}

static void
check_raw_data_file(Model *self)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterIo) io = NULL;
    g_autofree guint8 *got = g_malloc(self->size);
    SinterIoStat st;

    if (!self->shape->options.data_file_raw)
        return;
    io = sinter_fs_open(self->fs, "d", SINTER_IO_READ, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_io_stat(io, &st, NULL));
    g_assert_cmpuint(st.size_bytes, ==, self->size);
    g_assert_true(sinter_io_read(io, 0, got, self->size, NULL));
    g_assert_cmpmem(got, self->size, self->expected, self->size);
}

static void
test_random(gconstpointer data)
{
    guint32 seed = g_test_rand_int();

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 4; round++) {
        Model model;

        model_init(&model, data, seed + round);
        for (guint i = 0; i < model.shape->ops; i++) {
            g_autoptr(GError) error = NULL;

            model_step(&model);
            if (i % 100 != 99)
                continue;
            g_assert_true(sinter_handle_close(g_steal_pointer(&model.handle), &error));
            g_assert_no_error(error);
            model_judge(&model, FALSE);
            model_read_anew(&model);
            check_raw_data_file(&model);
            model_open(&model);
        }
        model_clear(&model);
    }
}

static void
test_range(void)
{
    g_autoptr(GError) error = NULL;
    Model model;
    guint8 byte = 0;

    model_init(&model, &shapes[0], 1);
    g_assert_false(sinter_handle_write_at(model.handle, model.size, &byte, 1, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(sinter_handle_zero_at(model.handle, G_MAXUINT64, 2, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    model_clear(&model);
}

/* So much data that the refcount table is replaced by larger ones. */
static void
test_growth(void)
{
    static const Shape shape = {
        "growth", { .cluster_size = 512, .refcount_bits = 64, .virtual_size = 12 << 20 }, FALSE, 0
    };
    Model model;

    model_init(&model, &shape, 1);
    for (gsize at = 0; at < model.size; at += 70000) {
        gsize n = MIN(model.size - at, 70000);
        g_autoptr(GError) error = NULL;

        memset(model.expected + at, (int)(1 + at / 70000), n);
        sinter_handle_write_at(model.handle, at, model.expected + at, n, &error);
        g_assert_no_error(error);
        if (at / 70000 % 40 == 0)
            g_assert_true(sinter_handle_flush(model.handle, NULL));
    }
    g_assert_true(sinter_handle_close(g_steal_pointer(&model.handle), NULL));
    model_judge(&model, FALSE);
    model_read_anew(&model);
    model_clear(&model);
}

/* What the bytes may be after requests of which some failed. */
typedef struct {
    SinterFs *memory;
    SinterFs *fault;
    SinterHandle *handle;
    GRand *rand;
    guint8 *durable;   /* what the handle showed when a flush had succeeded */
    guint8 *planes;    /* the disk as each request would leave it */
    guint n_planes;    /* requests so far */
    guint first_plane; /* the first one since that flush */
} FaultRun;

#define FAULT_OPS 30
#define FAULT_SIZE (64 * 512)

static void
fault_request(FaultRun *self, guint number)
{
    gsize at = (gsize)g_rand_int_range(self->rand, 0, FAULT_SIZE / 512) * 512;
    gsize n = MIN((gsize)g_rand_int_range(self->rand, 1, 6) * 512, FAULT_SIZE - at);
    guint8 *plane = self->planes + (gsize)self->n_planes * FAULT_SIZE;
    gboolean zero = number % 5 == 4;

    memcpy(plane, self->n_planes > self->first_plane ? plane - FAULT_SIZE : self->durable,
           FAULT_SIZE);
    self->n_planes++;
    memset(plane + at, zero ? 0 : (int)(number + 100), n);
    if (zero)
        sinter_handle_zero_at(self->handle, at, n, NULL);
    else
        sinter_handle_write_at(self->handle, at, plane + at, n, NULL);
}

static void
fault_flush(FaultRun *self)
{
    g_autofree guint8 *shown = g_malloc(FAULT_SIZE);

    if (!sinter_handle_flush(self->handle, NULL) ||
        !sinter_handle_read_at(self->handle, 0, shown, FAULT_SIZE, NULL))
        return;
    memcpy(self->durable, shown, FAULT_SIZE);
    self->first_plane = self->n_planes;
}

/* Each byte is as it was flushed or as one of the requests since then would leave it. */
static void
fault_check_content(FaultRun *self)
{
    g_autoptr(GError) error = NULL;
    SinterChainOptions options = { .fs = self->memory, .format = "qcow2" };
    g_autoptr(SinterChain) chain = sinter_chain_open("image", &options, &error);
    g_autofree guint8 *got = g_malloc(FAULT_SIZE);

    g_assert_no_error(error);
    g_assert_true(sinter_chain_read(chain, 0, got, FAULT_SIZE, NULL));
    for (gsize at = 0; at < FAULT_SIZE; at++) {
        gboolean ok = got[at] == self->durable[at];

        for (guint i = self->first_plane; !ok && i < self->n_planes; i++)
            ok = got[at] == self->planes[(gsize)i * FAULT_SIZE + at];
        if (!ok)
            g_error("byte %" G_GSIZE_FORMAT " is %u", at, got[at]);
    }
}

static void
test_write_only(void)
{
    const SinterCreateOptions options = { .format = "qcow2", .virtual_size = 1 << 20 };
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterHandle) handle = NULL;
    g_autoptr(SinterHandle) reader = NULL;
    g_autoptr(GError) error = NULL;
    guint8 byte = 7;

    g_assert_true(sinter_image_create(fs, "image", &options, NULL));
    handle = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_WRITE_ONLY, NULL);
    g_assert_true(sinter_handle_write_at(handle, 12345, &byte, 1, NULL));
    g_assert_false(sinter_handle_read_at(handle, 12345, &byte, 1, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_assert_true(sinter_handle_close(g_steal_pointer(&handle), NULL));
    byte = 0;
    reader = sinter_handle_open(fs, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    g_assert_true(sinter_handle_read_at(reader, 12345, &byte, 1, NULL));
    g_assert_cmpuint(byte, ==, 7);
}

static void
fault_begin(FaultRun *self, guint32 seed)
{
    const SinterCreateOptions options = { .format = "qcow2",
                                          .cluster_size = 1024,
                                          .virtual_size = FAULT_SIZE };

    *self = (FaultRun){ .memory = sinter_fs_new_memory() };
    self->fault = sinter_fs_fault_new(self->memory);
    self->rand = g_rand_new_with_seed(seed);
    self->durable = g_malloc0(FAULT_SIZE);
    self->planes = g_malloc0((gsize)FAULT_OPS * FAULT_SIZE);
    g_assert_true(sinter_image_create(self->memory, "image", &options, NULL));
    self->handle = sinter_handle_open(self->fault, "image", "qcow2", SINTER_HANDLE_DEFAULT, NULL);
    g_assert_nonnull(self->handle);
}

/* A fault that passes leaves a handle that can go on: its close must succeed. */
static void
fault_end(FaultRun *self, gboolean lasting)
{
    g_autoptr(GError) error = NULL;

    if (lasting)
        sinter_handle_abandon(self->handle);
    else
        sinter_handle_close(self->handle, &error);
    g_assert_no_error(error);
    qcow2_assert_sound(self->memory, "image", TRUE);
    fault_check_content(self);
    g_free(self->durable);
    g_free(self->planes);
    g_rand_free(self->rand);
    sinter_fs_unref(self->fault);
    sinter_fs_unref(self->memory);
}

/* FALSE: there were fewer calls than @nth, so all have been tried. */
static gboolean
fault_round(SinterFaultKind kind, guint64 nth, gboolean lasting)
{
    const SinterFaultCalls calls =
        SINTER_FAULT_READ | SINTER_FAULT_WRITE | SINTER_FAULT_DISCARD | SINTER_FAULT_FLUSH;
    gboolean came;
    FaultRun run;

    fault_begin(&run, 1);
    sinter_fs_fault_arm(run.fault, calls, kind, nth, lasting);
    for (guint i = 0; i < FAULT_OPS; i++) {
        fault_request(&run, i);
        if (i % 7 == 6)
            fault_flush(&run);
    }
    came = sinter_fs_fault_get_count(run.fault) >= nth;
    if (!lasting)
        sinter_fs_fault_arm(run.fault, calls, kind, 0, FALSE);
    fault_end(&run, lasting);
    return came;
}

/* Storage fails at each call in turn, once or from there on: never a contradiction. */
static void
test_faults(void)
{
    static const SinterFaultKind kinds[] = { SINTER_FAULT_EIO, SINTER_FAULT_ENOSPC,
                                             SINTER_FAULT_SHORT };
    guint64 tried = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (guint lasting = 0; lasting < 2; lasting++) {
            for (guint64 nth = 1; fault_round(kinds[i], nth, lasting != 0); nth++)
                tried++;
        }
    }
    g_test_message("%" G_GUINT64_FORMAT " faults", tried);
    g_assert_cmpuint(tried, >, 200);
}

typedef struct {
    SinterHandle *handle;
    guint part;
} Worker;

static gpointer
work(gpointer data)
{
    Worker *self = data;
    guint8 buf[700];

    for (guint i = 0; i < 200; i++) {
        guint64 at = (guint64)self->part * 70000 + i * 350;

        memset(buf, (int)(self->part + 1), sizeof buf);
        g_assert_true(sinter_handle_write_at(self->handle, at, buf, 350, NULL));
        g_assert_true(sinter_handle_read_at(self->handle, at, buf, 350, NULL));
        g_assert_cmpuint(buf[0], ==, self->part + 1);
        if (i % 50 == 0)
            g_assert_true(sinter_handle_flush(self->handle, NULL));
    }
    return NULL;
}

static void
test_threads(void)
{
    GThread *threads[4];
    Worker workers[4];
    Model model;

    model_init(&model, &shapes[0], 1);
    for (guint i = 0; i < 4; i++) {
        workers[i] = (Worker){ model.handle, i };
        memset(model.expected + (gsize)i * 70000, (int)(i + 1), 70000);
        threads[i] = g_thread_new("work", work, &workers[i]);
    }
    for (guint i = 0; i < 4; i++)
        g_thread_join(threads[i]);
    g_assert_true(sinter_handle_close(g_steal_pointer(&model.handle), NULL));
    model_judge(&model, FALSE);
    model_read_anew(&model);
    model_clear(&model);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strdup_printf("/handle/random/%s", shapes[i].name);

        g_test_add_data_func(path, &shapes[i], test_random);
    }
    g_test_add_func("/handle/range", test_range);
    g_test_add_func("/handle/write-only", test_write_only);
    g_test_add_func("/handle/faults", test_faults);
    g_test_add_func("/handle/growth", test_growth);
    g_test_add_func("/handle/threads", test_threads);
    return g_test_run();
}
