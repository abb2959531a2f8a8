/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Chains: what may be opened and what may not, and in which words; the merged map of layers that
 * differ in size; hostile images, which must cost next to nothing; and storage that fails at every
 * single call.
 */

#include "chain/sinter-chain.h"
#include "io/sinter-fs-fault.h"
#include "qcow2-build.h"
#include "sinter-error.h"

#include <string.h>
#include <time.h>

/* What a hostile image may cost; sanitizers make everything some times slower. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer) ||                           \
    __has_feature(thread_sanitizer)
#define CPU_SECONDS 10.0
#else
#define CPU_SECONDS 1.0
#endif

/* An image "path" with one cluster of @byte at @guest; no data where @byte is 0. */
static void
make_layer(SinterFs *fs, const char *path, const BuildOptions *options, guint64 guest, guint8 byte)
{
    Build build;

    build_begin(&build, fs, path, options);
    if (byte)
        build_map(&build, guest, (SinterQcow2L2Entry){ build_data(&build, byte), 0 });
    build_end(&build);
}

static void
make_raw(SinterFs *fs, const char *path, guint64 size)
{
    g_autoptr(SinterIo) io = sinter_fs_open(fs, path, SINTER_IO_CREATE, NULL);

    g_assert_true(sinter_io_truncate(io, size, NULL));
}

static SinterChain *
open_top(SinterFs *fs, const char *path, SinterChainFlags flags, GError **error)
{
    SinterChainOptions options = { .fs = fs, .format = "qcow2", .flags = flags };

    return sinter_chain_open(path, &options, error);
}

typedef struct {
    GString *text;
} Drawing;

/* "offset+length kind layer" for each extent */
static gboolean
draw(const SinterExtent *extent, gpointer data)
{
    static const char *const kinds[] = { "hole", "zero", "data", "packed" };

    g_string_append_printf(
        ((Drawing *)data)->text, "%" G_GUINT64_FORMAT "k+%" G_GUINT64_FORMAT "k %s %u%s\n",
        extent->offset >> 10, extent->length >> 10, kinds[extent->kind], extent->layer,
        extent->flags & SINTER_EXTENT_BEYOND_END ? " beyond" : "");
    return TRUE;
}

static void
test_merged(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;
    Drawing drawing = { text };
    guint8 byte = 1;

    make_raw(fs, "/d/base", 192 << 10);
    make_layer(
        fs, "/d/mid",
        &(BuildOptions){ .backing = "base", .backing_format = "raw", .virtual_size = 1 << 20 },
        64 << 10, 5);
    make_layer(
        fs, "/d/top",
        &(BuildOptions){ .backing = "/d/mid", .backing_format = "qcow2", .virtual_size = 2 << 20 },
        512 << 10, 6);
    chain = open_top(fs, "/d/top", SINTER_CHAIN_DEFAULT, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sinter_chain_get_n_layers(chain), ==, 3);
    g_assert_cmpstr(sinter_chain_get_info(chain, 2)->path, ==, "/d/base");
    sinter_chain_map(chain, 0, 2 << 20, SINTER_MAP_DEFAULT, draw, &drawing, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(text->str, ==,
                    "0k+64k zero 2\n"
                    "64k+64k data 1\n"
                    "128k+64k zero 2\n"
                    "192k+320k hole 1 beyond\n"
                    "512k+64k data 0\n"
                    "576k+448k hole 1 beyond\n"
                    "1024k+1024k hole 0 beyond\n");
    g_assert_true(sinter_chain_read(chain, (2 << 20) - 1, &byte, 1, &error));
    g_assert_cmpuint(byte, ==, 0);
    g_assert_false(sinter_chain_read(chain, (2 << 20) - 1, &byte, 2, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
    g_clear_error(&error);
    g_assert_false(
        sinter_chain_map(chain, G_MAXUINT64, 2, SINTER_MAP_DEFAULT, draw, &drawing, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static gboolean
stop_at_second(const SinterExtent *extent, gpointer n)
{
    return ++*(guint *)n < 2;
}

static void
test_stop(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;
    guint n = 0;

    make_layer(fs, "top", &(BuildOptions){ 0 }, 1 << 20, 5);
    chain = open_top(fs, "top", SINTER_CHAIN_DEFAULT, &error);
    g_assert_true(
        sinter_chain_map(chain, 0, 64 << 20, SINTER_MAP_DEFAULT, stop_at_second, &n, &error));
    g_assert_cmpuint(n, ==, 2);
}

typedef struct {
    const char *name;
    const char *backing; /* of "mid", on which "top" stands */
    const char *backing_format;
    SinterChainFlags flags;
    int code; /* -1: opens */
    const char *text;
} Opening;

static const Opening openings[] = {
    { "sound", "base", "raw", 0, -1, NULL },
    { "missing", "nowhere", "raw", 0, SINTER_ERROR_NOT_FOUND,
      "Could not open 'top': Could not open backing file: Could not open backing file: "
      "Could not open 'nowhere': No such file or directory" },
    { "missing-below", "nowhere", "raw", SINTER_CHAIN_NO_BACKING, -1, NULL },
    { "no-format", "base", NULL, 0, SINTER_ERROR_UNSUPPORTED, "does not store the format" },
    { "no-format-probe", "base", NULL, SINTER_CHAIN_PROBE, -1, NULL },
    { "wrong-format", "base", "qcow2", 0, SINTER_ERROR_UNSUPPORTED, "not in qcow2 format" },
    { "unknown-format", "base", "vmdk", 0, SINTER_ERROR_UNSUPPORTED, "Unknown driver 'vmdk'" },
    { "json", "json:{\"driver\":\"raw\"}", "raw", 0, SINTER_ERROR_INVALID_ARGUMENT,
      "requires a file name" },
    { "json-relative", "json:{\"file.filename\":\"base\"}", "raw", 0, SINTER_ERROR_UNSUPPORTED,
      "absolute path" },
    { "json-protocol", "json:{\"driver\":\"nbd\"}", "raw", 0, SINTER_ERROR_UNSUPPORTED,
      "driver 'nbd' is not supported" },
    { "protocol", "nbd://localhost/x", "raw", 0, SINTER_ERROR_UNSUPPORTED, "not a plain path" },
    { "loop", "top", "qcow2", 0, SINTER_ERROR_CORRUPT, "loops" },
    { "loop-self", "mid", "qcow2", 0, SINTER_ERROR_CORRUPT, "loops" },
};

static void
test_opening(gconstpointer data)
{
    const Opening *opening = data;
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;

    make_raw(fs, "base", 1 << 20);
    make_layer(
        fs, "mid",
        &(BuildOptions){ .backing = opening->backing, .backing_format = opening->backing_format },
        0, 0);
    make_layer(fs, "top", &(BuildOptions){ .backing = "mid", .backing_format = "qcow2" }, 0, 0);
    chain = open_top(fs, "top", opening->flags, &error);
    if (opening->code < 0) {
        g_assert_no_error(error);
        return;
    }
    g_assert_null(chain);
    g_assert_error(error, SINTER_ERROR, opening->code);
    if (!strstr(error->message, opening->text))
        g_error("'%s' does not hold '%s'", error->message, opening->text);
}

static void
test_depth(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(SinterChain) deepest = NULL;
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i <= SINTER_CHAIN_MAX_LAYERS; i++) {
        g_autofree char *path = g_strdup_printf("%u", i);
        g_autofree char *below = i ? g_strdup_printf("%u", i - 1) : NULL;

        make_layer(fs, path,
                   &(BuildOptions){ .backing = below,
                                    .backing_format = below ? "qcow2" : NULL,
                                    .cluster_bits = 9,
                                    .virtual_size = 512 },
                   0, i == 0 ? 9 : 0);
    }
    deepest = open_top(fs, "999", SINTER_CHAIN_DEFAULT, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(sinter_chain_get_n_layers(deepest), ==, SINTER_CHAIN_MAX_LAYERS);
    g_assert_null(open_top(fs, "1000", SINTER_CHAIN_DEFAULT, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
}

static void
test_no_format(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GError) error = NULL;
    SinterChainOptions options = { .fs = fs };

    make_raw(fs, "top", 512);
    g_assert_null(sinter_chain_open("top", &options, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_INVALID_ARGUMENT);
}

static void
test_encrypted(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(SinterChain) chain = NULL;
    g_autoptr(GError) error = NULL;
    Drawing drawing = { text };
    guint8 byte;

    make_layer(fs, "top",
               &(BuildOptions){ .crypt_method = SINTER_QCOW2_CRYPT_AES, .virtual_size = 128 << 10 },
               0, 5);
    chain = open_top(fs, "top", SINTER_CHAIN_DEFAULT, &error);
    g_assert_no_error(error);
    g_assert_true(sinter_chain_map(chain, 0, 128 << 10, 0, draw, &drawing, &error));
    g_assert_cmpstr(text->str, ==, "0k+64k data 0\n64k+64k hole 0\n");
    g_assert_true(sinter_chain_read(chain, 64 << 10, &byte, 1, &error));
    g_assert_false(sinter_chain_read(chain, 0, &byte, 1, &error));
    g_assert_error(error, SINTER_ERROR, SINTER_ERROR_UNSUPPORTED);
}

/* Opens, maps and reads a hostile image. It may do so or refuse, but at once. */
static void
hostile_try(SinterFs *fs, gboolean must_refuse)
{
    clock_t start = clock();
    g_autoptr(GError) error = NULL;
    g_autoptr(SinterChain) chain = open_top(fs, "evil", SINTER_CHAIN_DEFAULT, &error);
    double seconds;
    guint n = 0;

    if (chain)
        sinter_chain_map(chain, 0, sinter_chain_get_virtual_size(chain), SINTER_MAP_FILE_HOLES_AUTO,
                         stop_at_second, &n, &error);
    seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    g_test_message("%.3f s, %s", seconds, error ? error->message : "opened");
    if (must_refuse)
        g_assert_error(error, SINTER_ERROR, SINTER_ERROR_CORRUPT);
    g_assert_cmpfloat(seconds, <, CPU_SECONDS);
}

#define EVIL_L1_ENTRIES (SINTER_QCOW2_L1_MAX_BYTES / 8)

/* As many L1 entries as there may be, all for one full L2 table. */
static void
test_hostile_one_l2(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree guint64 *l1 = g_new(guint64, EVIL_L1_ENTRIES);
    guint64 table;
    Build build;

    build_begin(&build, fs, "evil",
                &(BuildOptions){ .virtual_size = (guint64)EVIL_L1_ENTRIES << 29 });
    table = build_take(&build, 1);
    for (guint i = 0; i < EVIL_L1_ENTRIES; i++)
        l1[i] = GUINT64_TO_BE(table);
    build_poke(&build, build.l1_offset, l1, SINTER_QCOW2_L1_MAX_BYTES);
    build_end(&build);
    hostile_try(fs, TRUE);
}

/* As many L1 entries as there may be, each for a table of its own in the hole of a huge file. */
static void
test_hostile_hole(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autofree guint64 *l1 = g_new(guint64, EVIL_L1_ENTRIES);
    Build build;

    build_begin(&build, fs, "evil",
                &(BuildOptions){ .virtual_size = (guint64)EVIL_L1_ENTRIES << 29 });
    for (guint i = 0; i < EVIL_L1_ENTRIES; i++)
        l1[i] = GUINT64_TO_BE(build.end + ((guint64)i << 16));
    build_poke(&build, build.l1_offset, l1, SINTER_QCOW2_L1_MAX_BYTES);
    g_assert_true(sinter_io_truncate(build.io, G_GUINT64_CONSTANT(1) << 50, NULL));
    build_end(&build);
    hostile_try(fs, FALSE);
}

/* The largest disk that fits, without a single table. */
static void
test_hostile_size(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    Build build;

    build_begin(
        &build, fs, "evil",
        &(BuildOptions){ .cluster_bits = 21, .virtual_size = (guint64)EVIL_L1_ENTRIES << 39 >> 1 });
    build_end(&build);
    hostile_try(fs, FALSE);
}

/* Snapshots and bitmaps by the header's word only, in the hole of a huge file. */
static void
test_hostile_lists(void)
{
    g_autoptr(SinterFs) fs = sinter_fs_new_memory();
    g_autoptr(GPtrArray) list = NULL;
    clock_t start = clock();
    Build build;

    build_begin(&build, fs, "evil", &(BuildOptions){ .autoclear = SINTER_QCOW2_AUTOCLEAR_BITMAPS });
    g_assert_true(sinter_io_truncate(build.io, G_GUINT64_CONSTANT(1) << 50, NULL));
    build_poke32(&build, SINTER_QCOW2_AT_N_SNAPSHOTS, SINTER_QCOW2_SNAPSHOTS_MAX);
    build_poke64(&build, SINTER_QCOW2_AT_SNAPSHOTS_OFFSET, G_GUINT64_CONSTANT(1) << 40);
    build_poke32(&build, 112, SINTER_QCOW2_EXT_BITMAPS);
    build_poke32(&build, 116, SINTER_QCOW2_EXT_BITMAPS_BYTES);
    build_poke32(&build, 120, SINTER_QCOW2_BITMAPS_MAX);
    build_poke64(&build, 128, SINTER_QCOW2_BITMAP_DIRECTORY_MAX_BYTES);
    build_poke64(&build, 136, G_GUINT64_CONSTANT(1) << 41);
    list = sinter_image_list_snapshots(build.io, "qcow2", NULL);
    g_clear_pointer(&list, g_ptr_array_unref);
    list = sinter_image_list_bitmaps(build.io, "qcow2", NULL);
    g_assert_cmpfloat((double)(clock() - start) / CLOCKS_PER_SEC, <, CPU_SECONDS);
    build_end(&build);
}

/* Everything that a reader does, on images of every kind. FALSE with an error, or right. */
static gboolean
read_all(SinterFs *fs, const char *path, const char *snapshot, const guint8 *expected, gsize size,
         GError **error)
{
    SinterChainOptions options = {
        .fs = fs, .format = "qcow2", .snapshot = snapshot, .cache_bytes = 1
    };
    g_autoptr(SinterChain) chain = sinter_chain_open(path, &options, error);
    g_autoptr(SinterImageInfo) info = NULL;
    g_autofree guint8 *buf = g_malloc(size);
    g_autoptr(GString) text = g_string_new(NULL);
    Drawing drawing = { text };

    if (!chain || !sinter_chain_read(chain, 0, buf, size, error) ||
        !sinter_chain_map(chain, 0, size, SINTER_MAP_FILE_HOLES, draw, &drawing, error))
        return FALSE;
    if (expected)
        g_assert_cmpmem(buf, size, expected, size);
    info = sinter_image_info_new(fs, path, NULL, error);
    return info != NULL;
}

static void
make_everything(SinterFs *fs)
{
    Build build;

    make_raw(fs, "base", 256 << 10);
    make_raw(fs, "data", 256 << 10);
    build_begin(&build, fs, "mid",
                &(BuildOptions){ .backing = "base",
                                 .backing_format = "raw",
                                 .virtual_size = 256 << 10,
                                 .incompatible = SINTER_QCOW2_INCOMPAT_DATA_FILE,
                                 .data_file = "data" });
    build_map(&build, 64 << 10, (SinterQcow2L2Entry){ 64 << 10 | SINTER_QCOW2_COPIED, 0 });
    build_end(&build);
    build_begin(
        &build, fs, "top",
        &(BuildOptions){ .backing = "mid", .backing_format = "qcow2", .virtual_size = 256 << 10 });
    build_map(&build, 0, (SinterQcow2L2Entry){ build_data(&build, 3), 0 });
    build_map(&build, 128 << 10, build_compressed(&build, 4));
    build_map(&build, 192 << 10, build_compressed(&build, 5));
    build_snapshot(&build);
    build_end(&build);
}

static void
test_every_fault(gconstpointer kind)
{
    g_autoptr(SinterFs) memory = sinter_fs_new_memory();
    g_autoptr(SinterFs) fs = sinter_fs_fault_new(memory);
    g_autofree guint8 *expected = g_malloc0(256 << 10);
    g_autoptr(GError) error = NULL;
    guint64 n_calls;

    make_everything(memory);
    memset(expected, 3, 64 << 10);
    memset(expected + (128 << 10), 4, 64 << 10);
    memset(expected + (192 << 10), 5, 64 << 10);
    sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, SINTER_FAULT_EIO, 0, FALSE);
    read_all(fs, "top", "s", expected, 256 << 10, &error);
    g_assert_no_error(error);
    n_calls = sinter_fs_fault_get_count(fs);
    g_assert_cmpuint(n_calls, >, 30);
    for (guint64 nth = 1; nth <= n_calls; nth++) {
        sinter_fs_fault_arm(fs, SINTER_FAULT_ALL, (SinterFaultKind)GPOINTER_TO_INT(kind), nth,
                            FALSE);
        if (!read_all(fs, "top", "s", expected, 256 << 10, &error)) {
            g_assert_nonnull(error);
            g_assert_cmpuint(strlen(error->message), >, 10);
        } else {
            g_assert_no_error(error);
        }
        g_clear_error(&error);
    }
}

/* Bytes of the metadata flipped at random: an error or some content, never a crash. */
static void
test_flipped(void)
{
    guint32 seed = g_test_rand_int();
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    g_test_message("seed %u", seed);
    for (guint round = 0; round < 400; round++) {
        g_autoptr(SinterFs) fs = sinter_fs_new_memory();
        g_autoptr(SinterIo) io = NULL;
        g_autoptr(GError) error = NULL;

        make_everything(fs);
        io = sinter_fs_open(fs, round % 3 ? "top" : "mid", SINTER_IO_WRITE, NULL);
        for (guint i = (guint)g_rand_int_range(rand, 1, 4); i > 0; i--) {
            guint8 byte = (guint8)g_rand_int(rand);
            guint64 at = (guint64)g_rand_int_range(rand, 0, 10) << 16;

            at += (guint64)g_rand_int_range(rand, 0, 160);
            g_assert_true(sinter_io_write(io, at, &byte, 1, &error));
        }
        if (!read_all(fs, "top", round % 2 ? "s" : NULL, NULL, 256 << 10, &error))
            g_assert_nonnull(error);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chain/merged", test_merged);
    g_test_add_func("/chain/stop", test_stop);
    g_test_add_func("/chain/depth", test_depth);
    g_test_add_func("/chain/no-format", test_no_format);
    g_test_add_func("/chain/encrypted", test_encrypted);
    for (gsize i = 0; i < G_N_ELEMENTS(openings); i++) {
        g_autofree char *path = g_strconcat("/chain/opening/", openings[i].name, NULL);

        g_test_add_data_func(path, &openings[i], test_opening);
    }
    g_test_add_func("/chain/hostile/one-l2", test_hostile_one_l2);
    g_test_add_func("/chain/hostile/hole", test_hostile_hole);
    g_test_add_func("/chain/hostile/size", test_hostile_size);
    g_test_add_func("/chain/hostile/lists", test_hostile_lists);
    g_test_add_data_func("/chain/fault/eio", GINT_TO_POINTER(SINTER_FAULT_EIO), test_every_fault);
    g_test_add_data_func("/chain/fault/short", GINT_TO_POINTER(SINTER_FAULT_SHORT),
                         test_every_fault);
    g_test_add_func("/chain/flipped", test_flipped);
    return g_test_run();
}
