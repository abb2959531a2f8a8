/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The map against a model: images with random entries of every kind are built beside a plain
 * array that says what each subcluster is; map and content must agree with it, for any range.
 * Then entries that break the format, each an error that says where.
 */

#include "chain/sinter-chain.h"
#include "qcow2-build.h"
#include "sinter-error.h"

#include <string.h>

/* What the guest sees of one subcluster. */
typedef struct {
    SinterExtentKind kind;
    gboolean has_host;
    guint64 host;
    guint8 byte; /* every byte of it */
} Cell;

typedef struct {
    const char *name;
    BuildOptions options;
    guint64 size;
} Shape;

static const Shape shapes[] = {
    { "512", { .cluster_bits = 9 }, 600 * 512 },
    { "4k-v2", { .cluster_bits = 12, .version = 2 }, 2000 * 4096 },
    { "64k", { .cluster_bits = 16 }, 300 * 65536 },
    { "64k-odd", { .cluster_bits = 16 }, 20 * 65536 + 512 * 7 },
    { "2m", { .cluster_bits = 21 }, 6 * 2097152 },
    { "16k-ext",
      { .cluster_bits = 14, .incompatible = SINTER_QCOW2_INCOMPAT_EXTENDED_L2 },
      200 * 16384 },
    { "64k-ext-zstd",
      { .cluster_bits = 16,
        .incompatible = SINTER_QCOW2_INCOMPAT_EXTENDED_L2 | SINTER_QCOW2_INCOMPAT_COMPRESSION,
        .compression = 1 },
      40 * 65536 },
    { "32k-zstd",
      { .cluster_bits = 15, .incompatible = SINTER_QCOW2_INCOMPAT_COMPRESSION, .compression = 1 },
      200 * 32768 },
    { "data-file",
      { .cluster_bits = 13, .incompatible = SINTER_QCOW2_INCOMPAT_DATA_FILE, .data_file = "d" },
      300 * 8192 },
    { "data-file-ext",
      { .cluster_bits = 14,
        .incompatible = SINTER_QCOW2_INCOMPAT_DATA_FILE | SINTER_QCOW2_INCOMPAT_EXTENDED_L2,
        .data_file = "d" },
      100 * 16384 },
};

typedef struct {
    const Shape *shape;
    Build build;
    SinterFs *fs;
    SinterIo *data; /* the data file, or NULL */
    GRand *rand;
    Cell *cells;
    gsize n_cells;
    guint32 cell_bytes;
} Model;

/* Host space for the guest cluster at @guest, full of @byte. */
static guint64
model_host(Model *self, guint64 guest, guint8 byte)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *buf = NULL;

    if (!self->data)
        return build_data(&self->build, byte);
    buf = g_malloc(self->build.geo.cluster_size);
    memset(buf, byte, self->build.geo.cluster_size);
    sinter_io_write(self->data, guest, buf, self->build.geo.cluster_size, &error);
    g_assert_no_error(error);
    return guest;
}

static Cell
cell_of(SinterExtentKind kind, gboolean has_host, guint64 host, guint8 byte)
{
    gboolean data = kind == SINTER_EXTENT_DATA || kind == SINTER_EXTENT_COMPRESSED;

    return (Cell){ kind, has_host, has_host ? host : 0, data ? byte : 0 };
}

/* An extended entry with random subclusters over host space (or none). */
static void
model_fill_extended(Model *self, Cell *cells, gboolean has_host, guint64 host, guint8 byte,
                    SinterQcow2L2Entry *l2)
{
    for (guint sub = 0; sub < 32;) {
        guint kind = (guint)g_rand_int_range(self->rand, has_host ? 0 : 1, 3);
        guint n = (guint)g_rand_int_range(self->rand, 1, 12);

        for (; n > 0 && sub < 32; n--, sub++) {
            guint64 at = host + (guint64)sub * self->cell_bytes;

            if (kind == 0)
                l2->bitmap |= G_GUINT64_CONSTANT(1) << sub;
            if (kind == 1)
                l2->bitmap |= G_GUINT64_CONSTANT(1) << (32 + sub);
            cells[sub] = cell_of(kind == 0   ? SINTER_EXTENT_DATA
                                 : kind == 1 ? SINTER_EXTENT_ZERO
                                             : SINTER_EXTENT_HOLE,
                                 has_host, at, byte);
        }
    }
}

/* Gives the guest cluster at @guest a random entry and the model its cells. */
static void
model_fill(Model *self, guint64 guest, Cell *cells)
{
    const SinterQcow2Geometry *geo = &self->build.geo;
    SinterQcow2L2Entry l2 = { 0, 0 };
    guint kind = (guint)g_rand_int_range(self->rand, 0, 8);
    guint8 byte = (guint8)g_rand_int_range(self->rand, 1, 256);
    gboolean has_host = kind >= 3;
    guint64 host = 0;
    Cell cell = cell_of(SINTER_EXTENT_HOLE, FALSE, 0, 0);

    if (kind == 0)
        return;
    if (kind == 1 && !self->data) {
        l2 = build_compressed(&self->build, byte);
        cell = cell_of(SINTER_EXTENT_COMPRESSED, FALSE, 0, byte);
    } else {
        if (has_host)
            host = model_host(self, guest, byte);
        l2.entry = host | (has_host ? SINTER_QCOW2_COPIED : 0);
        if (!geo->extended_l2 && geo->has_zero_flag && kind <= 3)
            l2.entry |= SINTER_QCOW2_ZERO;
        /* offset 0 of a data file is space only where the entry is for data: with the zero flag
         * there is nothing that tells it from no space at all */
        if (has_host && !(host == 0 && (l2.entry & SINTER_QCOW2_ZERO)))
            cell = cell_of(l2.entry & SINTER_QCOW2_ZERO ? SINTER_EXTENT_ZERO : SINTER_EXTENT_DATA,
                           TRUE, host, byte);
        else if (l2.entry & SINTER_QCOW2_ZERO)
            cell = cell_of(SINTER_EXTENT_ZERO, FALSE, 0, 0);
    }
    for (guint i = 0; i < geo->subclusters; i++)
        cells[i] = cell;
    if (geo->extended_l2 && !(l2.entry & SINTER_QCOW2_COMPRESSED))
        model_fill_extended(self, cells, has_host, host, byte, &l2);
    build_map(&self->build, guest, l2);
}

static void
model_begin(Model *self, const Shape *shape, guint32 seed)
{
    g_autoptr(GError) error = NULL;
    BuildOptions options = shape->options;
    const SinterQcow2Geometry *geo = &self->build.geo;

    options.virtual_size = shape->size;
    self->shape = shape;
    self->rand = g_rand_new_with_seed(seed);
    self->fs = sinter_fs_new_memory();
    self->data = options.data_file ? sinter_fs_open(self->fs, "d", SINTER_IO_CREATE, &error) : NULL;
    g_assert_no_error(error);
    build_begin(&self->build, self->fs, "image", &options);
    self->cell_bytes = geo->cluster_size / geo->subclusters;
    self->n_cells = (gsize)sinter_qcow2_geometry_clusters(geo, shape->size) * geo->subclusters;
    self->cells = g_new0(Cell, self->n_cells);
    for (guint64 guest = 0; guest < shape->size; guest += geo->cluster_size) {
        /* long stretches of the same now and then: runs over tables */
        if (g_rand_int_range(self->rand, 0, 30) == 0)
            guest += (guint64)g_rand_int_range(self->rand, 0, 150) * geo->cluster_size;
        if (guest < shape->size)
            model_fill(self, guest, self->cells + guest / self->cell_bytes);
    }
}

static void
model_end(Model *self)
{
    build_end(&self->build);
    sinter_io_unref(self->data);
    sinter_fs_unref(self->fs);
    g_rand_free(self->rand);
    g_free(self->cells);
}

static SinterChain *
model_open(Model *self)
{
    g_autoptr(GError) error = NULL;
    SinterChainOptions options = { .fs = self->fs, .format = "qcow2", .cache_bytes = 1 };
    SinterChain *chain = sinter_chain_open("image", &options, &error);

    g_assert_no_error(error);
    return chain;
}

/* Where a walk is, and what came before. */
typedef struct {
    Model *model;
    guint64 at;
    SinterExtent last;
} Walk;

static gboolean
check_extent(const SinterExtent *extent, gpointer data)
{
    Walk *walk = data;
    Model *model = walk->model;

    g_assert_cmpuint(extent->offset, ==, walk->at);
    g_assert_cmpuint(extent->length, >, 0);
    for (guint64 at = extent->offset; at < extent->offset + extent->length;) {
        const Cell *cell = &model->cells[at / model->cell_bytes];
        guint64 in_cell = at % model->cell_bytes;
        gboolean has_host = (extent->flags & SINTER_EXTENT_HAS_HOST) != 0;

        g_assert_cmpint(extent->kind, ==, cell->kind);
        g_assert_cmpint(has_host, ==, cell->has_host);
        if (has_host)
            g_assert_cmpuint(extent->host_offset + (at - extent->offset), ==, cell->host + in_cell);
        at += model->cell_bytes - in_cell;
    }
    /* as long as can be */
    if (walk->last.length > 0 && walk->last.kind == extent->kind &&
        walk->last.flags == extent->flags)
        g_assert_true((extent->flags & SINTER_EXTENT_HAS_HOST) &&
                      walk->last.host_offset + walk->last.length != extent->host_offset);
    walk->last = *extent;
    walk->at += extent->length;
    return TRUE;
}

static void
check_range(Model *model, SinterChain *chain, guint64 offset, guint64 length)
{
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *buf = g_malloc(length + 1);
    Walk walk = { .model = model, .at = offset };

    sinter_chain_map(chain, offset, length, SINTER_MAP_DEFAULT, check_extent, &walk, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(walk.at, ==, offset + length);
    sinter_chain_read(chain, offset, buf, length, &error);
    g_assert_no_error(error);
    for (guint64 i = 0; i < length; i++) {
        if (buf[i] != model->cells[(offset + i) / model->cell_bytes].byte)
            g_error("byte %" G_GUINT64_FORMAT " differs", offset + i);
    }
}

static void
test_model(gconstpointer data)
{
    const Shape *shape = data;
    guint32 seed = g_test_rand_int();
    g_autoptr(SinterChain) chain = NULL;
    Model model;

    g_test_message("seed %u", seed);
    model_begin(&model, shape, seed);
    chain = model_open(&model);
    g_assert_cmpuint(sinter_chain_get_virtual_size(chain), ==, shape->size);
    check_range(&model, chain, 0, shape->size);
    for (guint i = 0; i < 60; i++) {
        guint64 offset = (guint64)g_rand_double_range(model.rand, 0, (double)shape->size);
        guint64 most = MIN(shape->size - offset, 5 * 65536);

        check_range(&model, chain, offset,
                    (guint64)g_rand_double_range(model.rand, 0, (double)most));
    }
    g_clear_pointer(&chain, sinter_chain_free);
    model_end(&model);
}

/* One entry of the map or of L1 that no reader may follow. */
typedef struct {
    const char *name;
    BuildOptions options;
    SinterQcow2L2Entry l2;
    guint64 l1;       /* not 0: in place of the L1 entry */
    const char *text; /* of the error */
} Broken;

#define FAR (G_GUINT64_CONSTANT(1) << 50)

static const Broken brokens[] = {
    { "l1-unaligned", { 0 }, { 0, 0 }, 0x40200, "L2 table offset 0x40200 unaligned" },
    { "l1-beyond", { 0 }, { 0, 0 }, FAR, "beyond the end of the file" },
    { "data-unaligned", { 0 }, { 0x50200, 0 }, 0, "offset 0x50200 unaligned" },
    { "data-beyond", { 0 }, { FAR, 0 }, 0, "the file was truncated" },
    { "zero-unaligned", { 0 }, { 0x50201, 0 }, 0, "offset 0x50200 unaligned" },
    { "zero-in-v2", { .version = 2 }, { 1, 0 }, 0, "Invalid cluster entry" },
    { "compressed-beyond", { 0 }, { SINTER_QCOW2_COMPRESSED | FAR, 0 }, 0, "beyond the end" },
    { "compressed-garbage", { 0 }, { SINTER_QCOW2_COMPRESSED | 64, 0 }, 0, "does not decompress" },
    { "compressed-zstd-garbage",
      { .incompatible = SINTER_QCOW2_INCOMPAT_COMPRESSION, .compression = 1 },
      { SINTER_QCOW2_COMPRESSED | 64, 0 },
      0,
      "does not decompress" },
    { "ext-contradiction",
      { .incompatible = SINTER_QCOW2_INCOMPAT_EXTENDED_L2 },
      { 0x50000, 0x100000001 },
      0,
      "Invalid cluster entry" },
    { "ext-nowhere",
      { .incompatible = SINTER_QCOW2_INCOMPAT_EXTENDED_L2 },
      { 0, 1 },
      0,
      "Invalid cluster entry" },
    { "data-file-elsewhere",
      { .incompatible = SINTER_QCOW2_INCOMPAT_DATA_FILE, .data_file = "d" },
      { 0x50000, 0 },
      0,
      "differs from the guest offset" },
    { "data-file-compressed",
      { .incompatible = SINTER_QCOW2_INCOMPAT_DATA_FILE, .data_file = "d" },
      { SINTER_QCOW2_COMPRESSED | 0x50000, 0 },
      0,
      "Compressed cluster in an image with a data file" },
};

static void
test_broken(gconstpointer data)
{
    const Broken *broken = data;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterIo) data_file = sinter_fs_open(fs, "d", SINTER_IO_CREATE, NULL);
    SinterChainOptions options = { .fs = fs, .format = "qcow2" };
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree guint8 *buf = g_malloc(4 << 16);
    Build build;

    g_assert_nonnull(data_file);
    build_begin(&build, fs, "image", &broken->options);
    build_map(&build, 0x10000, broken->l2);
    if (broken->l1)
        build_poke64(&build, build.l1_offset, broken->l1);
    build_end(&build);
    chain = sinter_chain_open("image", &options, &error);
    g_assert_no_error(error);
    g_assert_false(sinter_chain_read(chain, 0, buf, 4 << 16, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    if (!strstr(error->message, broken->text))
        g_error("'%s' does not hold '%s'", error->message, broken->text);
}

static void
test_snapshot(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .snapshot = "s" };
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(SinterChain) none = NULL;
    g_autoptr(GPtrArray) list = NULL;
    g_autoptr(GError) error = NULL;
    const SinterSnapshotInfo *info;
    guint8 byte = 0;
    Build build;

    build_begin(&build, fs, "image", &(BuildOptions){ 0 });
    build_map(&build, 0, (SinterQcow2L2Entry){ build_data(&build, 7), 0 });
    build_snapshot(&build);
    build_poke64(&build, build.l1_offset, 0); /* the active state is empty */
    list = sinter_image_list_snapshots(build.io, "qcow2", &error);
    g_assert_no_error(error);
    g_assert_cmpuint(list->len, ==, 1);
    info = g_ptr_array_index(list, 0);
    g_assert_cmpstr(info->id, ==, "1");
    g_assert_cmpstr(info->name, ==, "s");
    g_assert_cmpuint(info->disk_size, ==, 64 << 20);
    g_assert_cmpint(info->date_sec, ==, 1234567890);
    g_assert_true(info->icount == G_MAXUINT64);
    build_end(&build);
    chain = sinter_chain_open("image", &options, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_read(chain, 100, &byte, 1, &error));
    g_assert_cmpuint(byte, ==, 7);
    options.snapshot = "t";
    none = sinter_chain_open("image", &options, &error);
    g_assert_null(none);
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_NOT_FOUND);
}

/* A snapshot entry whose lengths lead anywhere but to the next one. */
static void
test_snapshot_broken(void)
{
    static const struct {
        guint at;
        guint32 value;
    } pokes[] = {
        { SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES, 1025 },
        { SINTER_QCOW2_SNAPSHOT_AT_EXTRA_BYTES, G_MAXUINT32 },
        { SINTER_QCOW2_SNAPSHOT_AT_ID_BYTES, G_MAXUINT32 },
    };

    for (gsize i = 0; i < G_N_ELEMENTS(pokes); i++) {
        g_autoptr(SinterFs) fs = sinter_fs_new_memory();
        g_autoptr(GError) error = NULL;
        Build build;

        build_begin(&build, fs, "image", &(BuildOptions){ 0 });
        build_snapshot(&build);
        build_poke32(&build, build.end - build.geo.cluster_size + pokes[i].at, pokes[i].value);
        g_assert_null(sinter_image_list_snapshots(build.io, "qcow2", &error));
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
        build_end(&build);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
        g_autofree char *path = g_strconcat("/qcow2-map/model/", shapes[i].name, NULL);

        g_test_add_data_func(path, &shapes[i], test_model);
    }
    for (gsize i = 0; i < G_N_ELEMENTS(brokens); i++) {
        g_autofree char *path = g_strconcat("/qcow2-map/broken/", brokens[i].name, NULL);

        g_test_add_data_func(path, &brokens[i], test_broken);
    }
    g_test_add_func("/qcow2-snapshot/read", test_snapshot);
    g_test_add_func("/qcow2-snapshot/broken", test_snapshot_broken);
    return g_test_run();
}
